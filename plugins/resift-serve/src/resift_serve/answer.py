"""`Answer`: a ranking in the JSON of each family of clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from resift import RankedDocument, RankedDocuments
from resift_serve.question import Document, Question
from resift_serve.scale import scaled

__all__ = ["SHAPES", "Answer", "Json"]

Json: TypeAlias = Any  # what JSON can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A ranking, and what is to be said of it.

    Args:
        question: What was asked.
        ranked: The ranking.
        model: The reranker's name in the config.
        request_id: The number of the request.
        near: Whether the caller is on this machine.
        waited: Seconds in the queue.
        took: Seconds in the reranker.
    """

    question: Question
    ranked: RankedDocuments
    model: str
    request_id: str
    near: bool
    waited: float
    took: float

    @property
    def kind(self) -> str:
        """What the scores mean."""
        return self.ranked.kind

    def score(self, document: RankedDocument, *, raw: bool) -> float:
        """Return a number for every document, as no client takes null.

        One that was not scored stands below all that were.
        """
        if document.score is None:
            scores = [d.score for d in self.ranked if d.score is not None]
            return min(scores, default=1.0) - 1.0 if raw else 0.0
        if raw:
            return document.score
        return scaled(document.score, self.kind, self.ranked.score_range)

    def notes(self) -> list[dict[str, str]]:
        """Return the notes; to callers elsewhere nothing that may name an address."""
        notes = []
        for note in self.ranked.notes:
            code, reranker = getattr(note, "code", ""), getattr(note, "reranker", "")
            text = str(note)
            if not self.near:
                who = reranker or self.model
                text = f"{who}: {code or 'a note for callers on its own machine'}"
            notes.append({"code": code, "reranker": reranker, "text": text})
        if self.question.ignored:
            names = ", ".join(map(repr, self.question.ignored))
            text = f"these fields have no effect here: {names}"
            notes.append({"code": "ignored", "reranker": "", "text": text})
        return notes

    def n_tokens(self) -> int:
        """Return the tokens read, where the reranker counts them."""
        return int(self.ranked.usage.get("input_tokens", 0))


def _echoed(document: Document) -> Mapping[str, object]:
    """Return a document as an object that holds its text."""
    return document if isinstance(document, Mapping) else {"text": document}


def _text(document: Document) -> object:
    if isinstance(document, Mapping):
        return document.get("text")
    return document


def _results(answer: Answer, echo: Callable[[Document], object]) -> Json:
    """Return one answer that holds the fields of all: each client reads its own."""
    items = [_result(answer, document, echo) for document in answer.ranked]
    tokens = answer.n_tokens()
    units = int(answer.ranked.usage.get("search_units", 1))
    return {
        "id": answer.request_id,
        "object": "list",
        "model": answer.model,
        "results": items,
        "data": items,
        "usage": {
            "prompt_tokens": tokens,
            "input_tokens": tokens,
            "total_tokens": tokens,
            "rerank_units": units,
        },
        "meta": {
            "api_version": {"version": "2"},
            "billed_units": {"search_units": units},
        },
        "top_k": len(items),
        "return_input": answer.question.echo,
        "score_kind": answer.kind,
        "score_range": answer.ranked.score_range,
        "notes": answer.notes(),
        "cost": dict(answer.ranked.usage),
        "timing": {"queue": round(answer.waited, 6), "rank": round(answer.took, 6)},
    }


def _result(
    answer: Answer, document: RankedDocument, echo: Callable[[Document], object]
) -> dict[str, object]:
    question = answer.question
    score = answer.score(document, raw=question.raw_scores)
    item: dict[str, object] = {
        "index": document.index,
        "relevance_score": score,
        "score": score,
    }
    if document.score is None:
        item["scored"] = False
    if question.echo:
        given = question.documents[document.index]
        item["document"] = item["input"] = echo(given)
    if question.explain:
        item["raw_score"] = document.score
        if document.columns:
            item["columns"] = {k: _plain(v) for k, v in document.columns.items()}
    return item


def _superset(answer: Answer) -> Json:
    return _results(answer, _echoed)


def _bare(answer: Answer) -> Json:
    """Return the superset without documents: LiteLLM's two providers of this path.

    They send the same bytes; one wants the text as a string, the other as an object,
    and both take none.
    """
    answer_json = _results(answer, _echoed)
    for item in answer_json["results"]:
        item.pop("document", None)
    return answer_json


def _strings(answer: Answer) -> Json:
    """Return the superset with documents as strings, as infinity echoes them."""
    return _results(answer, _text)


def _list(answer: Answer) -> Json:
    """Return the answer of Text Embeddings Inference: a list and nothing around it."""
    question = answer.question
    items = []
    for document in answer.ranked:
        score = answer.score(document, raw=question.raw_scores)
        item: dict[str, object] = {"index": document.index, "score": score}
        if question.echo:
            item["text"] = _text(question.documents[document.index])
        items.append(item)
    return items


def _rankings(answer: Answer) -> Json:
    """Return the answer of an NVIDIA NIM: scores as they are."""
    items = [
        {"index": d.index, "logit": answer.score(d, raw=True)} for d in answer.ranked
    ]
    tokens = answer.n_tokens()
    return {
        "rankings": items,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _scores(answer: Answer) -> Json:
    """Return the answer of DeepInfra: one number per document, in their order."""
    values = [0.0] * len(answer.question.documents)
    for document in answer.ranked:
        values[document.index] = answer.score(document, raw=answer.question.raw_scores)
    return {
        "scores": values,
        "input_tokens": answer.n_tokens(),
        "request_id": answer.request_id,
        "inference_status": {"status": "succeeded", "cost": 0.0},
    }


def _logits(answer: Answer) -> Json:
    """Return the answer of watsonx: scores as they are."""
    question = answer.question
    items = []
    for document in answer.ranked:
        item: dict[str, object] = {
            "index": document.index,
            "score": answer.score(document, raw=True),
        }
        if question.echo:
            item["input"] = _echoed(question.documents[document.index])
        items.append(item)
    return {
        "model_id": answer.model,
        "results": items,
        "input_token_count": answer.n_tokens(),
    }


def _output(answer: Answer) -> Json:
    """Return the answer of DashScope."""
    results = _superset(answer)["results"]
    return {
        "request_id": answer.request_id,
        "output": {"results": results},
        "usage": {"total_tokens": answer.n_tokens()},
    }


SHAPES: Mapping[str, Callable[[Answer], Json]] = {
    "results": _superset,
    "bare": _bare,
    "strings": _strings,
    "list": _list,
    "rankings": _rankings,
    "scores": _scores,
    "logits": _logits,
    "output": _output,
}
"""How each family of clients wants its answer."""


def _plain(value: object) -> object:
    """Return a value of a column as JSON can hold it."""
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124  # NaN
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)
