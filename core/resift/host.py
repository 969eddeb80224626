"""The host: one plugin behind its hooks, and all that may be asked of it, checked."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeGuard

import numpy as np
import pluggy

from resift import hookspecs
from resift.arrow import RELEVANCE, as_table, safe_text, take
from resift.catalog import catalog
from resift.errors import InputError, InvalidRerankerError, ResiftError, ScoreError
from resift.hookspecs import hookimpl
from resift.notes import Note
from resift.plugin import HOOKS, implementation
from resift.scores import Scores, checked, checked_items, checked_merge, expand
from resift.threads import Deadline
from resift.traits import Traits

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    import pyarrow as pa
    from numpy.typing import NDArray

    from resift.ranking import Ranking
    from resift.scores import MergedLike, ScoresLike

__all__ = ["Host", "function_plugin", "require_list", "require_merger"]

_Plugin: TypeAlias = object


class Host:
    """One plugin instance behind its hooks.

    Args:
        plugin: The plugin instance.
        merger: Another instance, of which only `merge` is used; None for the plugin's
            own, or reciprocal rank fusion.
        wrappers: Objects whose hook implementations are all wrappers.
        name: What notes call the reranker.
        who: What messages call it.
        merger_who: What messages call its merger.
        price: What one of each thing in the usage of an answer costs.

    Raises:
        InvalidRerankerError: If the plugin breaks a rule of the hooks.
        InputError: If there is a price for what is made of others.
    """

    def __init__(
        self,
        plugin: _Plugin,
        *,
        merger: _Plugin | None = None,
        wrappers: Iterable[_Plugin] = (),
        name: str,
        who: str,
        merger_who: str,
        price: Mapping[str, float] | None = None,
    ) -> None:
        if inspect.isclass(plugin):
            msg = f"{who} must be an instance, got a class. Call it."
            raise InvalidRerankerError(msg, who=who)
        self.name = name
        self.who = who
        self.merger_who = merger_who
        self.implementation = implementation(type(plugin))
        self.implementation.check(who)
        self.traits = Traits(plugin, who)
        if price is not None and self.traits.children:
            message = "must be given to the rerankers inside, which are paid"
            raise InputError(message, who=who, parameter="price")
        self._price = price
        self.can_score = self.implementation.can_score
        self.can_merge = self.implementation.can_merge or merger is not None
        self.reads_scores = self._reads_scores(plugin if merger is None else merger)
        self.packs = "score_many" in self.implementation.hooks
        self.plugins = pluggy.PluginManager("resift")
        self.plugins.add_hookspecs(hookspecs)
        self._add_missing(merger)
        if merger is None:
            self._register(plugin)
        else:  # the plugin's own merger must not answer where this one does not
            self._register(plugin, without="merge")
            self.plugins.register(_only_merge(merger, who))
        if price is not None:
            self.plugins.register(_Cost(price), "resift:cost")
        for wrapper in wrappers:
            implementation(type(wrapper)).check_wrapper(
                f"{who}: wrapper {type(wrapper).__name__}"
            )
            self._register(wrapper)
        self.hook = self.plugins.hook

    def _reads_scores(self, merger: _Plugin) -> bool | None:
        """Return whether scores are read, None where the merger does not say."""
        if not self.can_merge:  # then ranks are fused
            return False
        declared = getattr(merger, "reads_scores", None)
        return None if declared is None else bool(declared)

    # Asking ---------------------------------------------------------------------

    def score(
        self,
        query: str,
        documents: Sequence[str | None],
        candidates: pa.Table | None = None,
        top_k: int | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
    ) -> Scores:
        """Send the distinct texts to the plugin, and spread its checked scores.

        Raises:
            InputError: If the query is blank, a text is no text, a declared column is
                missing, or nothing reads the instruction.
            ScoreError: If the plugin does not return one usable score per document.
        """
        self._require_scorer(query)
        self.require_reader(instruction)
        index, texts, first = self._distinct(documents)
        if not texts:
            return Scores(np.full(len(documents), np.nan))
        table = self._candidates(candidates, len(documents))
        if table is not None and len(first) != len(documents):
            table = take(table, first)
        with _Blamed(self.who, "scoring"):
            raw = self.hook.score(
                query=safe_text(query),
                documents=texts,
                candidates=table,
                top_k=top_k,
                timeout=timeout,
                instruction=instruction,
            )
        return self._spread(raw, texts, index, first)

    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str | None]],
        timeout: float | None = None,
        instruction: str | None = None,
    ) -> list[Scores | Exception]:
        """Send the texts of many queries together; each gets its scores or its error.

        Raises:
            InputError: If there are not as many lists of documents as queries, or
                nothing reads the instruction.
            ScoreError: If the plugin does not return one item per query.
        """
        self.require_pairs(queries, documents)
        self.require_reader(instruction)
        if self.traits.wants_candidates:
            return self._score_each(queries, documents, timeout, instruction)
        answers: list[Scores | Exception] = []
        sent = []  # (position, index, texts, first)
        for i, (query, given) in enumerate(zip(queries, documents, strict=True)):
            try:
                self._require_scorer(query)
                index, texts, first = self._distinct(given)
            except InputError as error:
                answers.append(error)
                continue
            answers.append(Scores(np.full(len(given), np.nan)))
            if texts:
                sent.append((i, index, texts, first))
        if not sent:
            return answers
        try:
            with _Blamed(self.who, "scoring"):
                raw = self.hook.score_many(
                    queries=[safe_text(queries[i]) for i, *_ in sent],
                    documents=[texts for _, _, texts, _ in sent],
                    timeout=timeout,
                    instruction=instruction,
                )
        except Exception as error:  # noqa: BLE001  # what fails all fails each
            raw = [error] * len(sent)
        items = checked_items(raw, len(sent), self.who)
        for item, (i, index, texts, first) in zip(items, sent, strict=True):
            if isinstance(item, Exception):
                answers[i] = item
                continue
            try:
                answers[i] = self._spread(item, texts, index, first)
            except ScoreError as error:
                answers[i] = error
        return answers

    def _score_each(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str | None]],
        timeout: float | None,
        instruction: str | None,
    ) -> list[Scores | Exception]:
        """Score query by query, as candidates are read."""
        deadline = Deadline(timeout)
        answers: list[Scores | Exception] = []
        for query, texts in zip(queries, documents, strict=True):
            try:
                left = deadline.left(self.who)
                scores = self.score(query, texts, timeout=left, instruction=instruction)
            except Exception as error:  # noqa: BLE001  # of one query: others may do
                answers.append(error)
            else:
                answers.append(scores)
        return answers

    def merge(
        self, rankings: Sequence[Ranking], n_documents: int, query: str | None = None
    ) -> NDArray[np.float64]:
        """Fuse ranked lists into one score per document, shape ``(n_documents,)``.

        Raises:
            MergeError: If the merger cannot merge these lists, or does not return one
                finite score per document.
        """
        with _Blamed(self.merger_who, "merging"):
            merged = self.hook.merge(
                rankings=rankings, n_documents=n_documents, query=query
            )
        return checked_merge(merged, n_documents, self.merger_who)

    def warmup(self) -> None:
        """Warm the plugin up, and its children unless it does that itself."""
        self._ask("warmup", "warming up")

    def check(self) -> None:
        """Raise if the plugin, or one of its children, cannot work now."""
        self._ask("check", "checking")

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

    def _ask(self, hook: str, doing: str) -> None:
        if hook not in self.implementation.hooks:
            for child in self.traits.children:
                getattr(child, hook)()
        with _Blamed(self.who, doing):
            getattr(self.hook, hook)()

    # What is sent, and what comes back ------------------------------------------

    def _distinct(
        self, documents: Sequence[str | None]
    ) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64]]:
        """Return which text each document is (-1 for blank), the texts, their rows."""
        require_list(documents, self.who)
        texts = [
            text if type(text) is str and text.isascii() else self._text(i, text)
            for i, text in enumerate(documents)
        ]
        if self.traits.tells_rows_apart or not self.traits.needs_text:
            rows = np.arange(len(texts))
            return rows, [text or "" for text in texts], rows
        if None not in texts and len(set(texts)) == len(texts):
            given = [text for text in texts if text]
            if len(given) == len(texts) and not any(map(str.isspace, given)):
                rows = np.arange(len(texts))
                return rows, given, rows
        seen: dict[str, int] = {}
        index = np.full(len(texts), -1, dtype=np.int64)
        first: list[int] = []
        for i, text in enumerate(texts):
            if text is None or not text.strip():
                continue
            index[i] = seen.setdefault(text, len(seen))
            if len(first) < len(seen):
                first.append(i)
        return index, list(seen), np.array(first, dtype=np.int64)

    def _text(self, index: int, text: object) -> str | None:
        if text is None or isinstance(text, str):
            return text and safe_text(text)
        kind = type(text).__name__
        msg = f"the text of document {index} must be a string, got {kind}."
        raise InputError(msg, who=self.who)

    def _candidates(self, candidates: pa.Table | None, n: int) -> pa.Table | None:
        """Return the columns that the plugin declares, or all where there are none."""
        if not self.traits.wants_candidates:
            return None
        columns = self.traits.columns
        if candidates is None and columns is None:
            return None
        table = None
        if candidates is not None:
            table = as_table(candidates, f"{self.who}: candidates")
            if len(table) != n:
                msg = f"{len(table)} candidates for {n} documents."
                raise InputError(msg, who=self.who)
        self.require_columns([] if table is None else table.column_names)
        if columns is None:
            return table
        return _selected(table, columns, n)

    def require_columns(self, available: Sequence[str]) -> None:
        """Refuse candidates without a column that the plugin declares."""
        for name in self.traits.columns or ():
            if name != RELEVANCE and name not in available:
                msg = (
                    f"{self.who} needs the column {name!r}, which the results do not "
                    f"have. Columns: {', '.join(map(repr, available)) or 'none'}. "
                    "Select it in the search, or name another in the reranker's "
                    "options."
                )
                raise InputError(msg, who=self.who)

    def require_pairs(self, queries: object, documents: object) -> None:
        """Refuse anything but a list of queries, and as many lists of documents."""
        if not (_is_list(queries) and _is_list(documents)):
            self.refuse_pairs(queries, documents)
        elif len(queries) != len(documents):
            msg = (
                f"rank_many needs one list of documents per query, got "
                f"{len(queries)} queries and {len(documents)} lists."
            )
            raise InputError(msg, who=self.who)

    def refuse_pairs(self, queries: object, documents: object) -> NoReturn:
        """Refuse what is no queries with a list of documents for each."""
        msg = (
            f"rank_many needs a list of queries and a list of "
            f"documents for each, got {type(queries).__name__} and "
            f"{type(documents).__name__}."
        )
        raise InputError(msg, who=self.who)

    def _spread(
        self,
        raw: object,
        texts: Sequence[str],
        index: NDArray[np.int64],
        first: NDArray[np.int64],
    ) -> Scores:
        """Return the plugin's checked answer over all documents."""
        scores = checked(raw, len(first), self.who)
        if not (scores.unscored or scores.notes or self.traits.children):
            self._require_scored(scores, texts)
        if self._price is not None:
            scores = self._priced(scores, self._price)
        return scores if len(first) == len(index) else expand(scores, index)

    def _priced(self, scores: Scores, price: Mapping[str, float]) -> Scores:
        """Return the same answer with its ``cost`` in what it says of its usage."""
        scores = _with_cost(scores, price)
        notes = list(scores.notes)
        if unknown := [repr(paid) for paid in price if paid not in scores.usage]:
            text = f"{self.name}: its price of {', '.join(unknown)} counts nothing"
            notes.append(Note(text, "no-effect", self.name))
        return replace(scores, notes=notes)

    def _require_scored(self, scores: Scores, texts: Sequence[str]) -> None:
        """Refuse a NaN of which nobody says why."""
        missing = np.flatnonzero(np.isnan(scores.values))
        if wrong := [i for i in missing.tolist() if texts[i].strip()]:
            msg = (
                f"{self.who} scored document {wrong[0]} NaN and does not say why "
                f"({len(wrong)} of {len(scores)} are NaN). Say it in a note or in "
                "Scores(unscored=...); a model that computes NaN needs another dtype."
            )
            raise ScoreError(msg, who=self.who)

    def _require_scorer(self, query: object) -> None:
        if not isinstance(query, str) or not query.strip():
            got = f"{query!r}" if isinstance(query, str) else type(query).__name__
            msg = f"{self.who} needs a query that is not blank, got {got}."
            raise InputError(msg, who=self.who)
        if not self.can_score:
            msg = f"{self.who} only merges lists: it cannot score documents."
            raise InputError(msg, who=self.who)

    def require_reader(self, instruction: str | None) -> None:
        if instruction is not None and not self.traits.takes_instruction:
            msg = (
                f"{self.who} does not read an instruction, so that it would have no "
                "effect. Leave it out, or use a reranker that reads one."
            )
            raise InputError(msg, who=self.who)

    # Plugins --------------------------------------------------------------------

    def _add_missing(self, merger: _Plugin | None) -> None:
        """Register, to be asked last, only the defaults that the plugin lacks."""
        has = self.implementation.hooks
        if "score" in has and "score_many" not in has:
            self.plugins.register(
                _ScoreEach(self.plugins, self.who), "resift:score_many"
            )
        elif "score_many" in has and "score" not in has:
            self.plugins.register(_ScoreOne(self.plugins, self.who), "resift:score")
        if merger is None and not self.implementation.can_merge:
            self.plugins.register(_DefaultMerger(), "resift:merge")

    def _register(self, plugin: _Plugin, *, without: str = "") -> None:
        """Register *plugin*, or what stands in for it.

        pluggy hashes and compares plugins: two that are equal are one to it.
        """
        identity = type(plugin).__eq__ is object.__eq__
        if not identity or without in implementation(type(plugin)).hooks:
            plugin = _Hooks(plugin, [hook for hook in HOOKS if hook != without])
        self.plugins.register(plugin)


def require_list(documents: object, who: str) -> None:
    """Refuse documents that are no list.

    Raises:
        InputError: If they are a string, a mapping, or anything else.
    """
    if not _is_list(documents):
        msg = (
            f"documents must be a list of strings or mappings, got "
            f"{type(documents).__name__}."
        )
        raise InputError(msg, who=who)


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _selected(
    table: pa.Table | None, columns: Sequence[str], n: int
) -> pa.Table | None:
    """Return the declared columns; scores that fall evenly where there are none."""
    import pyarrow as pa

    if RELEVANCE in columns and (table is None or RELEVANCE not in table.column_names):
        falling = pa.array(-np.arange(1.0, n + 1))
        if table is None:
            return pa.table({RELEVANCE: falling})
        table = table.append_column(RELEVANCE, falling)
    return None if table is None else table.select(list(dict.fromkeys(columns)))


class _Blame(str):
    """The note on a foreign error that says whose it is."""

    __slots__ = ()


class _Blamed:
    """Say who it was that raised, where the error itself does not.

    Of rerankers inside rerankers, the innermost.
    """

    __slots__ = ("_doing", "_who")

    def __init__(self, who: str, doing: str) -> None:
        self._who = who
        self._doing = doing

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, ResiftError):
            return
        notes = getattr(error, "__notes__", ())
        if not any(isinstance(note, _Blame) for note in notes):
            note = f"{self._who} raised this while {self._doing}"
            if isinstance(error, ModuleNotFoundError) and error.name:
                note += f": it needs the module {error.name!r}, which is not installed"
            error.add_note(_Blame(f"{note}."))


class _ScoreEach:
    """`score_many` through `score`."""

    def __init__(self, plugins: pluggy.PluginManager, who: str) -> None:
        self._plugins = plugins
        self._who = who

    @hookimpl(trylast=True)
    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        timeout: float | None,
        instruction: str | None,
    ) -> list[ScoresLike | Exception]:
        deadline = Deadline(timeout)
        answers: list[ScoresLike | Exception] = []
        for query, texts in zip(queries, documents, strict=True):
            try:
                answers.append(
                    self._plugins.hook.score(
                        query=query,
                        documents=texts,
                        candidates=None,
                        top_k=None,
                        timeout=deadline.left(self._who),
                        instruction=instruction,
                    )
                )
            except Exception as error:  # noqa: BLE001  # of one query: others may do
                answers.append(error)
        return answers


class _ScoreOne:
    """`score` through `score_many`."""

    def __init__(self, plugins: pluggy.PluginManager, who: str) -> None:
        self._plugins = plugins
        self._who = who

    @hookimpl(trylast=True)
    def score(
        self,
        query: str,
        documents: Sequence[str],
        timeout: float | None,
        instruction: str | None,
    ) -> object:
        many = self._plugins.hook.score_many(
            queries=[query],
            documents=[documents],
            timeout=timeout,
            instruction=instruction,
        )
        answer = checked_items(many, 1, self._who)[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class _Cost:
    """Adds the cost inside all wrappers, so that they see it as well."""

    def __init__(self, price: Mapping[str, float]) -> None:
        self._price = price

    @hookimpl(wrapper=True, trylast=True)
    def score(self) -> Generator[None, object, object]:
        return self._told((yield))

    @hookimpl(wrapper=True, trylast=True)
    def score_many(self) -> Generator[None, object, object]:
        raw = yield
        return [self._told(item) for item in raw] if _is_list(raw) else raw

    def _told(self, raw: object) -> object:
        if not isinstance(raw, Scores):
            return raw
        with suppress(Exception):  # a wrong answer is for the host to refuse
            return _with_cost(raw, self._price)
        return raw


def _with_cost(scores: Scores, price: Mapping[str, float]) -> Scores:
    cost = sum(each * scores.usage.get(paid, 0) for paid, each in price.items())
    return replace(scores, usage={**scores.usage, "cost": cost})


class _DefaultMerger:
    """The merger of a reranker that brings none: the core's `rrf`, by its name."""

    @functools.cached_property
    def _merger(self) -> Any:  # noqa: ANN401  # a plugin
        return catalog().find("rrf").load()()

    @hookimpl(trylast=True)
    def merge(self, rankings: Sequence[Ranking], n_documents: int) -> MergedLike:
        merged: MergedLike = self._merger.merge(rankings, n_documents)
        return merged


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


def _only_merge(merger: _Plugin, who: str) -> _Hooks:
    """Return what stands in for *merger*, of which only `merge` is wanted."""
    require_merger(merger, who)
    return _Hooks(merger, ["merge"])


def require_merger(merger: _Plugin, who: str) -> None:
    """Refuse what cannot merge in the place of *who*'s own merger.

    Raises:
        InvalidRerankerError: If it is no merger.
    """
    found = implementation(type(merger))
    found.check(f"{who}: its merger {type(merger).__name__}")
    if not found.can_merge:
        msg = (
            f"merge must name a reranker that merges, but "
            f"{type(merger).__name__} implements only "
            f"{', '.join(map(repr, found.hooks))}."
        )
        raise InvalidRerankerError(msg, who=who)


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
