"""What a plugin object implements, and the rules that pluggy does not enforce.

pluggy hides a keyword-only parameter, overrules a default, accepts a misspelt hook
and never awaits a coroutine: each would be a silent wrong answer, so each is refused
when the reranker is loaded.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING

from resift import hookspecs
from resift.errors import IncompatibleRerankerError, InvalidRerankerError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "HOOKS",
    "SCORE_KINDS",
    "SCORING",
    "Implementation",
    "implementation",
    "may_be_reranker",
]

_MARK = "resift_impl"
SCORING = ("score", "score_many")
SCORE_KINDS = ("probability", "similarity", "logit", "ordinal")
HOOKS: dict[str, tuple[str, ...]] = {
    name: tuple(inspect.signature(getattr(hookspecs, name)).parameters)
    for name in (*SCORING, "merge", "warmup", "check", "close")
}
"""Each hook and the arguments it may name."""


class Implementation:
    """The hooks that a class implements, `hooks`, and those that it wraps, `wraps`.

    Both map the name of the hook to the name of the attribute.

    Args:
        cls: The plugin class, examined without building it.
    """

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.hooks: dict[str, str] = {}
        self.wraps: dict[str, str] = {}
        for name in dir(cls):
            method = inspect.getattr_static(cls, name, None)
            options = getattr(getattr(method, "__func__", method), _MARK, None)
            if isinstance(options, dict):
                hook = options.get("specname") or name
                if options.get("wrapper") or options.get("hookwrapper"):
                    self.wraps[hook] = name
                else:
                    self.hooks[hook] = name

    @property
    def can_score(self) -> bool:
        return any(hook in self.hooks for hook in SCORING)

    @property
    def can_merge(self) -> bool:
        return "merge" in self.hooks

    def method(self, hook: str) -> Callable[..., object]:
        """Return the function that implements *hook*, as the class defines it."""
        function: Callable[..., object] = getattr(self.cls, self.hooks[hook])
        return function

    @cached_property
    def arguments(self) -> Mapping[str, frozenset[str]]:
        """The arguments that the implementation of each hook names."""
        return {
            hook: frozenset(inspect.signature(self.method(hook)).parameters)
            for hook in self.hooks
        }

    def names(self, hook: str, argument: str) -> bool:
        """Return whether the implementation of *hook* asks for *argument*."""
        return argument in self.arguments.get(hook, ())

    def check(self, who: str) -> None:
        """Refuse a class that could never work.

        Raises:
            IncompatibleRerankerError: If it was written for another hook version.
            InvalidRerankerError: If it breaks a rule of `resift.hookspecs`.
        """
        self._check_api(who)
        self._check_hooks(who)
        if not (self.can_score or self.can_merge):
            msg = (
                f"{who} must implement 'score', 'score_many' or 'merge', "
                "and implements none of them. Decorate a method of that name with "
                "@resift.hookimpl."
            )
            raise InvalidRerankerError(msg, who=who)

    def check_wrapper(self, who: str) -> None:
        """Refuse a class that does anything but wrap hooks.

        Raises:
            InvalidRerankerError: If it could change what a reranker does unseen.
        """
        if self.hooks or not self.wraps:
            msg = (
                f"{who} must mark each of its hooks with "
                "@resift.hookimpl(wrapper=True), and have at least one of: "
                f"{', '.join(HOOKS)}."
            )
            raise InvalidRerankerError(msg, who=who)
        self._check_api(who)
        self._check_hooks(who)

    def _check_api(self, who: str) -> None:
        wanted = getattr(self.cls, "resift_api", hookspecs.API_VERSION)
        if str(wanted).split(".")[0] != str(hookspecs.API_VERSION):
            msg = (
                f"{who} was written for hooks of version {wanted}, but this resift has "
                f"version {hookspecs.API_VERSION}. Install a release of one that fits "
                "the other."
            )
            raise IncompatibleRerankerError(msg, who=who)

    def _check_hooks(self, who: str) -> None:
        for hook in HOOKS:
            self._check_mark(hook, who)
        for hook, name in self.hooks.items():
            self._check_hook(hook, name, who)
        for hook, name in self.wraps.items():
            self._check_hook(hook, name, who)
            if not inspect.isgeneratorfunction(getattr(self.cls, name)):
                msg = (
                    f"{name!r} is a wrapper, so it must be a generator with "
                    "one 'yield', where the hook runs. Add it."
                )
                raise InvalidRerankerError(msg, who=who)

    def _check_mark(self, name: str, who: str) -> None:
        """Refuse a method called like a hook that nobody would ever call."""
        marked = {*self.hooks.values(), *self.wraps.values()}
        if callable(getattr(self.cls, name, None)) and name not in marked:
            msg = (
                f"{who} has a method {name!r} that is not marked as a hook. Decorate "
                "it with @resift.hookimpl, or rename it."
            )
            raise InvalidRerankerError(msg, who=who)

    def _check_hook(self, hook: str, attribute: str, who: str) -> None:
        if hook not in HOOKS:
            close = difflib.get_close_matches(hook, HOOKS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            msg = f"{who} implements {hook!r}, which is not a hook.{hint} Hooks: "
            raise InvalidRerankerError(msg + ", ".join(map(repr, HOOKS)) + ".")
        method = getattr(self.cls, attribute)
        name = f"{who}: {attribute!r}"
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            msg = f"{name} is async, but hooks are synchronous. Make it a plain def."
            raise InvalidRerankerError(msg)
        parameters = list(inspect.signature(method).parameters.values())
        if inspect.isfunction(inspect.getattr_static(self.cls, attribute)):
            if not parameters or parameters[0].name in HOOKS[hook]:
                msg = f"{name} must take 'self' first, as every method does. Add it."
                raise InvalidRerankerError(msg)
            del parameters[:1]
        for parameter in parameters:
            if problem := _wrong_parameter(parameter, HOOKS[hook]):
                msg = f"{name} {problem}"
                raise InvalidRerankerError(msg)


def _wrong_parameter(
    parameter: inspect.Parameter, allowed: tuple[str, ...]
) -> str | None:
    name = parameter.name
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        return (
            f"takes {name!r} as a keyword-only argument, which the hook call cannot "
            "fill. Remove the '*'."
        )
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return (
            f"takes {parameter}, which the hook call cannot fill. Name the arguments "
            f"you need: {', '.join(allowed)}."
        )
    if name not in allowed:
        close = difflib.get_close_matches(name, allowed, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return (
            f"takes {name!r}, which the hook does not have.{hint} It has: "
            f"{', '.join(allowed)}."
        )
    if parameter.default is not None and parameter.default is not parameter.empty:
        return (
            f"gives {name!r} the default {parameter.default!r}, which the hook call "
            "overrules. Make it None and fill it in inside."
        )
    return None


implementation: Callable[[type], Implementation] = cache(Implementation)
"""What a class implements; examined once per class."""


def may_be_reranker(value: object) -> bool:
    """Tell whether *value* is a name, a table, or an object that is worth a check."""
    return (
        isinstance(value, str | Mapping)
        or callable(value)
        or bool(implementation(type(value)).hooks)
        or any(hasattr(value, hook) for hook in HOOKS)
    )
