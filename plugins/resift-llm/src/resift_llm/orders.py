"""Read a ranking out of what a model said: by its form, never by its digits.

A number in prose may be a count, a grade or a year. So these forms are read, and no
other: JSON, numbers in one line between commas or ``>``, with or without brackets, and
lines that each name a passage.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from resift_llm.completion import Completion
from resift_remote import WrongAnswerError

__all__ = ["read_ranking"]

_IDS = (
    *("number", "passage", "passage_number", "passage_id", "document", "doc"),
    *("document_number", "document_id", "doc_id", "id", "index", "no"),
)
"""Fields that may name a passage, those that surely do first."""
_SCORES = ("relevance", "relevance_score", "score", "grade", "rating")
_RANKS = ("rank", "position")
_BRACKETS = str.maketrans(
    "\u3010\u3014「『〖〈《\u3011\u3015」』〗〉》", "[[[[[[[]]]]]]]"
)

_LABEL = r"(?:passage|document|doc|text|item|candidate|number|no\.?|id)\s*[:#]?\s*|#\s*"
_NUMBER = rf"(?:{_LABEL})?(?:\[\s*(?:{_LABEL})?\d{{1,9}}\s*\]|\d{{1,9}}(?!\w|\.\d))"
_FALLING = re.compile(rf"(?<![\w.]){_NUMBER}(?:\s*[>≻→=]+\s*{_NUMBER})+", re.IGNORECASE)
_LISTED = re.compile(
    r"[\W_]*?(?:(?:the |my |final |here is )*"
    r"(?:ranking|ranked list|order|answer|result|output)[^.:\d]{0,40}:)?\W*?"
    rf"((?:{_NUMBER}(?:\s*[,;、]\s*|\s*(?=\[)|(?=\W*$)))+)[\W_]*",
    re.IGNORECASE,
)
_NAMED = rf"(?:(?:{_LABEL})?\[\s*(?:{_LABEL})?(\d{{1,9}})\s*\]|(?:{_LABEL})(\d{{1,9}}))"
_MARKED = re.compile(
    rf"\W{{0,4}}\d{{1,9}}\s*[.):、]\W{{0,8}}(?:{_NAMED}(?![\w]|\.\d).*|(\d{{1,9}})\W*)",
    re.IGNORECASE,
)
_SINGLE = re.compile(
    rf"\W{{0,4}}(?:{_NAMED}|(\d{{1,9}}))\W*"
    r"(?:(?:relevance|score|grade|rating)[\s_a-z]*\W{0,4}(\d{1,9}(?:\.\d+)?)"
    r"(?:\s*/\s*\d+)?\W*)?",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class _Item:
    """A passage's number, and where it belongs if the answer says so: low is first."""

    number: int
    place: float | None = None


def read_ranking(completion: Completion, n_passages: int) -> list[int]:
    """Return the positions of the passages, best first, from 0.

    A JSON object with a list counts before all else, the last one of several. Of the
    other forms the one that ranks the most passages counts, and of equals the last.
    Items that come with a relevance or a rank are sorted by it. Numbers that are
    exactly 0 to ``n_passages - 1`` count from 0. A repeated number counts where it
    stands first, and one that no passage has does not count.

    Args:
        completion: What the model said.
        n_passages: How many passages there are, numbered from 1.

    Raises:
        WrongAnswerError: If it has none of these forms, or ranks no passage.
    """
    text = unicodedata.normalize("NFKC", completion.answer).translate(_BRACKETS)
    ranked: list[int] = []
    for items in _in_objects(text):
        ranked = _positions(items, n_passages) or ranked
    if not ranked:
        for items in _in_text(text, n_passages):
            found = _positions(items, n_passages)
            ranked = found if len(found) >= len(ranked) else ranked
    if not ranked:
        msg = (
            f"it holds no ranking of the {n_passages} passages, such as "
            '{"ranking": [2, 1]} or "[2] > [1]"'
        )
        raise WrongAnswerError(msg)
    return ranked


def _positions(items: Sequence[_Item], n_passages: int) -> list[int]:
    """Return the positions that *items* mean, best first, none twice."""
    if all(item.place is not None for item in items):
        items = sorted(items, key=lambda item: item.place or 0.0)
    numbers = list(dict.fromkeys(item.number for item in items))
    if set(numbers) == set(range(n_passages)):
        return numbers
    return [number - 1 for number in numbers if 1 <= number <= n_passages]


def _in_objects(text: str) -> Iterator[list[_Item]]:
    """Yield the items of each JSON object that holds a ranking."""
    for _, value in _json(text):
        for candidate in value if isinstance(value, list) else [value]:
            if isinstance(candidate, Mapping) and (items := _of_object(candidate)):
                yield items


def _in_text(text: str, n_passages: int) -> Iterator[list[_Item]]:
    """Yield the items of each other form, in the order in which they stand."""
    found: list[tuple[int, list[_Item]]] = []
    for start, value in _json(text):
        items = _of_list(value) if isinstance(value, list) else None
        if items and len(items) > 1:  # "[2]" alone may be a part of "[2] > [1]"
            found.append((start, items))
    for match in _FALLING.finditer(text):
        items = [_Item(int(number)) for number in _DIGITS.findall(match[0])]
        if len(items) >= min(3, n_passages) or match[0].strip() == text.strip():
            found.append((match.start(), items))
    found += _in_lines(text)
    yield from (items for _, items in sorted(found, key=lambda pair: pair[0]))


def _in_lines(text: str) -> Iterator[tuple[int, list[_Item]]]:
    """Yield the items of lines that list passages, and of lines that name one each."""
    start = 0
    runs: dict[re.Pattern[str], list[_Item]] = {_MARKED: [], _SINGLE: []}
    for line in [*text.splitlines(keepends=True), "."]:
        if not line.strip():
            start += len(line)
            continue
        if listed := _LISTED.fullmatch(line.strip()):
            numbers = [int(number) for number in _DIGITS.findall(listed[1])]
            alone = listed[1].startswith("[") and line.strip() == text.strip()
            if len(numbers) > 1 or alone:
                yield start, [_Item(number) for number in numbers]
        for pattern, items in runs.items():
            if match := pattern.fullmatch(line.strip()):
                items.append(_of_line(match))
                continue
            if len(items) > 1:
                yield start, items
            runs[pattern] = []
        start += len(line)


def _of_line(match: re.Match[str]) -> _Item:
    groups = [group for group in match.groups() if group]
    if match.re is _SINGLE and match[4]:
        return _Item(int(groups[0]), -float(match[4]))
    return _Item(int(groups[0]))


def _json(text: str) -> Iterator[tuple[int, object]]:
    """Yield every JSON object and list in *text*, and where it starts."""
    decoder = json.JSONDecoder()
    place = 0
    while (found := re.compile(r"[{\[]").search(text, place)) is not None:
        place = found.end()
        try:
            value, place = decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            continue
        yield found.start(), value


def _of_object(value: Mapping[str, object]) -> list[_Item] | None:
    """Return the items of ``ranking``, or of the only list that there is."""
    named = value.get("ranking")
    if isinstance(named, list):
        return [item for entry in named if (item := _item(entry))]
    if isinstance(named, str):
        return [_Item(int(number)) for number in _DIGITS.findall(named)]
    lists = [entry for entry in value.values() if isinstance(entry, list)]
    return _of_list(lists[0]) if len(lists) == 1 else None


def _of_list(entries: Sequence[object]) -> list[_Item] | None:
    """Return the items of a list that holds passages and nothing else."""
    items = [_item(entry) for entry in entries]
    return None if None in items else [item for item in items if item]


def _item(entry: object) -> _Item | None:
    """Return what an entry of a JSON list names: ``3``, ``"[3]"``, ``{"id": 3}``."""
    if isinstance(entry, int) and not isinstance(entry, bool):
        return _Item(entry)
    if isinstance(entry, str):
        match = re.fullmatch(
            rf"\W*(?:{_LABEL})?\W*(\d{{1,9}})\W*", entry, re.IGNORECASE
        )
        return _Item(int(match[1])) if match else None
    if not isinstance(entry, Mapping):
        return None
    fields = {str(name).casefold(): value for name, value in entry.items()}
    names = [name for name in _IDS if name in fields]
    numbers = [value for value in fields.values() if isinstance(value, int)]
    named = fields[names[0]] if names else numbers[0] if len(numbers) == 1 else None
    found = None if isinstance(named, Mapping) else _item(named)
    return _Item(found.number, _place(fields)) if found else None


def _place(fields: Mapping[str, object]) -> float | None:
    for names, sign in ((_RANKS, 1.0), (_SCORES, -1.0)):
        for name in names:
            value = fields.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return sign * value
    return None
