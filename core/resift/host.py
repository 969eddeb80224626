"""The host: one plugin, its wrappers and the defaults it lacks, in one manager."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import pluggy

from resift import hookspecs
from resift.errors import InvalidRerankerError, ResiftError
from resift.hookspecs import hookimpl
from resift.implementation import HOOKS, implementation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from resift.mergers import ReciprocalRankFusion
    from resift.ranking import Ranking
    from resift.scores import MergedLike, ScoresLike

__all__ = ["Host", "function_plugin", "named", "only_merge"]

_Plugin: TypeAlias = object


class Host:
    """One plugin instance behind its hooks.

    Args:
        plugin: The plugin instance.
        merger: Another instance, of which only `merge` is used; None for the plugin's
            own, or reciprocal rank fusion.
        wrappers: Objects whose hook implementations are all wrappers.
        who: The reranker, as messages name it.

    Raises:
        InvalidRerankerError: If the plugin breaks a rule of the hooks.
    """

    def __init__(
        self,
        plugin: _Plugin,
        *,
        merger: _Plugin | None = None,
        wrappers: Iterable[_Plugin] = (),
        who: str,
    ) -> None:
        if inspect.isclass(plugin):
            msg = f"{who} must be an instance, got a class. Call it."
            raise InvalidRerankerError(msg)
        self.implementation = implementation(type(plugin))
        self.implementation.check(who)
        self.scores = self.implementation.scores
        self.plugins = pluggy.PluginManager("resift")
        self.plugins.add_hookspecs(hookspecs)
        self._add_missing(merger, who)
        if merger is None:
            self._register(plugin)
        else:  # the plugin's own merger must not answer where this one does not
            self._register(plugin, without="merge")
            self.plugins.register(only_merge(merger, who))
        for wrapper in wrappers:
            implementation(type(wrapper)).check_wrapper(
                f"{who}: wrapper {type(wrapper).__name__}"
            )
            self._register(wrapper)
        self.hook = self.plugins.hook

    def close(self) -> list[Exception]:
        """Close every plugin, and return what any of them raised."""
        errors: list[Exception] = []
        closers = [
            impl.plugin
            for impl in self.hook.close.get_hookimpls()
            if not (impl.wrapper or impl.hookwrapper)
        ]
        for plugin in closers:
            others = [p for p in closers if p is not plugin]
            try:
                self.plugins.subset_hook_caller("close", others)()
            except Exception as error:  # noqa: BLE001  # all are raised together
                errors.append(error)
        return errors

    def _add_missing(self, merger: _Plugin | None, who: str) -> None:
        """Register, to be asked last, only the defaults that the plugin lacks."""
        has = self.implementation.hooks
        if "score" in has and "score_many" not in has:
            self.plugins.register(_ScoreEach(self.plugins), "resift:score_many")
        elif "score_many" in has and "score" not in has:
            self.plugins.register(_ScoreOne(self.plugins, who), "resift:score")
        if merger is None and not self.implementation.merges:
            from resift.mergers import ReciprocalRankFusion

            self.plugins.register(_Last(ReciprocalRankFusion()), "resift:merge")

    def _register(self, plugin: _Plugin, *, without: str = "") -> None:
        """Register *plugin*, or what stands in for it.

        pluggy hashes and compares plugins: two that are equal are one to it.
        """
        identity = type(plugin).__eq__ is object.__eq__
        if not identity or without in implementation(type(plugin)).hooks:
            plugin = _Hooks(plugin, [hook for hook in HOOKS if hook != without])
        self.plugins.register(plugin)


@contextmanager
def named(who: str, doing: str) -> Iterator[None]:
    """Say who it was that raised, where the error itself does not.

    Of rerankers inside rerankers, the innermost.
    """
    raised = " raised this while "
    try:
        yield
    except Exception as error:
        told = any(raised in note for note in getattr(error, "__notes__", ()))
        if not (told or isinstance(error, ResiftError)):
            error.add_note(f"{who}{raised}{doing}.")
        raise


class _ScoreEach:
    """`score_many` through `score`."""

    def __init__(self, plugins: pluggy.PluginManager) -> None:
        self._plugins = plugins

    @hookimpl(trylast=True)
    def score_many(
        self, queries: Sequence[str], documents: Sequence[Sequence[str]]
    ) -> list[ScoresLike]:
        score = self._plugins.hook.score
        return [
            score(query=query, documents=texts)
            for query, texts in zip(queries, documents, strict=True)
        ]


class _ScoreOne:
    """`score` through `score_many`."""

    def __init__(self, plugins: pluggy.PluginManager, who: str) -> None:
        self._plugins = plugins
        self._who = who

    @hookimpl(trylast=True)
    def score(self, query: str, documents: Sequence[str]) -> object:
        from resift.scores import checked_items

        many = self._plugins.hook.score_many(queries=[query], documents=[documents])
        return checked_items(many, 1, self._who)[0]


class _Last:
    """The merger that is used where there is no other."""

    def __init__(self, merger: ReciprocalRankFusion) -> None:
        self._merger = merger

    @hookimpl(trylast=True)
    def merge(self, rankings: Sequence[Ranking], n_documents: int) -> MergedLike:
        return self._merger.merge(rankings, n_documents)


class _Hooks:
    """The bound hook methods of a plugin, without the rest of it.

    Stands in for a plugin with an equality of its own (a dataclass), and for one of
    which only some hooks are wanted.

    Args:
        plugin: The plugin instance.
        only: The hooks that are wanted; its wrappers always are.
    """

    def __init__(self, plugin: _Plugin, only: Sequence[str]) -> None:
        found = implementation(type(plugin))
        names = [name for hook, name in found.hooks.items() if hook in only]
        for name in (*names, *found.wraps.values()):
            setattr(self, name, getattr(plugin, name))


def only_merge(merger: _Plugin, who: str) -> _Hooks:
    """Return what stands in for *merger*, of which only `merge` is wanted.

    Raises:
        InvalidRerankerError: If it is no merger.
    """
    found = implementation(type(merger))
    found.check(f"{who}: its merger {type(merger).__name__}")
    if not found.merges:
        msg = (
            f"{who}: merge must name a reranker that merges, but "
            f"{type(merger).__name__} implements only "
            f"{', '.join(map(repr, found.hooks))}."
        )
        raise InvalidRerankerError(msg)
    return _Hooks(merger, ["merge"])


def function_plugin(function: Callable[..., ScoresLike]) -> _Plugin:
    """Return a plugin that scores with ``function(query, documents)``.

    Raises:
        InvalidRerankerError: If the function is async.
    """
    if inspect.iscoroutinefunction(function):
        name = getattr(function, "__name__", "function")
        msg = (
            f"Reranker {name!r} is async, but hooks are synchronous. Make it a plain "
            "def."
        )
        raise InvalidRerankerError(msg)
    return _Function(function)


class _Function:
    def __init__(self, function: Callable[..., ScoresLike]) -> None:
        self.function = function

    @hookimpl
    def score(self, query: str, documents: Sequence[str]) -> ScoresLike:
        return self.function(query, documents)
