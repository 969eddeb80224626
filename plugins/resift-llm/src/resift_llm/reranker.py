"""The reranker `llm`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from pydantic import SecretStr

from resift import hookimpl
from resift.errors import BackendError, BadRequestError, ServerError
from resift_llm.address import OPENAI, chat_url, is_openai, key_headers
from resift_llm.chat import Chat
from resift_llm.checks import check_constants, check_headers, check_numbers
from resift_llm.completion import completion_in, is_withheld
from resift_llm.prompts import Prompt, graded, ranked
from resift_llm.scales import SCALES, Grade, ScaleName
from resift_llm.windows import sweep
from resift_remote import (
    Answer,
    Deadline,
    KeySource,
    RemoteReranker,
    Reply,
    Tally,
    WrongAnswerError,
    ask_together,
    blanked,
    decoded,
    failure,
    options,
    plain_address,
    redacted,
    usage_in,
    words_in,
)

if TYPE_CHECKING:
    from resift import Scores

__all__ = ["Llm"]

T = TypeVar("T")

_USAGE = {
    "input_tokens": ("usage.prompt_tokens", "usage.input_tokens"),
    "output_tokens": ("usage.completion_tokens", "usage.output_tokens"),
}
_TOO_LONG = "Lower 'size' or 'max_characters'."
_WAY_OUT = (
    "If it takes no 'response_format', leave that out: "
    "constants = { response_format = { type = 'text' } }."
)


@dataclass(frozen=True, slots=True)
class _Call:
    """What all requests of a call share.

    Args:
        query: The query.
        meaning: What relevance means, in words, or ``""``.
        deadline: When to stop.
        tally: What the call costs.
    """

    query: str
    meaning: str
    deadline: Deadline
    tally: Tally = field(default_factory=Tally)


@options
class Llm(RemoteReranker):
    """Rerank by prompting a language model behind an OpenAI-compatible server.

    Args:
        model: The model.
        base_url: Where the server is; ``/chat/completions`` follows. It may hold
            Azure's parameter ``api-version``.
        api_key: The key; by default ``OPENAI_API_KEY``. Most local servers need none.
        auth_header: The header for the key; by default ``Authorization``, and
            ``api-key`` for an address with ``api-version``.
        method: ``"listwise"`` has the model order several passages at a time, in
            windows that slide from the end of the list to its head, one after another.
            ``"pointwise"`` has it judge each passage alone, several at once.
        scale: How a passage is judged alone: ``"grades"`` from 0 to 3, or
            ``"yes-no"``, whose score is the probability of a yes, and which needs a
            server that gives ``logprobs``.
        size: Passages in a window.
        step: By how many passages a window moves; the best ``size - step`` of a window
            are in the next one, too.
        max_characters: Characters after which a passage is cut.
        instructions: What relevance means here, in a sentence or two; the
            `instruction` of a call stands in its place.
        temperature: How freely the model answers; 0 for the likeliest answer.
        seed: Makes answers repeatable on servers that honour it.
        max_tokens: The most tokens of one answer, reasoning included.
        headers: Further headers; no place for secrets.
        constants: Further fields of the request, which replace those of the same name.
        timeout: Seconds for one whole call, all its requests and retries included.
        concurrency: How many requests of a call may be under way at once: passages of
            ``"pointwise"``, and the queries of ``rank_many``.
    """

    name: ClassVar[str] = "llm"
    max_documents: ClassVar[None] = None  # type: ignore[misc]  # 'size' says it

    model: str = "gpt-4.1-mini"
    base_url: str = OPENAI
    api_key: SecretStr | None = None
    auth_header: str | None = None
    method: Literal["listwise", "pointwise"] = "listwise"
    scale: ScaleName = "grades"
    size: int = 20
    step: int = 10
    max_characters: int = 2000
    instructions: str = ""
    temperature: float = 0.0
    seed: int | None = None
    max_tokens: int = 1024
    headers: Mapping[str, str] | None = None
    constants: Mapping[str, object] | None = None
    timeout: float = 60.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(
            self.size,
            self.step,
            self.max_characters,
            self.max_tokens,
            self.temperature,
        )
        check_constants(self.constants or {})
        check_headers(self.headers or {})
        if self.auth_header is not None:
            check_headers({self.auth_header: ""}, "auth_header")
        self.pointwise = self.method == "pointwise"
        self.reads_order = not self.pointwise
        self.deterministic = self.temperature == 0
        self.score_kind = "ordinal"
        if self.pointwise:
            self.score_kind = "probability" if self.scale == "yes-no" else "similarity"
        self.score_range = (0.0, 1.0) if self.score_kind == "similarity" else None
        fields = ("model", "temperature", "seed", "max_tokens")
        self._chat = Chat(
            chat_url(self.base_url),
            {field: getattr(self, field) for field in fields},
            self.constants or {},
            self.max_retries,
            self.ca_file,
        )

    @property
    def takes_instruction(self) -> bool:
        """Whether an instruction counts: it goes into every prompt."""
        return True

    @hookimpl
    def warmup(self) -> None:
        """Look for the key and open the client; nothing is asked."""
        self.key()
        self._chat.connection.open()

    @hookimpl
    def close(self) -> None:
        """Close every connection."""
        self._chat.connection.close()

    def key_source(self) -> KeySource:
        """Return where the key comes from; only OpenAI itself is known to need one."""
        return KeySource(("OPENAI_API_KEY",), required=is_openai(self.base_url))

    def ask(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None,
        deadline: Deadline,
        instruction: str | None = None,
    ) -> Answer:
        """Return the scores of all documents, asked about one after another.

        Raises:
            BackendError: If the server does not answer as it should.
        """
        scores = self.ask_all(query, documents, top_k, deadline, 1, instruction)
        values = enumerate(scores.values.tolist())
        found = {index: value for index, value in values if not math.isnan(value)}
        return Answer(found, scores.usage)

    def ask_all(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None,
        deadline: Deadline,
        workers: int,
        instruction: str | None = None,
    ) -> Scores:
        import numpy as np

        from resift import Scores

        del top_k  # the windows that decide about the best come last
        call = _Call(query, instruction or self.instructions, deadline)
        passages = [text[: self.max_characters] for text in documents]
        if self.pointwise:
            values, notes = self._grades(call, passages, workers)
        else:
            values, notes = self._ranks(call, passages)
        notes += self._remarks(documents)
        return Scores(
            np.asarray(values, dtype=np.float64),
            notes=[f"{self.name}: {note}" for note in notes],
            usage=call.tally.usage,
        )

    def _remarks(self, documents: Sequence[str]) -> list[str]:
        remarks = []
        if cut := sum(len(text) > self.max_characters for text in documents):
            remarks.append(
                f"documents cut after {self.max_characters} characters "
                f"('max_characters'): {cut} of {len(documents)}."
            )
        if "temperature" in self._chat.refused:
            remarks.append(
                f"{self.model!r} takes no 'temperature', so that its answers may "
                "differ from call to call."
            )
        return remarks

    def _ranks(
        self, call: _Call, passages: Sequence[str]
    ) -> tuple[list[float], list[str]]:
        """Return the number of passages for the best, down to 1, and notes."""

        def rank(part: list[int]) -> list[int]:
            texts = [passages[i] for i in part]
            prompt = ranked(call.query, texts, call.meaning)
            try:
                return self._asked(prompt, texts, call)
            except _WithheldError as error:
                failed: BackendError = error.failure
            except WrongAnswerError as error:
                failed = self._unusable(str(error))
            raise failed

        swept = sweep(rank, len(passages), self.size, self.step)
        values = [0.0] * len(passages)
        for index, document in enumerate(swept.order):
            values[document] = float(len(passages) - index)
        if not swept.left_out:
            return values, []
        note = (
            f"passages that {self.model!r} left out of its rankings: {swept.left_out} "
            f"of {swept.seen}; they follow the others in the order they came."
        )
        return values, [note]

    def _grades(
        self, call: _Call, passages: Sequence[str], workers: int
    ) -> tuple[list[float], list[str]]:
        """Return the grade of each passage, and notes."""
        scale = SCALES[self.scale]

        def grade(text: str) -> Grade | WrongAnswerError:
            prompt = graded(call.query, text, scale, call.meaning)
            try:
                return self._asked(prompt, [text], call)
            except (
                WrongAnswerError
            ) as error:  # the other passages are of use without it
                return error

        answers = ask_together(grade, passages, workers, call.deadline)
        grades = [answer for answer in answers if isinstance(answer, Grade)]
        problems = {
            index: answer
            for index, answer in enumerate(answers)
            if isinstance(answer, WrongAnswerError)
        }
        if problems and not grades:
            first = problems[0]
            if isinstance(first, _WithheldError):
                raise first.failure
            raise self._unusable(str(first))
        notes = []
        if problems:
            notes.append(
                f"documents that got no grade, and are not scored: {len(problems)} of "
                f"{len(answers)}; {_listed(problems)}."
            )
        if whole := sum(not grade.weighed for grade in grades):
            notes.append(
                f"grades that came without 'logprobs': {whole} of {len(grades)}; they "
                "are whole, so that many documents tie."
            )
        values = [a.value if isinstance(a, Grade) else math.nan for a in answers]
        return values, notes

    def _asked(self, prompt: Prompt[T], texts: Sequence[str], call: _Call) -> T:
        """Return the answer to *prompt*, read.

        Raises:
            BackendError: If there is none.
            WrongAnswerError: If it cannot be read, or a content filter withholds it.
        """
        key = self.key()
        headers = {"Accept": "application/json", **(self.headers or {})}
        headers |= key_headers(self._chat.url, self.auth_header, key)
        reply = self._chat.ask(prompt, headers, call.deadline)
        if reply.succeeded:
            answer = decoded(reply)
            call.tally.add(usage_in(answer, _USAGE))  # also where it cannot be read
            return prompt.read(completion_in(answer))
        sent = [call.query, *texts, prompt.user, *filter(None, [call.meaning])]
        failed = self._failure(reply, key, sent)
        refuses = isinstance(failed, BadRequestError) or reply.status == 403
        if refuses and is_withheld(decoded(reply)):
            raise _WithheldError(failed)
        raise failed

    def _who(self, key: str) -> str:
        return f"{self.name} at {blanked(plain_address(self._chat.url), [key])}"

    def _failure(
        self, reply: Reply[bytes], key: str, texts: Sequence[str]
    ) -> BackendError:
        said = redacted(words_in(reply), [key], texts)
        return failure(
            self._who(key),
            reply,
            said,
            self.key_source().remedy,
            secrets=[key],
            too_long=_TOO_LONG,
            rejected="" if "response_format" in self._chat.refused else _WAY_OUT,
        )

    def _unusable(self, problem: str) -> ServerError:
        who = self._who(self.key())
        msg = f"the answer of {self.model!r} cannot be used: {problem}."
        return ServerError(msg, who=who)


class _WithheldError(WrongAnswerError):
    """A content filter refuses a text."""

    def __init__(self, failure: BackendError) -> None:
        super().__init__("a content filter refuses it")
        self.failure = failure


def _listed(problems: Mapping[int, WrongAnswerError]) -> str:
    """Return which documents have which problem, a few of each."""
    by_text: dict[str, list[int]] = {}
    for index, problem in problems.items():
        by_text.setdefault(str(problem), []).append(index)
    parts = []
    for text, indices in by_text.items():
        some = ", ".join(map(str, indices[:5]))
        more = f" and {len(indices) - 5} more" if len(indices) > 5 else ""
        parts.append(f"{text} (document {some}{more})")
    return "; ".join(parts)
