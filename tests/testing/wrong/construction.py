"""Wrong in their class, their options, or in what building them does."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from resift import hookimpl
from resift.testing import word_overlap

if TYPE_CHECKING:
    from decimal import Decimal


class _Overlap:
    @hookimpl
    def score(self, query, documents):
        return [word_overlap(query, text) - len(text) / 1e6 for text in documents]


class ForgetsTheMark:
    """The decorator is missing."""

    breaks = "hooks_are_well_formed"

    def score(self, query, documents):
        return [0.0] * len(documents)


class IsAsync:
    """A coroutine is nothing that a hook call awaits."""

    breaks = "hooks_are_well_formed"

    @hookimpl
    async def score(self, query, documents):
        return [0.0] * len(documents)


class TakesKeywordsOnly:
    """pluggy never fills a keyword-only argument."""

    breaks = "hooks_are_well_formed"

    @hookimpl
    def score(self, query, *, documents):
        return [0.0] * len(documents)


class TakesOtherArguments:
    """Peer 21: the method does not take what the hook gives."""

    breaks = "hooks_are_well_formed"

    @hookimpl
    def score(self, query, docs):
        return [0.0] * len(docs)


class FromAnotherTime(_Overlap):
    """Written for hooks that do not exist yet."""

    breaks = "hooks_are_well_formed"
    resift_api = 2


class SwallowsOptions(_Overlap):
    """A misspelt option vanishes."""

    breaks = "options_are_checked"

    def __init__(self, **kwargs: object) -> None:
        self.options = kwargs


class HidesItsTypes(_Overlap):
    """An annotation that only a type checker can resolve."""

    breaks = "options_are_checked"

    def __init__(self, weight: Decimal | None = None) -> None:
        self.weight = weight


class SaysNothing(_Overlap):
    """An option without a word about it."""

    breaks = "options_are_described"

    def __init__(self, depth: int = 1) -> None:
        self.depth = depth


class ShowsItsKey(_Overlap):
    """A key that every error may show.

    Args:
        api_key: The key.
    """

    breaks = "secrets_are_secret"

    def __init__(self, api_key: str = "") -> None:
        self.api_key = api_key


class LoadsAtOnce(_Overlap):
    """Weights are read when it is built."""

    breaks = "construction_does_no_io"

    def __init__(self) -> None:
        with Path("/dev/null").open("rb") as weights:
            self.weights = weights.read()


class StartsAThread(_Overlap):
    """A thread is started when it is built."""

    breaks = "construction_does_no_io"

    def __init__(self) -> None:
        self.stop = threading.Event()
        threading.Thread(target=self.stop.wait, args=(2,), daemon=True).start()


class MisspellsItsKind(_Overlap):
    """A kind of score that does not exist."""

    breaks = "declarations_are_known"
    score_kind = "probabilty"


class NamesOneColumn(_Overlap):
    """One string, of which every letter would be a column."""

    breaks = "can_be_built"
    columns = "embedding"


class DeclaresNoTruth(_Overlap):
    """A word where True or False belongs."""

    breaks = "declarations_are_known"
    pointwise = "no"


class RaisesWhenBuilt(_Overlap):
    """Its default is not a value that it takes."""

    breaks = "can_be_built"

    def __init__(self, depth: int = 0) -> None:
        """Take the depth.

        Args:
            depth: At least 1.
        """
        if depth < 1:
            msg = f"depth must be at least 1, got {depth}."
            raise ValueError(msg)
