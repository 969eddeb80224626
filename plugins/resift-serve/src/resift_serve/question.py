"""`Question`: what a client asks, whichever words it has for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic_core import from_json

from resift_serve.problem import Problem

__all__ = ["Document", "Question"]

Document: TypeAlias = str | Mapping[str, object] | None

_DOCUMENTS = ("documents", "texts", "input", "passages", "inputs")
_MODEL = ("model", "model_id", "reranker")
_TOP = ("top_n", "top_k")
_ECHO = ("return_documents", "return_input", "return_text")
_READ = {
    *(*_DOCUMENTS, *_MODEL, *_TOP, *_ECHO),
    *("query", "queries", "rank_fields", "raw_scores", "use_activation"),
    *("explain", "timeout", "instruction", "parameters"),
}
_HARMLESS = {"user", "stream", "encoding_format", "project_id", "space_id"}
_LONGEST = 40  # characters of a field's name that an answer repeats
_MOST = 10  # such names


@dataclass(frozen=True, slots=True)
class Question:
    """One request to rank documents.

    Args:
        query: The query, not blank.
        documents: Strings, objects that hold their text, or null.
        model: The reranker's name in the config; None for the default.
        top_n: How many to answer; None for all.
        raw_scores: Whether scores are wanted as the reranker gives them, and not
            between 0 and 1.
        echo: Whether to send the documents back.
        explain: Whether to send what the stages of the reranker say.
        timeout: Seconds that the caller will wait.
        instruction: What to count as relevant, in words.
        rank_fields: The fields of the documents that are their text.
        is_texts: Whether the documents came as ``texts``.
        ignored: Fields that have no effect here.
    """

    query: str
    documents: Sequence[Document]
    model: str | None = None
    top_n: int | None = None
    raw_scores: bool = False
    echo: bool = False
    explain: bool = False
    timeout: float | None = None
    instruction: str | None = None
    rank_fields: tuple[str, ...] = ()
    is_texts: bool = False
    ignored: tuple[str, ...] = field(default=())

    @classmethod
    def parse(cls, body: bytes, max_documents: int) -> Question:
        """Read the JSON of a request.

        Raises:
            Problem: If it is no such JSON; it never quotes what it was given.
        """
        try:
            data = from_json(body, allow_inf_nan=False)
        except ValueError:
            msg = "The body must be JSON in UTF-8."
            raise Problem(400, "malformed_json", msg) from None
        if not isinstance(data, dict):
            raise _wrong(data, "The body", "a JSON object")
        parameters = data.get("parameters")
        if isinstance(asked := data.pop("input", None), dict):  # DashScope
            data = {**data, **asked}
            if isinstance(parameters, dict):
                words = parameters.get("instruct")
                data = {**parameters, "instruction": words, **data}
                data.pop("instruct", None)
        elif asked is not None:
            data["input"] = asked
        documents = _documents(data, max_documents)
        if isinstance(parameters, dict):  # watsonx
            options = parameters.get("return_options")
            if isinstance(options, dict):
                data = {**options, **data}
        return cls(
            query=_query(data),
            documents=documents,
            model=_string(data, _MODEL),
            top_n=_count(data, _TOP),
            raw_scores=_flag(data, ("raw_scores",))
            or data.get("use_activation") is False,
            echo=_flag(data, _ECHO) or isinstance(data.get("return_options"), dict),
            explain=_flag(data, ("explain",)),
            timeout=_seconds(data),
            instruction=_string(data, ("instruction",)),
            rank_fields=_names(data, "rank_fields"),
            is_texts=data.get("texts") is not None,
            ignored=_ignored(data),
        )

    def texts(self, text: str | Sequence[str]) -> list[Document]:
        """Return the documents with their text where a reranker looks for it.

        Strings and nulls stay what they are; an object stays one.

        Args:
            text: The field, or the fields, where the reranker looks.

        Raises:
            Problem: If an object has no text.
        """
        fields = (text,) if isinstance(text, str) else tuple(text)
        return [
            self._object(i, document, fields)
            if isinstance(document, Mapping)
            else document
            for i, document in enumerate(self.documents)
        ]

    def _object(
        self, index: int, document: Mapping[str, object], fields: tuple[str, ...]
    ) -> Mapping[str, object]:
        wanted = self.rank_fields or fields
        if not self.rank_fields and not any(name in document for name in fields):
            wanted = ("text",)
        parts = [document[name] for name in wanted if name in document]
        if not parts:
            where = "the 'rank_fields'"
            if not self.rank_fields:
                where = (
                    f"{' or '.join(map(repr, wanted))}. Name others in 'rank_fields'"
                )
            msg = (
                f"documents[{index}] must be a string, or an object with its text "
                f"under {where}."
            )
            raise Problem(422, "invalid_request", msg, parameter="documents")
        said = []
        for part in parts:
            if part is not None and not isinstance(part, str):
                raise _wrong(part, f"The text of documents[{index}]", "a string")
            said.append(part or "")
        return {**document, fields[0]: "\n".join(said) or None}


def _first(data: Mapping[str, object], names: Sequence[str]) -> tuple[str, object]:
    """Return the first of the fields that is not null, and its value."""
    for name in names:
        if (value := data.get(name)) is not None:
            return name, value
    return names[0], None


def _documents(data: Mapping[str, object], most: int) -> Sequence[Document]:
    name, value = _first(data, _DOCUMENTS)
    if value is None:
        msg = "The body must have a list 'documents'."
        raise Problem(422, "invalid_request", msg, parameter="documents")
    if not isinstance(value, list):
        raise _wrong(value, name, "a list")
    if len(value) > most:
        msg = (
            f"{name} must have at most {most} documents, got {len(value)}. Send fewer "
            "at a time."
        )
        raise Problem(413, "too_many_documents", msg, parameter=name)
    for i, document in enumerate(value):
        if not (document is None or isinstance(document, str | dict)):
            raise _wrong(document, f"{name}[{i}]", "a string, an object or null")
    return value


def _query(data: Mapping[str, object]) -> str:
    value = data.get("query")
    queries = data.get("queries")
    if value is None and isinstance(queries, list) and queries:
        value = queries[0]
        if any(other != value for other in queries):
            msg = "queries must all be the same: a request has one query."
            raise Problem(422, "invalid_request", msg, parameter="queries")
    if isinstance(value, dict):
        value = value.get("text")
    if not isinstance(value, str):
        raise _wrong(value, "query", "a string")
    if not value.strip():
        msg = "query must not be blank."
        raise Problem(422, "invalid_request", msg, parameter="query")
    return value


def _string(data: Mapping[str, object], names: Sequence[str]) -> str | None:
    name, value = _first(data, names)
    if value is None or isinstance(value, str):
        return value or None
    raise _wrong(value, name, "a string or null")


def _flag(data: Mapping[str, object], names: Sequence[str]) -> bool:
    name, value = _first(data, names)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise _wrong(value, name, "true, false or null")


def _count(data: Mapping[str, object], names: Sequence[str]) -> int | None:
    """Return a count; 0 and null mean all."""
    name, value = _first(data, names)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _wrong(value, name, "a whole number of at least 0, or null")
    return min(value, 2**31) or None


def _seconds(data: Mapping[str, object]) -> float | None:
    value = data.get("timeout")
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(min(value, 1e9))
        if math.isfinite(number) and number > 0:
            return number
    raise _wrong(value, "timeout", "seconds, a number above 0, or null")


def _names(data: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = data.get(name)
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise _wrong(value, name, "a list of strings, or null")


def _ignored(data: Mapping[str, object]) -> tuple[str, ...]:
    names = [k for k, v in data.items() if k not in _READ and v is not None]
    names = [k[:_LONGEST] for k in names if k not in _HARMLESS]
    return tuple(sorted(names)[:_MOST])


_KINDS: Mapping[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


def _wrong(value: object, name: str, requirement: str) -> Problem:
    """Return the problem of a value of the wrong kind, which it does not quote."""
    kind = _KINDS.get(type(value), "something else")
    if kind in requirement:
        kind = "one out of range"
    msg = f"{name} must be {requirement}, got {kind}."
    return Problem(
        422, "invalid_request", msg, parameter=name.partition("[")[0].split()[-1]
    )
