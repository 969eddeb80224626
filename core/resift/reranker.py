"""`Reranker`: what `resift.load` returns, and all that its users call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from resift import scoring
from resift.errors import ClosedError, InputError, InvalidRerankerError
from resift.event_loop import off_loop
from resift.host import Host, function_plugin, named
from resift.request import (
    Request,
    checked_name,
    checked_names,
    checked_text,
    checked_timeout,
    least_one,
)
from resift.scores import checked_merge
from resift.threshold import (
    checked_kind,
    checked_threshold,
    known_kind,
    require_probability,
)
from resift.wrappers import resolved

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from types import TracebackType
    from typing import Self

    import numpy as np
    import pluggy
    import pyarrow as pa
    from numpy.typing import NDArray

    from resift.loading import Recipe
    from resift.ranking import RankedDocuments, Ranking
    from resift.scores import Scores

__all__ = ["Reranker"]


class Reranker:
    """One reranker, ready to use: a plugin instance behind its hooks.

    `resift.load` builds one by name. This constructor takes what is not installed: an
    instance of a plugin class, or a plain function ``(query, documents) -> scores``.
    May be used by many threads at once, and as a context manager that closes it.

    Args:
        plugin: The plugin instance or function.
        merge: A merger to use instead of the plugin's own: a name, a table with
            ``use``, or an instance. Only its `merge` is used.
        top_k: How many documents to return, all by default.
        window: How many documents of the merged union to score, all by default; the
            rest follow unscored.
        min_score: The least probability that a document must have to be returned;
            refused where scores are of another kind.
        text: The column that holds the text; ``"meta.title"`` reads a struct; several
            are joined by newlines.
        wrappers: pluggy wrappers on the hooks, to time, trace or observe.
        name: What messages call it.

    Raises:
        InvalidRerankerError: If the plugin breaks a rule of the hooks.
        InputError: If a setting is out of range.
    """

    def __init__(
        self,
        plugin: object,
        *,
        merge: object = None,
        top_k: int | None = None,
        window: int | None = None,
        min_score: float | None = None,
        text: str | Sequence[str] | None = None,
        wrappers: Sequence[object] = (),
        name: str | None = None,
    ) -> None:
        if isinstance(plugin, Reranker):
            msg = f"{plugin.name!r} is a resift.Reranker already. Use it as it is."
            raise InvalidRerankerError(msg)
        if isinstance(plugin, str):
            msg = f"{plugin!r} is a name. Build it with resift.load({plugin!r})."
            raise InvalidRerankerError(msg)
        if inspect.isroutine(plugin) or isinstance(plugin, functools.partial):
            name = name or str(getattr(plugin, "__name__", "function"))
            plugin = function_plugin(plugin)
        self.plugin = plugin
        self.name: str = name or str(getattr(plugin, "__name__", type(plugin).__name__))
        self.who = f"Reranker {self.name!r}"
        self.top_k = least_one("top_k", top_k)
        self.window = least_one("window", window)
        self.min_score = checked_threshold(min_score)
        self.text = checked_text(text)
        self.wrappers = resolved(wrappers)
        self._children: tuple[Reranker, ...] = ()
        self._recipe: Recipe | None = None
        self._merge_setting = merge
        self._closed = False
        self._start()

    def _start(self) -> None:
        """Put the plugin, its merger and its wrappers behind their hooks."""
        try:
            checked_names("columns", getattr(self.plugin, "columns", None) or ())
        except InputError as error:
            msg = f"{self.who}: {error}"
            raise InvalidRerankerError(msg) from None
        merger = self._merge_setting
        if isinstance(merger, str | Mapping):
            from resift.loading import Loader

            merger = Loader().nested(merger)
        self._merger = merger
        bound = [
            wrapper.for_reranker(self) if hasattr(wrapper, "for_reranker") else wrapper
            for wrapper in self.wrappers
        ]
        self._host = Host(
            self.plugin,
            merger=merger.merging() if isinstance(merger, Reranker) else merger,
            wrappers=bound,
            who=self.who,
        )
        if self.min_score is not None:
            require_probability(self.who, known_kind(self.who, self.plugin))

    # What it is -----------------------------------------------------------------

    @property
    def plugins(self) -> pluggy.PluginManager:
        """The plugin manager that holds the plugin, its defaults and wrappers."""
        return self._host.plugins

    @property
    def scores(self) -> bool:
        """Whether it has a scoring step; without one it only merges."""
        return self._host.scores

    @property
    def merges(self) -> bool:
        """Whether it has or was given a merger; one that has none merges by `rrf`."""
        return self._merger is not None or self._host.implementation.merges

    @property
    def merger(self) -> object:
        """The merger it was given, a `Reranker` or an instance; None for its own."""
        return self._merger

    @property
    def score_kind(self) -> str:
        """What its scores mean, see `resift.hookspecs`; mergers are ordinal."""
        kind = getattr(self.plugin, "score_kind", None) if self.scores else None
        return checked_kind(self.who, kind)

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The candidate columns it reads, or None where it declares nothing."""
        declared = getattr(self.plugin, "columns", None)
        return None if declared is None else tuple(declared)

    @property
    def needs_text(self) -> bool:
        """Whether it reads the documents' text."""
        return self.scores and bool(getattr(self.plugin, "needs_text", True))

    @property
    def tells_rows_apart(self) -> bool:
        """Whether rows of equal or blank text may differ: it reads declared columns."""
        declared = bool(getattr(self.plugin, "tells_rows_apart", False))
        return declared or bool(self.columns)

    @property
    def reads_candidates(self) -> bool:
        """Whether its `score` asks for the candidates."""
        return self._host.implementation.names("score", "candidates")

    @property
    def reads_order(self) -> bool:
        """Whether a score depends on the order in which the documents came."""
        return bool(getattr(self.plugin, "reads_order", False))

    @property
    def pointwise(self) -> bool:
        """Whether a document's score never depends on the other documents."""
        return bool(getattr(self.plugin, "pointwise", False))

    def describe(self) -> dict[str, object]:
        """Return what it is made of, without secrets: plain data that JSON can hold."""
        if self._recipe is None:
            return {
                "use": f"{type(self.plugin).__module__}:{type(self.plugin).__name__}"
            }
        return self._recipe.describe()

    def __repr__(self) -> str:
        return f"<resift.Reranker {self.name!r}>"

    # Scoring --------------------------------------------------------------------

    def score(
        self,
        query: str,
        documents: Sequence[str | None],
        candidates: pa.Table | None = None,
        top_k: int | None = None,
        timeout: float | None = None,
    ) -> Scores:
        """Score documents: what rerankers made of rerankers call.

        Null and blank texts are not scored, and equal texts are scored once, unless
        the reranker declares `columns`.

        Args:
            query: The query, not blank.
            documents: The texts, ``n_docs`` of them, in the order they came.
            candidates: Arrow data, one row per document.
            top_k: A hint that only the best *top_k* will be shown.
            timeout: Seconds left, for rerankers that can honour it.

        Returns:
            Scores aligned with *documents*; NaN where not scored.

        Raises:
            ScoreError: If the plugin does not return one usable score per document.
            InputError: If the query is blank, or a declared column is missing.
            ClosedError: After `close`.
        """
        self._require(query, "score")
        timeout = checked_timeout(timeout)
        return scoring.score(self, query, documents, candidates, top_k, timeout)

    def merge(
        self, rankings: Sequence[Ranking], n_documents: int, query: str | None = None
    ) -> NDArray[np.float64]:
        """Fuse ranked lists into one score per document, shape ``(n_documents,)``.

        Raises:
            MergeError: If the merger cannot merge these lists, or does not return one
                finite score per document.
        """
        self._require_open()
        with named(self._merging, "merging"):
            merged = self._host.hook.merge(
                rankings=rankings, n_documents=n_documents, query=query
            )
        return checked_merge(merged, n_documents, self._merging)

    # Ranking --------------------------------------------------------------------

    def rank(
        self,
        query: str,
        documents: Sequence[str | Mapping[str, object]],
        top_k: int | None = None,
        *,
        min_score: float | None = None,
    ) -> RankedDocuments:
        """Rank strings, or mappings that hold their text where *text* says.

        Args:
            query: The query, not blank.
            documents: In the order they were retrieved, best first.
            top_k: How many to return; the reranker's own *top_k* by default.
            min_score: The least probability of those; its own *min_score* by default.

        Returns:
            The documents best first, with scores, ranks from 1, and notes.

        Raises:
            InputError, ScoreError, ClosedError: As `score`.
        """
        self._require_open()
        top_k = least_one("top_k", top_k) or self.top_k
        min_score = self._least(min_score)
        return scoring.rank(self, query, documents, top_k, min_score)

    def rank_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str | Mapping[str, object]]],
        top_k: int | None = None,
        *,
        min_score: float | None = None,
    ) -> list[RankedDocuments]:
        """Rank the documents of many queries: one ranking per query.

        Rerankers that gain by it score the pairs of all queries together.

        Raises:
            InputError: If there are not as many lists of documents as queries.
        """
        self._require_open()
        top_k = least_one("top_k", top_k) or self.top_k
        min_score = self._least(min_score)
        return scoring.rank_many(self, queries, documents, top_k, min_score)

    def rerank(
        self,
        query: str,
        *results: object,
        top_k: int | None = None,
        text: str | Sequence[str] | None = None,
        id: str | None = "_rowid",
        weights: Sequence[float] | None = None,
        names: Sequence[str] | None = None,
        window: int | None = None,
        min_score: float | None = None,
        explain: bool = False,
        timeout: float | None = None,
        drop: Sequence[str] = (),
    ) -> pa.Table:
        """Rerank result tables: merge them, score the best, return one table.

        Args:
            query: The query; may be blank for a reranker that only merges.
            results: Ranked lists, best row first: Arrow tables, pandas or polars
                frames, anything that exports an Arrow stream.
            top_k: How many rows to return, all by default.
            text: The column that holds the text.
            id: The column that tells documents apart; None makes every row a document
                of its own.
            weights: What each list counts for in the merge, ``>= 0``.
            names: What each list is called in explanations.
            window: How many of the merged union to score; the rest follow unscored.
            min_score: The least probability of the rows returned; all by default.
            explain: Add each list's rank and score, the merged score and rank, and
                what the stages of the reranker say.
            timeout: Seconds for scoring, for rerankers that can honour it.
            drop: Columns of the results to leave out.

        Returns:
            One table, best row first: the columns of the results, types unchanged,
            and ``_relevance_score``, float32, descending, null where not scored. Notes
            travel in the schema metadata under ``resift.notes``, a JSON list.

        Raises:
            InputError: If the tables, columns or arguments do not fit.
            ScoreError, MergeError: If the plugin returns anything unusable.
            ClosedError: After `close`.
        """
        self._require_open()
        request = Request(
            top_k=least_one("top_k", top_k) or self.top_k,
            text=self.text if text is None else checked_text(text),
            id=id if id is None else checked_name("id", id),
            weights=weights,
            names=names,
            window=least_one("window", window) or self.window,
            min_score=self._least(min_score),
            explain=explain,
            timeout=checked_timeout(timeout),
            drop=drop and checked_names("drop", drop),
        )
        return scoring.rerank(self, query, results, request)

    async def arank(
        self,
        query: str,
        documents: Sequence[str | Mapping[str, object]],
        top_k: int | None = None,
        *,
        min_score: float | None = None,
        executor: Executor | None = None,
    ) -> RankedDocuments:
        """`rank` in a worker thread, off the event loop."""
        rank = functools.partial(self.rank, min_score=min_score)
        return await off_loop(executor, rank, query, documents, top_k)

    async def arerank(
        self,
        query: str,
        *results: object,
        executor: Executor | None = None,
        **options: Any,  # noqa: ANN401  # those of rerank, checked by it
    ) -> pa.Table:
        """`rerank` in a worker thread, off the event loop; takes its arguments.

        Cancelling stops the waiting, not the thread: a running call cannot be
        interrupted.
        """
        return await off_loop(executor, self.rerank, query, *results, **options)

    # Life -----------------------------------------------------------------------

    def warmup(self) -> Self:
        """Load weights or open the client now; return the reranker."""
        self._require_open()
        if "warmup" not in self._host.implementation.hooks:  # else it warms them itself
            for child in self._owned():
                child.warmup()
        with named(self.who, "warming up"):
            self._host.hook.warmup()
        return self

    def close(self) -> None:
        """Release what is held; idempotent. Closes children that were named, too.

        Raises:
            ExceptionGroup: If a plugin fails to close, after all were asked to.
        """
        if self._closed:
            return
        self._closed = True
        errors = self._host.close()
        for child in self._owned():
            try:
                child.close()
            except Exception as error:  # noqa: BLE001  # all are raised together
                errors.append(error)
        if errors:
            causes = "; ".join(f"{type(e).__name__}: {e}" for e in errors)
            msg = f"{self.who}: close failed: {causes}"
            raise ExceptionGroup(msg, errors)

    def __enter__(self) -> Self:
        self._require_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, object]:
        from resift.secrets import require_no_secret

        state = self.__dict__.copy()
        del state["_host"], state["_merger"]
        if self._recipe is not None:
            self._recipe.require_picklable()
            del state["plugin"]
        if isinstance(self._merger, Reranker):  # named by a table, with a key in it?
            self._merger.__getstate__()
        require_no_secret(state, self.who)
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        if self._recipe is not None:
            self.plugin = self._recipe.build()
        self._start()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def merging(self) -> object:
        """Return the plugin whose `merge` it uses."""
        merger = self._merger
        if isinstance(merger, Reranker):
            return merger.merging()
        return self.plugin if merger is None else merger

    def _owned(self) -> list[Reranker]:
        """Return the rerankers that were built from names for this one."""
        named = isinstance(self._merge_setting, str | Mapping)
        merger = [self._merger] if named and isinstance(self._merger, Reranker) else []
        return [*self._children, *merger]

    @property
    def _merging(self) -> str:
        """Its merger, as messages name it."""
        merger = self._merger
        if merger is None:
            return f"{self.who}: its merger"
        name = merger.name if isinstance(merger, Reranker) else type(merger).__name__
        return f"{self.who}: its merger {name!r}"

    def _least(self, min_score: float | None) -> float | None:
        return self.min_score if min_score is None else checked_threshold(min_score)

    def _require_open(self) -> None:
        if self._closed:
            msg = f"{self.who} is closed. Load it again."
            raise ClosedError(msg)

    def _require(self, query: object, method: str) -> None:
        self._require_open()
        if not isinstance(query, str) or not query.strip():
            got = f"{query!r}" if isinstance(query, str) else type(query).__name__
            msg = f"{self.who}: {method} needs a query that is not blank, got {got}."
            raise InputError(msg)
        if not self.scores:
            msg = f"{self.who} only merges lists: it cannot score documents."
            raise InputError(msg)
