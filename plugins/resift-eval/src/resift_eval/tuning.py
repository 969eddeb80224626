"""Tuning options on judged queries, honestly: by cross-validation."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

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

__all__ = [
    "WEIGHTS",
    "Trial",
    "Tuned",
    "Value",
    "Values",
    "asked",
    "combined",
    "default_grid",
    "shown",
    "weight_grid",
]

_FOLDS = 5
_DEFAULT = "(default)"
WEIGHTS = "weights"
_SETTINGS = ("weights", "window", "min_score", "merge")

# of an option: a number, a list, a name; or what every leg weighs
Value: TypeAlias = "float | str | Sequence[object] | Mapping[str, float]"
Values: TypeAlias = Mapping[str, Value]  # of every option that is tuned, by its path


@dataclass(frozen=True)
class Tuned:
    """What cross-validation found.

    Args:
        grid: The values tried, by option.
        means: The measure of each over all queries.
        best: What is best over all queries; None where none of it beats setting
            nothing.
        held_out: The measure on queries that had no say in the choice.
        default: The measure with nothing set.
        failures: Queries that some value brought no answer to, with the reason.
    """

    grid: Sequence[Values]
    means: Sequence[float]
    best: Values | None
    held_out: float
    default: float
    failures: Mapping[str, str]


@dataclass(frozen=True)
class Trial:
    """The options of one reranker to be tuned together.

    Args:
        name: The reranker.
        config: Where the name is looked up.
    """

    name: str
    config: Config | None

    def run(
        self,
        grid: Sequence[Values],
        collection: Collection,
        stage: FirstStage,
        measure: ir_measures.Measure,
        depth: int,
        progress: Callable[[int], None] | None = None,
    ) -> Tuned:
        """Try everything in the grid, and choose by cross-validation.

        The queries are dealt into five folds; for each, the values that are best on the
        other four are measured on it. That is what to expect of new queries, where the
        best over all queries is what to use. Setting nothing is tried first, and only
        what is better than that is chosen.
        """
        contestants = {_DEFAULT: Contestant.load(self.name, config=self.config)}
        for values in grid:
            table = self.table(values)
            contestants[shown(values)] = Contestant.load(table, config=self.config)
        experiment = Experiment(collection, stage, contestants, depth)
        answers = experiment.run(progress=progress)
        found = {
            contestant: measured(
                {i: a.ids for i, a in answers[contestant].items()},
                collection.qrels,
                [measure],
            )[str(measure)].values
            for contestant in contestants
        }
        table_of = np.stack(  # (1 + n_values, n_queries)
            [found[_DEFAULT], *(found[shown(values)] for values in grid)]
        )
        default, *means = table_of.mean(axis=1).tolist()
        best = int(table_of.mean(axis=1).argmax())  # the default, if nothing beats it
        return Tuned(
            grid=list(grid),
            means=means,
            best=grid[best - 1] if best else None,
            held_out=_held_out(table_of),
            default=default,
            failures={
                a.query: a.error
                for given in answers.values()
                for a in given.values()
                if a.error is not None
            },
        )

    def toml(self, values: Values) -> str:
        """Return the config to paste: an entry that uses what was tuned."""
        table = self.table(values)
        lines = [f"{toml.key(k)} = {toml.written(v)}" for k, v in table.items()]
        return "\n".join(["[rerankers.tuned]", *lines])

    def table(self, values: Values) -> dict[str, Any]:
        """Return the reranker as a table, with these values set.

        ``weights`` are those of the legs, ``merge.k`` is an option of the merger,
        ``options.weights`` one of the reranker (as any other name is), and
        ``rerankers.0.k1`` one of a reranker in a list, and ``boosts.published.weight``
        one of a table in a list, by its place or its column.

        Raises:
            InputError: If a path leads nowhere.
        """
        found = dict(self._written(self.name)) if self._is_nested(values) else {}
        found = found or {"use": self.name}
        for path, value in values.items():
            if path in _SETTINGS:
                found[path] = value
            elif path.startswith("merge."):
                found["merge"] = self._merge(found, path.removeprefix("merge."), value)
            else:
                keys = path.removeprefix("options.").split(".")
                self._set(found, keys, value, path)
        return found

    def _is_nested(self, values: Values) -> bool:
        """Return whether a table is needed whole: to reach into its options."""
        entry = self.config.get(self.name) if self.config is not None else None
        return entry is not None or any("." in path for path in values)

    def _written(self, name: str) -> dict[str, Any]:
        """Return what a name stands for in the config, as a table."""
        entry = self.config.get(name) if self.config is not None else None
        if entry is None:
            return {"use": name}
        table = {"use": entry.use, **entry.settings.given()}
        if entry.options:
            table["options"] = dict(entry.options)
        return table

    def _set(
        self, table: dict[str, Any], keys: Sequence[str], value: object, path: str
    ) -> None:
        """Set an option, of a reranker in a reranker where there are several keys."""
        key, *rest = keys
        options = dict(table.get("options") or {})
        table["options"] = options
        if not rest:
            options[key] = value
            return
        child = options.get(key)
        if (place := _table_at(child, rest[0])) is not None and len(rest) == 2:
            tables = list(child or ())
            tables[place] = {**tables[place], rest[1]: value}
            options[key] = tables
            return
        if isinstance(child, list | tuple) and rest[0].isdigit():
            place = int(rest[0])
            children = list(child)
            if place < len(children) and len(rest) > 1:
                children[place] = self._child(children[place], path)
                options[key] = children
                self._set(children[place], rest[1:], value, path)
                return
        elif child is not None:
            options[key] = self._child(child, path)
            self._set(options[key], rest, value, path)
            return
        msg = (
            f"--tune {path}: {self.name!r} has no reranker at {'.'.join(keys[:-1])!r}."
        )
        raise InputError(msg)

    def _child(self, given: object, path: str) -> dict[str, Any]:
        if isinstance(given, Mapping):
            return dict(given)
        if isinstance(given, str) and given != "incoming":
            return self._written(given)
        msg = f"--tune {path}: {given!r} is not a reranker with options."
        raise InputError(msg)

    def _merge(
        self, table: Mapping[str, Any], option: str, value: object
    ) -> dict[str, Any]:
        """Return the merger in use with the option set; itself where it only merges."""
        merge = table.get("merge")
        if isinstance(merge, Mapping):
            given = merge.get("options") or {}
            return {"use": str(merge["use"]), "options": {**given, option: value}}
        if merge is None:
            loaded = Contestant.load(self.name, config=self.config).reranker
            merge = self.name if loaded.can_merge or not loaded.can_score else "rrf"
        return {"use": str(merge), "options": {option: value}}


def _table_at(given: object, name: str) -> int | None:
    """Return where in a list a table stands that is no reranker, such as a boost.

    Args:
        given: The list, or anything else.
        name: Its place, or the column that it is about.
    """
    for place, item in enumerate(given if isinstance(given, list | tuple) else ()):
        plain = isinstance(item, Mapping) and "use" not in item
        if plain and name in (str(place), item.get("column")):
            return place
    return None


def _held_out(table: NDArray[np.float64]) -> float:
    folds = np.random.default_rng(0).permutation(table.shape[1]) % _FOLDS
    found: list[float] = []
    for fold in range(_FOLDS):
        mine = folds == fold
        if mine.any() and not mine.all():
            chosen = table[:, ~mine].mean(axis=1).argmax()
            found.extend(table[chosen, mine])
    return float(np.mean(found)) if found else float("nan")


def shown(values: Values) -> str:
    """Return values as they are printed, with their options where there are several."""
    if len(values) == 1:
        return _shown(next(iter(values.values())))
    return ", ".join(f"{path} = {_shown(value)}" for path, value in values.items())


def _shown(value: Value) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{leg}={weight:g}" for leg, weight in value.items())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}"
    return toml.written(value)


def asked(text: str) -> tuple[str, list[Value] | None]:
    """Read what ``--tune`` asks for: ``k1``, or ``k1=0.8,1.2``, or ``keep=[10],[50]``.

    Raises:
        InputError: If the values are none.
    """
    path, equals, values = text.partition("=")
    if not path or (equals and not values.strip()):
        msg = f"--tune must look like OPTION or OPTION=VALUE,VALUE, got {text!r}."
        raise InputError(msg)
    if not equals:
        return path, None
    try:
        found = json.loads(f"[{values}]", parse_constant=_refused)
    except json.JSONDecodeError:
        found = values.split(",")  # names
    return path, found


def _refused(constant: str) -> float:
    msg = f"values must be finite, got {constant}."
    raise InputError(msg, who="--tune")


def combined(grids: Mapping[str, Sequence[Value]]) -> list[Values]:
    """Return every combination of the values of several options."""
    return [
        dict(zip(grids, values, strict=True))
        for values in itertools.product(*grids.values())
    ]


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
        msg = f"weights must not be negative, got {min(values):g}."
        raise InputError(msg, who="--grid")
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


def default_grid(path: str) -> list[Value]:
    """Return the values to try for a well-known option.

    Raises:
        InputError: If there is no obvious grid.
    """
    known: dict[str, list[Value]] = {
        "alpha": np.linspace(0, 1, 11).round(2).tolist(),
        "b": np.linspace(0, 1, 6).round(2).tolist(),
        "k": [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 100.0, 200.0],
        "k1": [0.4, 0.8, 1.2, 1.6, 2.0],
        "trade_off": np.linspace(0.1, 1, 10).round(2).tolist(),
        "weight": [0.0, 0.1, 0.25, 0.5, 1.0, 2.0],
    }
    option = path.rpartition(".")[2]
    if option not in known:
        msg = f"Give the values to try for {path!r}: --tune {path}=0.1,0.2,0.5."
        raise InputError(msg)
    return known[option]
