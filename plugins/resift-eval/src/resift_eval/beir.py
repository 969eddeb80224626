"""Folders in BEIR layout: a corpus, queries, and judgements in splits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from resift.errors import InputError
from resift_eval.collection import (
    Collection,
    read_documents,
    read_qrels,
    read_queries,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["BeirFolder"]

_DEFAULT = "test"


@dataclass(frozen=True)
class BeirFolder:
    """A folder with ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``.

    The files may have any ending that `read_rows` knows; judgements without splits lie
    in ``qrels.tsv``.

    Args:
        path: The folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.path.resolve().name

    def read(
        self,
        *,
        queries: Path | None = None,
        qrels: Path | None = None,
        documents: Path | None = None,
        split: str | None = None,
        scale: int | None = None,
    ) -> Collection:
        """Read the collection, with other files instead of those of the folder.

        Args:
            queries: Queries instead of ``queries.jsonl``.
            qrels: Judgements instead of those of the folder.
            documents: Documents instead of ``corpus.jsonl``.
            split: The name of the folder's judgements.
            scale: What grades are multiplied by.

        Raises:
            InputError: If a file is missing or cannot be read.
        """
        note = ""
        if qrels is None:
            qrels, note = self.qrels(split)
        found = Collection.of(
            self.name,
            read_queries(queries or self.file("queries")),
            read_qrels(qrels, scale),
            read_documents(documents or self.file("corpus")),
        )
        return replace(found, notes=[note, *found.notes]) if note else found

    def file(self, name: str) -> Path:
        """Return ``corpus`` or ``queries``, whatever its ending.

        Raises:
            InputError: If there is none, or more than one.
        """
        if (found := self._found(self.path, name)) is None:
            msg = f"{self.path} is not a BEIR folder: it has no {name}.jsonl."
            raise InputError(msg, who=str(self.path))
        return found

    def splits(self) -> list[str]:
        """Return the names of the splits that are judged."""
        folder = self.path / "qrels"
        files = folder.iterdir() if folder.is_dir() else ()
        names = {_stem(file) for file in files if file.is_file()}
        return sorted(names - {""})

    def qrels(self, split: str | None = None) -> tuple[Path, str]:
        """Return the file of judgements, and a note where there are others.

        Args:
            split: Its name; by default ``test``, or the file without splits.

        Raises:
            InputError: If there is no such file.
        """
        splits, whole = self.splits(), self._found(self.path, "qrels")
        if split is None and _DEFAULT not in splits and whole is not None:
            return whole, _others(whole.name, splits)
        chosen = split or _DEFAULT
        if chosen not in splits:
            raise InputError(self._no_split(chosen, splits))
        file = self._found(self.path / "qrels", chosen)
        others = [] if split else [name for name in splits if name != chosen]
        return cast("Path", file), _others(f"split {chosen!r}", others)

    def _no_split(self, chosen: str, splits: Sequence[str]) -> str:
        if not splits:
            return (
                f"{self.path} has no judgements: neither qrels.tsv nor "
                f"qrels/{chosen}.tsv. Name them: --qrels FILE."
            )
        known = ", ".join(map(repr, splits))
        return (
            f"{self.path} has no split {chosen!r}. Splits: {known}. Choose one: "
            f"--split {splits[0]}."
        )

    def _found(self, folder: Path, name: str) -> Path | None:
        files = folder.iterdir() if folder.is_dir() else ()
        found = sorted(f for f in files if f.is_file() and _stem(f) == name)
        if len(found) > 1:
            both = " and ".join(file.name for file in found)
            msg = f"{folder} has {both}. Keep one, or name it on the command line."
            raise InputError(msg, who=str(folder))
        return found[0] if found else None


def _others(used: str, others: Sequence[str]) -> str:
    if not others:
        return ""
    known = ", ".join(map(repr, others))
    return f"Judged by {used}. Other splits: {known} (--split {others[0]})."


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]
