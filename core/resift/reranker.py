"""`Reranker`: what `resift.load` returns, and all that its users call.

The face of a reranker: settings, async twins, life and pickles. What is asked of it
goes down to `pipeline`, and from there to its `Host`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal, overload

from resift import many, pipeline
from resift.blocks import Limits
from resift.building import Recipe, build, wrappers_of
from resift.catalog import catalog
from resift.config import nested_entry
from resift.errors import (
    ClosedError,
    InputError,
    InvalidRerankerError,
    OptionsError,
)
from resift.host import Host, function_plugin
from resift.options import Nested
from resift.plugin import implementation
from resift.redaction import require_no_secret, secrets_in
from resift.settings import Settings, Text, Weights, count, seconds
from resift.threads import off_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Iterator
    from concurrent.futures import Executor
    from types import TracebackType
    from typing import Self

    import numpy as np
    import pluggy
    import pyarrow as pa
    from numpy.typing import NDArray

    from resift.building import Built
    from resift.list_scores import Columns
    from resift.ranking import D, RankedDocuments, Ranking
    from resift.scores import Scores
    from resift.traits import Traits

__all__ = ["Reranker"]


class Reranker(Nested):
    """One reranker, ready to use: a plugin instance behind its hooks.

    `resift.load` builds one by name. This constructor takes what is not installed: an
    instance of a plugin class, or a plain function ``(query, documents) -> scores``.
    May be used by many threads at once, and as a context manager that closes it.

    Args:
        plugin: The plugin instance or function.
        merge: A merger to use instead of the plugin's own: a name, a table with
            ``use``, or an instance. Only its `merge` is used.
        weights: What each list counts for in the merge, in order or by name.
        top_k: How many documents to return, all by default.
        window: How many documents of the merged union to score, all by default; the
            rest follow unscored.
        min_score: The least probability that a document must have to be returned;
            refused where scores are of another kind.
        text: The column that holds the text; ``"meta.title"`` reads a struct; several
            are joined by newlines.
        instruction: What to count as relevant, in words.
        price: What one of each thing counted in `usage` costs, by its name; refused for
            one that is made of others, which are paid.
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
        weights: Weights | None = None,
        top_k: int | None = None,
        window: int | None = None,
        min_score: float | None = None,
        text: Text | None = None,
        instruction: str | None = None,
        price: Mapping[str, float] | None = None,
        wrappers: Sequence[object] = (),
        name: str | None = None,
    ) -> None:
        settings = Settings(
            merge=merge,
            weights=weights,
            top_k=top_k,
            window=window,
            min_score=min_score,
            text=text,
            instruction=instruction,
            price=price,
        )
        if isinstance(plugin, Reranker):
            msg = f"{plugin.name!r} is a resift.Reranker already. Use it as it is."
            raise InvalidRerankerError(msg)
        if isinstance(plugin, str):
            msg = f"{plugin!r} is a name. Build it with resift.load({plugin!r})."
            raise InvalidRerankerError(msg)
        if inspect.isroutine(plugin) or isinstance(plugin, functools.partial):
            name = name or str(getattr(plugin, "__name__", "function"))
            plugin = function_plugin(plugin)
        name = name or str(getattr(plugin, "__name__", type(plugin).__name__))
        self._set_up(
            plugin, settings, wrappers_of(wrappers), name, f"Reranker {name!r}"
        )

    @classmethod
    def of(
        cls,
        built: Built,
        recipe: Recipe,
        settings: Settings,
        *,
        wrappers: tuple[object, ...],
        name: str,
        who: str,
        borrowed: bool = False,
    ) -> Self:
        """Return the reranker of what was built by name; `resift.load` calls this.

        One that is *borrowed* leaves its plugin open when it is closed.
        """
        self = cls.__new__(cls)
        children = tuple(c for c in built.children if isinstance(c, Reranker))
        self._set_up(built.plugin, settings, wrappers, name, who)
        self._recipe, self._children = recipe, children
        self._borrowed = borrowed
        return self

    def _set_up(
        self,
        plugin: object,
        settings: Settings,
        wrappers: tuple[object, ...],
        name: str,
        who: str,
    ) -> None:
        self.plugin = plugin
        self.defaults = settings
        self.wrappers = wrappers
        self.name = name
        self.who = who
        self._recipe: Recipe | None = None
        self._children: tuple[Reranker, ...] = ()
        self._borrowed = False
        self._closed = False
        self._start()

    def _start(self) -> None:
        """Put the plugin, its merger and its wrappers behind their hooks."""
        merger = self.defaults.merge
        if isinstance(merger, str | Mapping):
            merger = _nested(merger)
        self._merger = merger
        merger_who = f"{self.who}: its merger"
        if merger is not None:
            called = getattr(merger, "name", type(merger).__name__)
            merger_who = f"{merger_who} {called!r}"
        self._host = Host(
            self.plugin,
            merger=merger.merging() if isinstance(merger, Reranker) else merger,
            wrappers=[
                w.for_reranker(self) if hasattr(w, "for_reranker") else w
                for w in self.wrappers
            ],
            name=self.name,
            who=self.who,
            merger_who=merger_who,
            price=self.defaults.price,
        )
        if self.defaults.min_score is not None:
            pipeline.require_probability(self.who, self._host.traits.known_kind)

    # What it is -----------------------------------------------------------------

    @property
    def traits(self) -> Traits:
        """What it is like: the columns it reads, what its scores mean, and so on."""
        return self._host.traits

    @property
    def plugins(self) -> pluggy.PluginManager:
        """The plugin manager that holds the plugin, its defaults and wrappers."""
        return self._host.plugins

    @property
    def can_score(self) -> bool:
        """Whether it has a scoring step; without one it only merges."""
        return self._host.can_score

    @property
    def can_merge(self) -> bool:
        """Whether it has or was given a merger; one that has none merges by `rrf`."""
        return self._host.can_merge

    @property
    def children(self) -> tuple[Reranker, ...]:
        """The rerankers that it was built from by name."""
        return self._children

    @property
    def merger(self) -> object:
        """The merger it was given, a `Reranker` or an instance; None for its own."""
        return self._merger

    @property
    def text(self) -> Text:
        """The column that holds the text, or several to be joined."""
        return self.defaults.text_column

    @property
    def score_kind(self) -> str:
        """What its scores mean, see `resift.hookspecs`; mergers are ordinal."""
        return self.traits.score_kind

    @property
    def score_range(self) -> tuple[float, float] | None:
        """Between which numbers a similarity lies; None for other kinds."""
        return self.traits.score_range

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The candidate columns it reads, or None where it declares nothing."""
        return self.traits.columns

    @property
    def needs_text(self) -> bool:
        """Whether it reads the documents' text."""
        return self.traits.needs_text

    @property
    def tells_rows_apart(self) -> bool:
        """Whether rows of equal or blank text may differ."""
        return self.traits.tells_rows_apart

    @property
    def reads_candidates(self) -> bool:
        """Whether its `score` asks for the candidates."""
        return self.traits.reads_candidates

    @property
    def reads_order(self) -> bool:
        """Whether a score depends on the order in which the documents came."""
        return self.traits.reads_order

    @property
    def pointwise(self) -> bool:
        """Whether a document's score never depends on the other documents."""
        return self.traits.pointwise

    def describe(self) -> dict[str, object]:
        """Return what it is made of, without secrets: plain data that JSON can hold."""
        if self._recipe is None:
            return {
                "use": f"{type(self.plugin).__module__}:{type(self.plugin).__name__}"
            }
        options = {
            name: _described(value)
            for name, value in sorted(self._recipe.options.items())
            if name not in self._recipe.secrets
        }
        return {
            "use": self._recipe.provider,
            "version": self._recipe.version,
            "options": options,
        }

    def settings(self) -> dict[str, object]:
        """Return the table that loads it again: ``resift.load(reranker.settings())``.

        Plain data, as an entry of the config file holds it, nested rerankers whole. A
        secret stands in it as ``{"env": NAME}``, or not at all.

        Raises:
            InputError: If it was not built by name, if a secret was given in the open,
                or if an option is no plain data.
        """
        if self._recipe is None:
            msg = f"{self.who} was not built by name, so that no table loads it again."
            raise InputError(
                msg, remedy="Publish its class, and load it by name.", who=self.who
            )
        options = {
            name: self._plain(name, value) for name, value in self._recipe.given.items()
        }
        settings = self.defaults.given()
        if "merge" in settings:
            settings["merge"] = self._plain("merge", settings["merge"])
        table = {"use": self._recipe.provider, "options": options, **settings}
        return {key: value for key, value in table.items() if value != {}}

    def _plain(self, name: str, value: object) -> object:
        """Return the value of an option as a config file can hold it."""
        if isinstance(value, Reranker):
            return value.settings()
        if isinstance(value, Mapping) and set(value) == {"env"}:
            return dict(value)
        secrets = self._recipe.secrets if self._recipe else ()
        if (name in secrets and value is not None) or any(secrets_in(value)):
            msg = "is a secret, which no table may hold"
            remedy = "Give it as {'env': 'NAME'}, the variable that holds it."
            raise OptionsError(msg, who=self.who, parameter=name, remedy=remedy)
        if isinstance(value, Mapping):
            return {str(key): self._plain(name, item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._plain(name, item) for item in value]
        if isinstance(value, PurePath):
            return str(value)
        if isinstance(value, str | int | float | bool | None):
            return value
        msg = f"must be plain data to be written down, not {type(value).__name__}"
        raise OptionsError(msg, who=self.who, parameter=name)

    def __repr__(self) -> str:
        return f"<resift.Reranker {_drawn(self)}>"

    # Scoring --------------------------------------------------------------------

    def score(
        self,
        query: str,
        documents: Sequence[str | None],
        candidates: pa.Table | None = None,
        top_k: int | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
    ) -> Scores:
        """Score documents: what rerankers made of rerankers call.

        Null and blank texts are not scored, and equal texts are scored once, unless
        the reranker tells rows apart, by declared `columns` for one.

        Args:
            query: The query, not blank.
            documents: The texts, ``n_docs`` of them, in the order they came.
            candidates: Arrow data, one row per document.
            top_k: A hint that only the best *top_k* will be shown.
            timeout: Seconds left, for rerankers that can honour it.
            instruction: What to count as relevant, in words.

        Returns:
            Scores aligned with *documents*; NaN where not scored.

        Raises:
            ScoreError: If the plugin does not return one usable score per document.
            InputError: If the query is blank, a declared column is missing, or nothing
                reads the instruction.
            ClosedError: After `close`.
        """
        self._require_open()
        if timeout is not None:
            timeout = seconds("timeout", timeout)
        return self._host.score(
            query, documents, candidates, top_k, timeout, instruction
        )

    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str | None]],
        timeout: float | None = None,
        instruction: str | None = None,
    ) -> list[Scores | Exception]:
        """Score the documents of many queries: each gets its scores, or its error.

        Rerankers that gain by it score the pairs of all queries together.

        Args:
            queries: The queries, ``n_queries`` of them.
            documents: For each query its texts, as `score` takes them.
            timeout: Seconds left for all of them.
            instruction: What to count as relevant, in words.

        Raises:
            InputError: If there are not as many lists of documents as queries, or
                nothing reads the instruction.
            ScoreError: If the plugin does not return one item per query.
            ClosedError: After `close`.
        """
        self._require_open()
        timeout = seconds("timeout", timeout)
        return self._host.score_many(queries, documents, timeout, instruction)

    def merge(
        self, rankings: Sequence[Ranking], n_documents: int, query: str | None = None
    ) -> NDArray[np.float64]:
        """Fuse ranked lists into one score per document, shape ``(n_documents,)``.

        Raises:
            MergeError: If the merger cannot merge these lists, or does not return one
                finite score per document.
        """
        self._require_open()
        return self._host.merge(rankings, n_documents, query)

    # Ranking --------------------------------------------------------------------

    def rank(
        self,
        query: str,
        documents: Iterable[D],
        top_k: int | None = None,
        *,
        min_score: float | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
    ) -> RankedDocuments[D]:
        """Rank strings, or mappings that hold their text where *text* says.

        Args:
            query: The query, not blank.
            documents: In the order they were retrieved, best first: a list, or any
                other iterable, a series, or an Arrow array.
            top_k: How many to return; the reranker's own *top_k* by default.
            min_score: The least probability of those; its own *min_score* by default.
            timeout: Seconds for scoring, for rerankers that can honour it.
            instruction: What to count as relevant; its own *instruction* by default.

        Returns:
            The documents best first, with scores, ranks from 1, and notes.

        Raises:
            InputError, ScoreError, ClosedError: As `score`; `InputError` also for a
                reranker that only merges.
        """
        self._require_open()
        settings = self.defaults.but(
            top_k=top_k, min_score=min_score, instruction=instruction
        )
        timeout = seconds("timeout", timeout)
        return pipeline.rank(self._host, query, documents, settings, timeout)

    @overload
    def rank_many(
        self,
        queries: Collection[str],
        documents: Collection[Iterable[D]],
        top_k: int | None = None,
        *,
        min_score: float | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
        on_error: Literal["raise"] = "raise",
    ) -> list[RankedDocuments[D]]: ...
    @overload
    def rank_many(
        self,
        queries: Collection[str],
        documents: Collection[Iterable[D]],
        top_k: int | None = None,
        *,
        min_score: float | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
        on_error: Literal["return"],
    ) -> list[RankedDocuments[D] | Exception]: ...
    @overload
    def rank_many(
        self,
        queries: Iterator[str],
        documents: Iterable[Iterable[D]],
        top_k: int | None = None,
        *,
        min_score: float | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
        on_error: Literal["raise"] = "raise",
    ) -> Iterator[RankedDocuments[D]]: ...
    @overload
    def rank_many(
        self,
        queries: Iterator[str],
        documents: Iterable[Iterable[D]],
        top_k: int | None = None,
        *,
        min_score: float | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
        on_error: Literal["return"],
    ) -> Iterator[RankedDocuments[D] | Exception]: ...
    @overload
    def rank_many(
        self,
        queries: Iterable[str],
        documents: Iterable[Iterable[D]],
        top_k: int | None = None,
        *,
        min_score: float | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
        on_error: Literal["raise"] = "raise",
    ) -> Iterable[RankedDocuments[D]]: ...
    @overload
    def rank_many(
        self,
        queries: Iterable[str],
        documents: Iterable[Iterable[D]],
        top_k: int | None = None,
        *,
        min_score: float | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
        on_error: Literal["return"],
    ) -> Iterable[RankedDocuments[D] | Exception]: ...
    def rank_many(
        self,
        queries: Iterable[str],
        documents: Iterable[Iterable[D]],
        top_k: int | None = None,
        *,
        min_score: float | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
        on_error: Literal["raise", "return"] = "raise",
    ) -> Iterable[RankedDocuments[D] | Exception]:
        """Rank the documents of many queries: one ranking per query, in order.

        Rerankers that gain by it score the pairs of many queries together, in blocks
        of bounded size, as `rank_stream` does. Lists give a list. Where the queries, or
        the lists of documents, come from an iterator, so do the rankings: one block is
        read, ranked and held at a time, and nothing before the first is asked for.

        Args:
            queries: The queries, none blank; any iterable.
            documents: For each query its documents, as `rank` takes them; any iterable.
            top_k: How many of each to return.
            min_score: The least probability of those.
            timeout: Seconds for all of them, for rerankers that can honour it; with
                an iterator, for each block.
            instruction: What to count as relevant.
            on_error: ``"raise"`` the first error, or ``"return"`` that of each query
                in the place of its ranking, so that no answer is lost.

        Returns:
            A list of rankings where *queries* and *documents* have a length, else an
            iterator.

        Raises:
            InputError: If there are not as many lists of documents as queries.
        """
        self._require_open()
        pipeline.require_choice(on_error)
        settings = self.defaults.but(
            top_k=top_k, min_score=min_score, instruction=instruction
        )
        timeout = seconds("timeout", timeout)
        if many.is_stream(queries) or many.is_stream(documents):
            pairs = many.pairs_of(self._host, queries, documents)
            return many.RankStream(
                many.rank_blocks(
                    self._host,
                    pairs,
                    settings,
                    Limits(),
                    timeout=timeout,
                    on_error=on_error,
                )
            )
        return pipeline.rank_many(
            self._host,
            queries,
            documents,
            settings,
            timeout=timeout,
            on_error=on_error,
        )

    def rank_stream(
        self,
        pairs: Iterable[tuple[str, Iterable[D]]],
        *,
        budget: int = 3200,
        tokens: int = 1_000_000,
        top_k: int | None = None,
        min_score: float | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
        on_error: Literal["raise", "return"] = "raise",
    ) -> Iterator[RankedDocuments[D] | Exception]:
        """Rank a stream of queries, block by block, in the order they came.

        A block is as many of the next queries as have at most *budget* documents of
        about *tokens* tokens, at least one, ranked by `rank_many`: no more are held at
        a time, and the same stream makes the same blocks.

        Args:
            pairs: Each query with its documents, as `rank` takes them.
            budget: How many documents are scored together; a query without any counts
                as one.
            tokens: How many tokens of those, told from the length of their texts: four
                letters are about a token.
            top_k: How many of each query to return.
            min_score: The least probability of those.
            timeout: Seconds for each block.
            instruction: What to count as relevant.
            on_error: ``"raise"`` the first error, or ``"return"`` that of each query.

        Yields:
            One ranking per query.
        """
        self._require_open()
        pipeline.require_choice(on_error)
        settings = self.defaults.but(
            top_k=top_k, min_score=min_score, instruction=instruction
        )
        limits = Limits(count("budget", budget), count("tokens", tokens))
        timeout = seconds("timeout", timeout)
        return many.RankStream(
            many.rank_blocks(
                self._host,
                pairs,
                settings,
                limits,
                timeout=timeout,
                on_error=on_error,
            )
        )

    def rerank_many(
        self,
        queries: object,
        *,
        query: str = "query",
        documents: str = "documents",
        ids: str | None = None,
        top_k: int | None = None,
        min_score: float | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
    ) -> pa.Table:
        """Rank the documents of every row of a table, as `rank_many` does.

        There is no Python object per document but its text.

        Args:
            queries: A table, or anything `rerank` takes for one: a row per query.
            query: The column of queries.
            documents: The column of lists of documents: of strings, or of structs that
                hold their text under the reranker's *text*.
            ids: The column of lists of their ids, or a field of the structs; added to
                the result under its name.
            top_k: How many of each query to return.
            min_score: The least probability of those.
            timeout: Seconds for all of them.
            instruction: What to count as relevant.

        Returns:
            One row per document, query by query, best first: ``row``, that of its
            query, from 0; ``index``, its place in the list, from 0; ``rank``, from 1;
            ``_relevance_score``, null where not scored; what else the reranker says.

        Raises:
            InputError: If a column is missing, or does not hold what it should.
            ScoreError, ClosedError: As `rank_many`; a note says of which row.
        """
        self._require_open()
        settings = self.defaults.but(
            top_k=top_k, min_score=min_score, instruction=instruction
        )
        return many.rerank_many(
            self._host,
            queries,
            settings,
            query=query,
            documents=documents,
            ids=ids,
            timeout=seconds("timeout", timeout),
        )

    def rerank(
        self,
        query: str,
        *results: object,
        top_k: int | None = None,
        text: Text | None = None,
        id: str | Sequence[str] | None = "_rowid",
        weights: Weights | None = None,
        names: Sequence[str] | None = None,
        window: int | None = None,
        min_score: float | None = None,
        explain: bool = False,
        timeout: float | None = None,
        instruction: str | None = None,
        drop: Sequence[str] = (),
        score: Columns = None,
        distance: Columns = None,
    ) -> pa.Table:
        """Rerank result tables: merge them, score the best, return one table.

        Args:
            query: The query; may be blank for a reranker that only merges.
            results: Ranked lists, best row first: Arrow tables, pandas or polars
                frames, lists of mappings, anything that exports an Arrow stream.
            top_k: How many rows to return, all by default.
            text: The column that holds the text.
            id: The column that tells documents apart, or several that do so together;
                None makes every row a document of its own.
            weights: What each list counts for in the merge, ``>= 0``: in order, or by
                its name.
            names: What each list is called in explanations.
            window: How many of the merged union to score; the rest follow unscored.
            min_score: The least probability of the rows returned; all by default.
            explain: Add each list's rank and score, the merged score and rank, and
                what the stages of the reranker say.
            timeout: Seconds for scoring, for rerankers that can honour it.
            instruction: What to count as relevant, in words.
            drop: Columns of the results to leave out.
            score: The column of the lists' scores, higher is better: one for all, or
                one for each. By default ``_relevance_score``, ``_distance`` or
                ``_score``, the first there is.
            distance: The same for distances, lower is better.

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
        settings = self.defaults.but(
            top_k=top_k,
            text=text,
            weights=weights,
            window=window,
            min_score=min_score,
            instruction=instruction,
        )
        request = pipeline.Request(
            settings=settings,
            id=id,
            names=names,
            score=score,
            distance=distance,
            explain=explain,
            timeout=timeout,
            drop=drop,
        )
        return pipeline.rerank(self._host, query, results, request)

    async def arank(
        self,
        query: str,
        documents: Iterable[D],
        top_k: int | None = None,
        *,
        executor: Executor | None = None,
        **options: Any,  # noqa: ANN401  # those of rank, checked by it
    ) -> RankedDocuments[D]:
        """`rank` in a worker thread, off the event loop; takes its arguments.

        Cancelling stops the waiting, not the thread: a running call cannot be
        interrupted.
        """
        rank = functools.partial(self.rank, query, documents, top_k, **options)
        return await off_loop(executor, rank)

    @overload
    async def arank_many(
        self,
        queries: Collection[str],
        documents: Collection[Iterable[D]],
        top_k: int | None = None,
        *,
        executor: Executor | None = None,
        **options: Any,  # noqa: ANN401  # those of rank_many, checked by it
    ) -> list[RankedDocuments[D]]: ...
    @overload
    async def arank_many(
        self,
        queries: Iterator[str],
        documents: Iterable[Iterable[D]],
        top_k: int | None = None,
        *,
        executor: Executor | None = None,
        **options: Any,  # noqa: ANN401  # those of rank_many, checked by it
    ) -> AsyncIterator[RankedDocuments[D]]: ...
    @overload
    async def arank_many(
        self,
        queries: Iterable[str],
        documents: Iterable[Iterable[D]],
        top_k: int | None = None,
        *,
        executor: Executor | None = None,
        **options: Any,  # noqa: ANN401  # those of rank_many, checked by it
    ) -> list[RankedDocuments[D]] | AsyncIterator[RankedDocuments[D]]: ...
    async def arank_many(
        self,
        queries: Iterable[str],
        documents: Iterable[Iterable[D]],
        top_k: int | None = None,
        *,
        executor: Executor | None = None,
        **options: Any,  # those of rank_many, checked by it
    ) -> Iterable[RankedDocuments[D]] | AsyncIterator[RankedDocuments[D] | Exception]:
        """`rank_many` in a worker thread, off the event loop; takes its arguments.

        Where `rank_many` returns an iterator, it is an asynchronous one, ``async for
        ranking in await reranker.arank_many(queries, documents)``; each block is read
        and ranked in a worker thread.
        """
        rank_many = functools.partial(self.rank_many, **options)
        ranked: Iterable[Any] = await off_loop(
            executor, rank_many, queries, documents, top_k
        )
        if isinstance(ranked, many.RankStream):
            return ranked.awaited(executor)
        return ranked

    async def arerank(
        self,
        query: str,
        *results: object,
        executor: Executor | None = None,
        **options: Any,  # noqa: ANN401  # those of rerank, checked by it
    ) -> pa.Table:
        """`rerank` in a worker thread, off the event loop; takes its arguments."""
        return await off_loop(executor, self.rerank, query, *results, **options)

    # Life -----------------------------------------------------------------------

    def warmup(self) -> Self:
        """Load weights or open the client now; return the reranker."""
        self._require_open()
        self._host.warmup()
        return self

    def check(self) -> Self:
        """Raise if it cannot work now, at the cost of one cheap request or look.

        Raises:
            BackendError: What its plugin, or one inside it, says is wrong.
        """
        self._require_open()
        self._host.check()
        return self

    def close(self) -> None:
        """Release what is held; idempotent. Closes children that were named, too.

        Raises:
            ExceptionGroup: If a plugin fails to close, after all were asked to.
        """
        if self._closed:
            return
        self._closed = True
        if self._borrowed:
            return
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
        state = self.__dict__.copy()
        del state["_host"], state["_merger"]
        if self._recipe is not None:
            self._recipe.require_picklable()
            del state["plugin"]
        if isinstance(self._merger, Reranker):  # named by a table, with a key in it?
            self._merger.__getstate__()
        require_no_secret({**state, "defaults": self.defaults.merge}, self.who)
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
        named = isinstance(self.defaults.merge, str | Mapping)
        merger = [self._merger] if named and isinstance(self._merger, Reranker) else []
        return [*self._children, *merger]

    def _require_open(self) -> None:
        if self._closed:
            msg = f"{self.who} is closed. Load it again."
            raise ClosedError(msg, who=self.who)


def _nested(value: object, _: str = "") -> Reranker:
    """Return the reranker that a name, a table or an object stands for; no config."""
    if isinstance(value, Reranker):
        return value
    if not isinstance(value, str | Mapping):
        return Reranker(value)
    entry = nested_entry({"use": value} if isinstance(value, str) else value)
    provider = catalog().find(entry.use)
    cls, who = provider.load(), str(provider)
    implementation(cls).check(who)
    built = build(cls, entry.options, who=who, nest=_nested)
    recipe = Recipe.of(provider, built)
    return Reranker.of(
        built, recipe, entry.settings, wrappers=(), name=provider.name, who=who
    )


def _described(value: object) -> object:
    if isinstance(value, Reranker):
        return value.describe()
    if isinstance(value, Mapping):
        return {str(key): _described(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_described(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def _drawn(reranker: Reranker, depth: int = 1) -> str:
    """Return its name, and below it those of its children, indented."""
    below = [f"\n{'  ' * depth}{_drawn(c, depth + 1)}" for c in reranker.children]
    return "".join([repr(reranker.name), *below])
