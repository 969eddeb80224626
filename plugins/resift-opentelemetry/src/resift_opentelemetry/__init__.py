"""OpenTelemetry spans for the hooks of a reranker: counts and timings, never text."""

from __future__ import annotations

import math
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import resift
from resift.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from opentelemetry.trace import Span, Tracer
    from opentelemetry.util.types import AttributeValue

__all__ = ["OpenTelemetry"]

_CONVENTION = ("input_tokens", "output_tokens")


class OpenTelemetry:
    """Trace every stage: one span per score, merge and warm-up, nested as they nest.

    A span is called ``resift.score NAME`` (``resift.score_many``, ``resift.merge``,
    ``resift.warmup``) and says how many documents there were, how many were scored,
    and what the reranker noted. A failure sets its status to the kind of error. No
    query and no document is ever recorded; what a reranker notes may quote an error.

    Spans go wherever the application has pointed OpenTelemetry; where it has not, they
    cost a few microseconds and go nowhere.

    Args:
        notes: Record the reranker's notes, such as a fallback that happened.
    """

    def __init__(self, notes: bool = True) -> None:  # noqa: FBT001, FBT002  # an option
        self.notes = notes

    def for_reranker(self, reranker: resift.Reranker) -> _Spans:
        """Return the wrapper of one reranker."""
        return _Spans(reranker, notes=self.notes)


class _Spans:
    """The spans of one reranker."""

    def __init__(self, reranker: resift.Reranker, *, notes: bool) -> None:
        self._name = reranker.name
        self._reranker = reranker
        self._notes = notes
        self._tracer: Tracer | None = None

    @hookimpl(wrapper=True)
    def score(
        self,
        documents: Sequence[str],
        top_k: int | None,
        timeout: float | None,
        instruction: str | None,
    ) -> Generator[None, object, object]:
        attributes: dict[str, AttributeValue] = {"resift.documents": len(documents)}
        if instruction is not None:
            attributes["resift.instructed"] = True  # the words may be private
        if top_k is not None:
            attributes["resift.top_k"] = top_k
        if timeout is not None:
            attributes["resift.timeout"] = timeout
        with self._span("score", attributes) as span:
            raw = yield
            self._record(span, raw)
            return raw

    @hookimpl(wrapper=True)
    def score_many(
        self, documents: Sequence[Sequence[str]], instruction: str | None
    ) -> Generator[None, object, object]:
        attributes: dict[str, AttributeValue] = {
            "resift.queries": len(documents),
            "resift.documents": sum(map(len, documents)),
        }
        if instruction is not None:
            attributes["resift.instructed"] = True
        with self._span("score_many", attributes) as span:
            raw = yield
            with suppress(Exception):  # as in _record
                self._record_usage(span, raw)  # type: ignore[arg-type]
            return raw

    @hookimpl(wrapper=True)
    def merge(
        self, rankings: Sequence[resift.Ranking], n_documents: int
    ) -> Generator[None, object, object]:
        attributes: dict[str, AttributeValue] = {
            "resift.documents": n_documents,
            "resift.rankings": [len(ranking) for ranking in rankings],
        }
        with self._span("merge", attributes):
            return (yield)

    @hookimpl(wrapper=True)
    def warmup(self) -> Generator[None, object, object]:
        with self._span("warmup", {}):
            return (yield)

    @contextmanager
    def _span(self, hook: str, attributes: dict[str, AttributeValue]) -> Iterator[Span]:
        from opentelemetry.trace import Status, StatusCode, get_tracer

        if self._tracer is None:
            self._tracer = get_tracer("resift", resift.__version__)
        with self._tracer.start_as_current_span(
            f"resift.{hook} {self._name}",
            attributes={"resift.reranker": self._name, **attributes},
            record_exception=False,  # its message is not ours to publish
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    def _record(self, span: Span, raw: object) -> None:
        with suppress(Exception):  # a wrong answer is for the host to refuse
            if isinstance(raw, resift.Scores):
                scored = sum(1 for value in raw.values if not math.isnan(value))
                span.set_attribute("resift.scored", scored)
                self._record_usage(span, [raw])
                if self._notes and raw.notes:
                    span.set_attribute("resift.notes", list(raw.notes))
            else:
                span.set_attribute("resift.scored", len(raw))  # type: ignore[arg-type]

    def _record_usage(self, span: Span, answers: Iterable[object]) -> None:
        """Write down what the answers cost, all together.

        The names of OpenTelemetry's conventions stand on the span of the reranker that
        spent it, and not on those around it: a sum over spans counts it once.
        """
        usage: Counter[str] = Counter()
        for answer in answers:
            if isinstance(answer, resift.Scores):
                usage.update(answer.usage)
        for name, amount in usage.items():
            span.set_attribute(f"resift.usage.{name}", amount)
            if name in _CONVENTION and not self._reranker.traits.children:
                span.set_attribute(f"gen_ai.usage.{name}", amount)
