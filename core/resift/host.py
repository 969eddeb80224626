"""The host: one plugin, its wrappers and the defaults it lacks, in one plugin manager."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, TypeAlias

import pluggy

from resift import hookspecs
from resift.errors import InvalidRerankerError, ScoreError
from resift.hookspecs import hookimpl
from resift.implementation import HOOKS, implementation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from resift.ranking import Ranking
    from resift.scores import MergedLike, ScoresLike

__all__ = ["Host", "function_plugin"]

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
            msg = f"{who} must be an instance, got the class {plugin.__name__}. Call it."
            raise InvalidRerankerError(msg)
        self.implementation = implementation(type(plugin))
        self.implementation.check(who)
        self.scores = self.implementation.scores
        self.plugins = pluggy.PluginManager("resift")
        self.plugins.add_hookspecs(hookspecs)
        self._add_missing(merger)
        self._register(plugin)
        if merger is not None:  # registered last, so it is asked first
            self.plugins.register(_only_merge(merger, who))
        for wrapper in wrappers:
            _check_wrapper(wrapper)
            self._register(wrapper)
        self.hook = self.plugins.hook

    def close(self) -> None:
        """Close every plugin, even if one raises.

        Raises:
            ExceptionGroup: Of everything that was raised.
        """
        errors: list[Exception] = []
        closers = [impl.plugin for impl in self.hook.close.get_hookimpls()]
        for plugin in closers:
            others = [p for p in closers if p is not plugin]
            try:
                self.plugins.subset_hook_caller("close", others)()
            except Exception as error:
                errors.append(error)
        if errors:
            msg = "closing a reranker failed"
            raise ExceptionGroup(msg, errors)

    def _add_missing(self, merger: _Plugin | None) -> None:
        """Register, to be asked last, only the defaults that the plugin lacks."""
        has = self.implementation.hooks
        if "score" in has and "score_many" not in has:
            self.plugins.register(_ScoreEach(self.plugins), "resift:score_many")
        elif "score_many" in has and "score" not in has:
            self.plugins.register(_ScoreOne(self.plugins), "resift:score")
        if merger is None and not self.implementation.merges:
            from resift.mergers import ReciprocalRankFusion

            self.plugins.register(_Last(ReciprocalRankFusion()), "resift:merge")

    def _register(self, plugin: _Plugin) -> None:
        try:
            hash(plugin)
        except TypeError:
            plugin = _Hooks(plugin)
        self.plugins.register(plugin)


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

    def __init__(self, plugins: pluggy.PluginManager) -> None:
        self._plugins = plugins

    @hookimpl(trylast=True)
    def score(self, query: str, documents: Sequence[str]) -> ScoresLike | None:
        many = self._plugins.hook.score_many(queries=[query], documents=[documents])
        if many is None:
            return None
        if len(many) != 1:
            msg = f"score_many returned {len(many)} items for 1 query."
            raise ScoreError(msg)
        only: ScoresLike = many[0]
        return only


class _Last:
    """The merger that is used where there is no other."""

    def __init__(self, merger: _Merger) -> None:
        self._merger = merger

    @hookimpl(trylast=True)
    def merge(self, rankings: Sequence[Ranking], n_documents: int) -> MergedLike:
        return self._merger.merge(rankings, n_documents)


class _Merger:
    def merge(self, rankings: Sequence[Ranking], n_documents: int) -> MergedLike: ...


class _Hooks:
    """The bound hook methods of a plugin, without the rest of it.

    Stands in for a plugin that cannot be hashed (a plain dataclass), and for one of
    which only some hooks are wanted.
    """

    def __init__(self, plugin: _Plugin, only: tuple[str, ...] = tuple(HOOKS)) -> None:
        found = implementation(type(plugin))
        for hook, name in found.hooks.items():
            if hook in only:
                setattr(self, name, getattr(plugin, name))


def _only_merge(merger: _Plugin, who: str) -> _Hooks:
    found = implementation(type(merger))
    found.check(f"{who}: its merger {type(merger).__name__}")
    if not found.merges:
        msg = (
            f"{who}: merge must name a reranker that merges, but "
            f"{type(merger).__name__} implements only "
            f"{', '.join(map(repr, found.hooks))}."
        )
        raise InvalidRerankerError(msg)
    return _Hooks(merger, only=("merge",))


def _check_wrapper(wrapper: _Plugin) -> None:
    found = implementation(type(wrapper))
    if found.hooks or not found.wraps or not found.wraps <= set(HOOKS):
        msg = (
            f"Wrapper {type(wrapper).__name__} must mark each of its hooks with "
            "@resift.hookimpl(wrapper=True), and have at least one of: "
            f"{', '.join(HOOKS)}."
        )
        raise InvalidRerankerError(msg)


def function_plugin(function: Callable[..., ScoresLike]) -> _Plugin:
    """Return a plugin that scores with ``function(query, documents)``."""
    return _Function(function)


class _Function:
    def __init__(self, function: Callable[..., ScoresLike]) -> None:
        self.function = function

    @hookimpl
    def score(self, query: str, documents: Sequence[str]) -> ScoresLike:
        return self.function(query, documents)
