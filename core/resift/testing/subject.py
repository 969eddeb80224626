"""`Subject`: the reranker under test, how to build it, and what it declares."""

from __future__ import annotations

import inspect
import os
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from resift import Reranker, load
from resift.authors import (
    RELEVANCE,
    Loader,
    Provider,
    Schema,
    build,
    catalog,
    implementation,
)
from resift.errors import InputError, PluginError, ResiftError
from resift.testing.breach import Breach
from resift.testing.children import Failing
from resift.testing.lists import Lists
from resift.testing.watchdog import Pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from resift import Ranking, Scores
    from resift.plugin import Implementation
    from resift.testing.cases import Case
    from resift.testing.children import Child

__all__ = ["Settings", "Subject"]

_DEFAULTS: dict[str, object] = {
    "score_kind": "ordinal",
    "score_range": None,
    "pointwise": False,
    "deterministic": True,
    "reads_order": False,
    "needs_network": False,
    "needs_text": True,
    "columns": None,
    "symmetric": True,
    "affine_invariant": False,
    "most_lists": None,
}
"""What a class that says nothing is taken to declare: see `resift.hookspecs`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a reranker is tested, beyond what its class declares.

    Args:
        candidates: Makes the columns that the reranker declares from the texts, one
            row each; equal texts must give equal rows.
        failing_options: Options with which its backend cannot work: a server that
            does not answer, a model that does not exist. Worked out from the options
            ``base_url`` and ``model`` where not given.
        network: Whether a reranker that needs the network may use it.
        tolerance: How far two equal scores may lie apart, as a share of the largest.
        declares: Attributes that the class does not declare itself.
        limit: Seconds that a call may take before it is given up as hung; four times
            as many where it computes, and before the first answer.
        slow: Whether to try large sizes, too.
    """

    candidates: Callable[[Sequence[str]], pa.Table] | None = None
    failing_options: Mapping[str, object] | None = None
    network: bool = False
    tolerance: float = 1e-4
    declares: Mapping[str, object] = field(default_factory=dict)
    limit: float = 20.0
    slow: bool = False


@dataclass(frozen=True)
class Subject:
    """A reranker under test.

    Args:
        target: A name, a class, an instance, a function ``(query, documents)``, or a
            `resift.Reranker`.
        options: Options, where it is a name or a class.
        settings: How it is tested.
    """

    target: object
    options: Mapping[str, object] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    pulse: Pulse = field(default_factory=Pulse, init=False, repr=False)
    environ: Mapping[str, str] = field(
        default_factory=lambda: dict(os.environ), init=False, repr=False
    )
    _built: list[Reranker] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.options and not self.builds:
            msg = (
                f"options are for a name or a class, but the target is a "
                f"{type(self.target).__name__}. Build it with them instead."
            )
            raise InputError(msg)

    # What it is -----------------------------------------------------------------

    @property
    def who(self) -> str:
        if isinstance(self.target, Reranker):
            wrappers = [type(w).__name__ for w in self.target.wrappers]
            wrapped = f", wrapped by {', '.join(wrappers)}," if wrappers else ""
            return f"{self.target.who}{wrapped}"
        name = getattr(self.target, "__name__", type(self.target).__name__)
        return f"Reranker {self.target if isinstance(self.target, str) else name!r}"

    @property
    def builds(self) -> bool:
        """Whether it is built here, from a name or a class, and may be built again."""
        return isinstance(self.target, str) or inspect.isclass(self.target)

    @cached_property
    def provider(self) -> Provider | None:
        """Where a reranker that was named comes from."""
        if isinstance(self.target, str):
            return catalog().find(self.target)
        return None

    @cached_property
    def cls(self) -> type:
        """The plugin's class."""
        if self.provider is not None:
            return self.provider.load()
        if inspect.isclass(self.target):
            return self.target
        return type(self.reranker.plugin)

    @property
    def implementation(self) -> Implementation:
        return implementation(self.cls)

    @property
    def schema(self) -> Schema:
        return Schema(self.cls, self.who)

    def declares(self, attribute: str) -> object:
        """Return what the reranker declares, on its instance or its class."""
        try:
            holder: object = self.reranker.plugin
        except Exception:  # noqa: BLE001  # it cannot be built: another check tells
            holder = self.cls
        default = self.settings.declares.get(attribute, _DEFAULTS.get(attribute))
        return getattr(holder, attribute, default)

    @property
    def declared(self) -> dict[str, object]:
        """Everything it declares, as plain data."""
        try:
            found = self.implementation
        except PluginError:
            return {}
        declared = {name: self.declares(name) for name in _DEFAULTS}
        if isinstance(declared["columns"], tuple):
            declared["columns"] = list(declared["columns"])
        return {"scores": found.can_score, "merges": found.can_merge, **declared}

    # Building it ----------------------------------------------------------------

    def build(self, **options: object) -> Reranker:
        """Build it afresh, with *options* on top of its own; `release` closes it."""
        built = self._build({**self.options, **options})
        if self.builds:
            self._built.append(built)
        return built

    @property
    def wraps(self) -> bool:
        """Whether it is a reranker with a wrapper around it, which is under test."""
        return isinstance(self.target, Reranker) and bool(self.target.wrappers)

    @property
    def composite(self) -> bool:
        """Whether it is made of others, that can be exchanged, or wraps one."""
        if self.wraps:
            return True
        if not self.builds:
            return False
        try:
            nests = [o.name for o in self.schema.options.values() if o.nests]
        except ResiftError:  # another check tells
            return False
        return any(name in self.options for name in nests)

    def around(
        self, cls: type[Child], factor: float = 1.0, failing: int | None = None
    ) -> tuple[Reranker, list[Child]]:
        """Build it around children of the contract's own, and return them, too.

        Args:
            cls: What they are.
            factor: What their scores are multiplied by.
            failing: The number of the one that raises, from 0.
        """
        made: list[Child] = []

        def child() -> Reranker:
            kind = Failing if len(made) == failing else cls
            made.append(kind(factor * (1 + len(made) / 4)))
            return Reranker(made[-1])

        if isinstance(self.target, Reranker):
            made.append(cls(factor))
            return Reranker(made[0], wrappers=self.target.wrappers), made
        options: dict[str, object] = {}
        for option in self.schema.options.values():
            if not option.nests or option.name not in self.options:
                continue
            given = self.options[option.name]
            if isinstance(given, list | tuple):
                options[option.name] = [
                    child() if self._is_scorer(one) else one for one in given
                ]
            elif self._is_scorer(given):
                options[option.name] = child()
        return self.build(**options), made

    def reference(self, child: Child, case: Case) -> Scores:
        """Return what *child* says of a case by itself."""
        return self.answer(case, reranker=Reranker(type(child)(child.factor)))

    @staticmethod
    def _is_scorer(value: object) -> bool:
        """Return whether an option's value is a child that scores."""
        try:
            with Loader().nested(value) as nested:
                return nested.can_score
        except Exception:  # noqa: BLE001  # "incoming", or what is no reranker
            return False

    def release(self, *, shared: bool = False) -> None:
        """Close what was built here; the one that checks share only where *shared*."""
        kept = None if shared else self.__dict__.get("reranker")
        for built in [built for built in self._built if built is not kept]:
            self._built.remove(built)
            with suppress(Exception):  # a check of its own tells
                built.close()

    def _build(self, given: Mapping[str, object]) -> Reranker:
        if isinstance(self.target, str):
            return load(self.target, config=None, **given)  # type: ignore[arg-type]
        if inspect.isclass(self.target):
            name = self.target.__name__
            built = build(
                self.target,
                given,
                who=f"Reranker {name!r}",
                nest=lambda value, _: Loader().nested(value),
            )
            return Reranker(built.plugin, name=name)
        if isinstance(self.target, Reranker):
            return self.target
        return Reranker(self.target)

    @cached_property
    def reranker(self) -> Reranker:
        """The one that most checks share."""
        return self.build()

    @property
    def reachable(self) -> bool:
        """Whether it may be asked to score: it is local, or the network is allowed."""
        return self.settings.network or not self.declares("needs_network")

    # Asking it ------------------------------------------------------------------

    def candidates(self, documents: Sequence[str]) -> pa.Table | None:
        """Return the columns it reads, made up from the texts.

        Raises:
            Breach: If it reads columns that cannot be made up here.
        """
        columns = self.reranker.columns
        if not documents:
            return None
        if self.settings.candidates is not None:
            made = self.settings.candidates(documents)
            if made is None or not columns:
                return made
            return made.select([n for n in made.column_names if n in columns])
        if not columns:
            return None
        if columns == (RELEVANCE,):  # anything goes, as long as it follows the text
            return pa.table({RELEVANCE: [len(t) % 97 / 97 for t in documents]})
        listed = ", ".join(map(repr, columns))
        msg = f"it reads the columns {listed}, which the contract cannot make up"
        raise Breach(
            msg,
            usually="'candidates' is missing: a class method of the suite, an argument "
            "of check_reranker, or a file for `resift check --candidates`, which gives "
            "those columns for the texts.",
        )

    def scores(
        self, case: Case, top_k: int | None = None, reranker: Reranker | None = None
    ) -> NDArray[np.float64]:
        """Return its scores, NaN where it left a document out, shape ``(n_docs,)``."""
        return self.answer(case, top_k, reranker).values

    def answer(
        self,
        case: Case,
        top_k: int | None = None,
        reranker: Reranker | None = None,
        timeout: float | None = None,
    ) -> Scores:
        """Return all that it answers."""
        reranker = reranker or self.reranker
        candidates = self.candidates(case.documents)
        self.pulse.beat(case)
        found = reranker.score(case.query, case.documents, candidates, top_k, timeout)
        self.pulse.answered += 1
        return found

    def best_first(self, case: Case) -> list[int]:
        """Return the indices of the documents as it ranks them."""
        order: list[int] = self.answer(case).ranking().tolist()
        return order

    def merged(
        self,
        rankings: Sequence[Ranking],
        n_documents: int,
        query: str | None = "foxes in snow",
        reranker: Reranker | None = None,
    ) -> NDArray[np.float64]:
        """Return what it makes of ranked lists, shape ``(n_documents,)``."""
        self.pulse.beat(Lists(tuple(rankings), n_documents))
        merged = (reranker or self.reranker).merge(rankings, n_documents, query)
        self.pulse.answered += 1
        return merged

    def differing(
        self, got: NDArray[np.float64], wanted: NDArray[np.float64]
    ) -> int | None:
        """Return where two arrays of scores differ first, or None.

        NaN equals NaN. Finite scores may lie apart by the tolerance, as a share of
        the largest of them.
        """
        finite = np.concatenate([got, wanted])
        finite = np.abs(finite[np.isfinite(finite)])
        margin = self.settings.tolerance * (finite.max() if len(finite) else 0.0)
        same = np.isclose(got, wanted, rtol=0, atol=margin, equal_nan=True)
        return None if same.all() else int(np.argmin(same))
