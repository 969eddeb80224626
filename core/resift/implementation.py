"""What a plugin object implements, and the rules that pluggy does not enforce.

pluggy hides a keyword-only parameter, overrules a default, accepts a misspelt hook
and never awaits a coroutine: each would be a silent wrong answer, so each is refused
when the reranker is loaded.
"""

from __future__ import annotations

import difflib
import inspect
from functools import cache
from typing import TYPE_CHECKING

from resift import hookspecs
from resift.errors import IncompatibleRerankerError, InvalidRerankerError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HOOKS", "SCORING", "Implementation", "implementation"]

_MARK = "resift_impl"
SCORING = ("score", "score_many")
HOOKS: dict[str, tuple[str, ...]] = {
    name: tuple(inspect.signature(getattr(hookspecs, name)).parameters)
    for name in (*SCORING, "merge", "warmup", "close")
}
"""Each hook and the arguments it may name."""


class Implementation:
    """The hooks that a class implements: hook name -> attribute name.

    Args:
        cls: The plugin class, examined without building it.
    """

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.hooks: dict[str, str] = {}
        self.wraps: set[str] = set()
        for name in dir(cls):
            method = inspect.getattr_static(cls, name, None)
            options = getattr(getattr(method, "__func__", method), _MARK, None)
            if isinstance(options, dict):
                hook = options.get("specname") or name
                if options.get("wrapper") or options.get("hookwrapper"):
                    self.wraps.add(hook)
                else:
                    self.hooks[hook] = name

    @property
    def scores(self) -> bool:
        return any(hook in self.hooks for hook in SCORING)

    @property
    def merges(self) -> bool:
        return "merge" in self.hooks

    def method(self, hook: str) -> Callable[..., object]:
        """Return the function that implements *hook*, as the class defines it."""
        function: Callable[..., object] = getattr(self.cls, self.hooks[hook])
        return function

    def names(self, hook: str, argument: str) -> bool:
        """Tell whether the implementation of *hook* asks for *argument*."""
        return (
            hook in self.hooks
            and argument in inspect.signature(self.method(hook)).parameters
        )

    def check(self, who: str) -> None:
        """Refuse a class that could never work.

        Raises:
            IncompatibleRerankerError: If it was written for another hook version.
            InvalidRerankerError: If it breaks a rule of `resift.hookspecs`.
        """
        self._check_api(who)
        for hook in self.hooks:
            self._check_hook(hook, who)
        if not (self.scores or self.merges):
            raise InvalidRerankerError(self._nothing(who))

    def _check_api(self, who: str) -> None:
        wanted = getattr(self.cls, "resift_api", hookspecs.API_VERSION)
        if str(wanted).split(".")[0] != str(hookspecs.API_VERSION):
            msg = (
                f"{who} was written for hooks of version {wanted}, but this resift has "
                f"version {hookspecs.API_VERSION}. Install a release of one that fits "
                "the other."
            )
            raise IncompatibleRerankerError(msg)

    def _nothing(self, who: str) -> str:
        forgotten = next(
            (hook for hook in (*SCORING, "merge") if hasattr(self.cls, hook)), None
        )
        if forgotten:
            return (
                f"{who} has a method {forgotten!r} that is not marked as a hook. "
                "Decorate it with @resift.hookimpl."
            )
        return (
            f"{who} must implement 'score', 'score_many' or 'merge', and implements "
            f"none of them. Decorate a method of that name with @resift.hookimpl."
        )

    def _check_hook(self, hook: str, who: str) -> None:
        if hook not in HOOKS:
            close = difflib.get_close_matches(hook, HOOKS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            msg = f"{who} implements {hook!r}, which is not a hook.{hint} Hooks: "
            raise InvalidRerankerError(msg + ", ".join(map(repr, HOOKS)) + ".")
        method = self.method(hook)
        name = f"{who}: {self.hooks[hook]!r}"
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            msg = f"{name} is async, but hooks are synchronous. Make it a plain def."
            raise InvalidRerankerError(msg)
        for parameter in inspect.signature(method).parameters.values():
            if problem := _wrong_parameter(parameter, HOOKS[hook]):
                msg = f"{name} {problem}"
                raise InvalidRerankerError(msg)


def _wrong_parameter(
    parameter: inspect.Parameter, allowed: tuple[str, ...]
) -> str | None:
    name = parameter.name
    if name == "self":
        return None
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        return (
            f"takes {name!r} as a keyword-only argument, which the hook call cannot "
            "fill. Remove the '*'."
        )
    if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
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
    if parameter.default not in (inspect.Parameter.empty, None):
        return (
            f"gives {name!r} the default {parameter.default!r}, which the hook call "
            "overrules. Make it None and fill it in inside."
        )
    return None


@cache
def implementation(cls: type) -> Implementation:
    """Return what *cls* implements; examined once per class."""
    return Implementation(cls)
