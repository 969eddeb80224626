"""Tuning one option on judged queries, honestly: by cross-validation."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from resift.authors import Entry
from resift.errors import InputError
from resift_eval import toml
from resift_eval.experiment import Contestant, Experiment
from resift_eval.measures import measured

if TYPE_CHECKING:
    import ir_measures
    from numpy.typing import NDArray

    from resift.authors import Config
    from resift_eval.collection import Collection
    from resift_eval.first_stage import FirstStage

__all__ = ["WEIGHTS", "Trial", "Tuned", "Value", "default_grid", "shown", "weight_grid"]

_FOLDS = 5
_DEFAULT = "(default)"
WEIGHTS = "weights"

Value: TypeAlias = "float | Mapping[str, float]"  # of an option, or of every leg


@dataclass(frozen=True)
class Tuned:
    """What cross-validation found.

    Args:
        grid: The values tried.
        means: The measure of each value over all queries.
        best: The value that is best over all queries; None where none of them beats
            not setting the option.
        held_out: The measure on queries that had no say in choosing the value.
        default: The measure without setting the option.
        failures: Queries that some value brought no answer to, with the reason.
    """

    grid: Sequence[Value]
    means: Sequence[float]
    best: Value | None
    held_out: float
    default: float
    failures: Mapping[str, str]


@dataclass(frozen=True)
class Trial:
    """One option to be tuned.

    Args:
        name: The reranker.
        path: The option: ``k1``, or ``merge.alpha`` for one of the merger; or
            ``weights``, those of the legs.
        config: Where the name is looked up.
    """

    name: str
    path: str
    config: Config | None

    def run(
        self,
        grid: Sequence[Value],
        collection: Collection,
        stage: FirstStage,
        measure: ir_measures.Measure,
        depth: int,
        progress: Callable[[int], None] | None = None,
    ) -> Tuned:
        """Try every value, and choose by cross-validation.

        The queries are dealt into five folds; for each, the value that is best on the
        other four is measured on it. That is what to expect of new queries, where the
        best over all queries is what to use. Not setting the option is tried first, and
        only a value that is better than that is chosen.
        """
        contestants = {_DEFAULT: Contestant.load(self.name, config=self.config)}
        for value in grid:
            contestants[shown(value)] = self._with(value)
        experiment = Experiment(collection, stage, contestants, depth)
        answers = experiment.run(progress=progress)
        values = {
            contestant: measured(
                {i: a.ids for i, a in answers[contestant].items()},
                collection.qrels,
                [measure],
            )[str(measure)].values
            for contestant in contestants
        }
        table = np.stack(  # (1 + n_values, n_queries)
            [values[_DEFAULT], *(values[shown(v)] for v in grid)]
        )
        default, *means = table.mean(axis=1).tolist()
        best = int(table.mean(axis=1).argmax())  # the default where nothing beats it
        return Tuned(
            grid=list(grid),
            means=means,
            best=grid[best - 1] if best else None,
            held_out=_held_out(table),
            default=default,
            failures={
                a.query: a.error
                for given in answers.values()
                for a in given.values()
                if a.error is not None
            },
        )

    def toml(self, value: Value) -> str:
        """Return the config to paste: an entry that uses what was tuned."""
        head, _, option = self.path.rpartition(".")
        lines = ["[rerankers.tuned]", f'use = "{self.name}"']
        if isinstance(value, Mapping):
            weights = ", ".join(f"{toml.key(leg)} = {w:g}" for leg, w in value.items())
            return "\n".join([*lines, f"weights = {{ {weights} }}"])
        if not head:
            return "\n".join([*lines, f"options = {{ {option} = {value:g} }}"])
        merge = self._merge(value)
        options = ", ".join(f"{k} = {json.dumps(v)}" for k, v in merge.options.items())
        table = f'use = "{merge.use}", options = {{ {options} }}'
        return "\n".join([*lines, f"merge = {{ {table} }}"])

    def _with(self, value: Value) -> Contestant:
        if isinstance(value, Mapping):
            return Contestant.load(self.name, config=self.config, weights=value)
        head, _, option = self.path.rpartition(".")
        if not head:
            return Contestant.load(self.name, config=self.config, **{option: value})
        if head != "merge":
            msg = f"--tune takes an option, or merge.OPTION, got {self.path!r}."
            raise InputError(msg)
        merge = self._merge(value)
        table = {"use": merge.use, "options": merge.options}
        return Contestant.load(self.name, config=self.config, merge=table)

    def _merge(self, value: float) -> Entry:
        """Return the merger in use with the option set; itself where it only merges."""
        option = self.path.rpartition(".")[2]
        entry = self.config.get(self.name) if self.config is not None else None
        merge = entry.settings.merge if entry is not None else None
        if isinstance(merge, Mapping):
            given = merge.get("options") or {}
            return Entry(str(merge["use"]), {**given, option: value})
        if merge is None:
            loaded = Contestant.load(self.name, config=self.config).reranker
            merge = self.name if loaded.can_merge or not loaded.can_score else "rrf"
        return Entry(str(merge), {option: value})


def _held_out(table: NDArray[np.float64]) -> float:
    folds = np.random.default_rng(0).permutation(table.shape[1]) % _FOLDS
    found: list[float] = []
    for fold in range(_FOLDS):
        mine = folds == fold
        if mine.any() and not mine.all():
            chosen = table[:, ~mine].mean(axis=1).argmax()
            found.extend(table[chosen, mine])
    return float(np.mean(found)) if found else float("nan")


def shown(value: Value) -> str:
    """Return a value as it is printed."""
    if isinstance(value, Mapping):
        return " ".join(f"{leg}={weight:g}" for leg, weight in value.items())
    return f"{value:g}"


def weight_grid(
    legs: Sequence[str], values: Sequence[float] | None
) -> list[Mapping[str, float]]:
    """Return weights of legs to try.

    Args:
        legs: The legs.
        values: What each may weigh; by default shares in steps of a tenth for two legs,
            a fifth for three, and a quarter for more.

    Raises:
        InputError: If there are not two legs, or a value is negative.
    """
    if len(legs) < 2:
        msg = (
            f"--tune weights needs two legs or more; this first stage has {len(legs)}: "
            f"{', '.join(map(repr, legs))}."
        )
        raise InputError(msg)
    if values is not None and min(values) < 0:
        msg = f"--grid: weights must not be negative, got {min(values):g}."
        raise InputError(msg)
    steps = {2: 10, 3: 5}.get(len(legs), 4)
    given = range(steps + 1) if values is None else values
    grid: dict[tuple[float, ...], Mapping[str, float]] = {}
    for weights in itertools.product(given, repeat=len(legs)):
        total = sum(weights)
        if total == 0 or (values is None and total != steps):
            continue
        shares = tuple(round(weight / total, 9) for weight in weights)
        kept = shares if values is None else weights
        grid.setdefault(shares, dict(zip(legs, kept, strict=True)))
    return list(grid.values())


def default_grid(path: str) -> list[float]:
    """Return the values to try for a well-known option.

    Raises:
        InputError: If there is no obvious grid.
    """
    known: dict[str, list[float]] = {
        "alpha": np.linspace(0, 1, 11).round(2).tolist(),
        "b": np.linspace(0, 1, 6).round(2).tolist(),
        "k": [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 100.0, 200.0],
        "k1": [0.4, 0.8, 1.2, 1.6, 2.0],
        "trade_off": np.linspace(0.1, 1, 10).round(2).tolist(),
    }
    option = path.rpartition(".")[2]
    if option not in known:
        msg = f"Give the values to try for {path!r}: --grid 0.1,0.2,0.5."
        raise InputError(msg)
    return known[option]
