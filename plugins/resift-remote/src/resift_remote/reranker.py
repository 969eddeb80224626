"""`RemoteReranker`: a reranker that asks a server, except for the asking itself."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import SecretStr

from resift import hookimpl
from resift.errors import BadRequestError
from resift_remote.answer import Answer, Found
from resift_remote.client import check_ca_file
from resift_remote.deadline import Deadline
from resift_remote.keys import KeySource
from resift_remote.options import option_values, options
from resift_remote.parts import ask_together, split
from resift_remote.usage import Tally

if TYPE_CHECKING:
    from resift import Scores
    from resift.authors import WeightedSpan

__all__ = ["RemoteReranker"]


@options
class RemoteReranker(ABC):
    """A reranker that asks a server. A subclass says how: `ask` and `key_source`.

    Args:
        api_key: The key; by default it is read from the environment at each request.
        timeout: Seconds for one whole call, retries included.
        max_retries: How often a request is sent again after HTTP 408, 429 or 5xx, or a
            broken connection. ``Retry-After`` is waited for, if there is time.
        max_documents: The most documents to send in one request; by default what the
            server is known to take. More are split over several requests.
        concurrency: How many of those requests may be under way at once.
        ca_file: Certificates in PEM format to trust instead of the usual ones, for a
            server that shows one of its own. ``SSL_CERT_FILE`` does the same.
    """

    name: ClassVar[str]
    """The name it is registered under."""
    needs_network: ClassVar[bool] = True
    neutral_options: ClassVar[tuple[str, ...]] = (
        "api_key",
        "ca_file",
        "concurrency",
        "max_documents",
        "max_retries",
        "timeout",
    )
    """Options that change no score, so that `cache` finds scores whatever they are."""

    api_key: SecretStr | None = None
    timeout: float = 30.0
    max_retries: int = 2
    max_documents: int | None = None
    concurrency: int = 4
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        if isinstance(self.api_key, str):  # built by hand, not through resift.load
            self.api_key = SecretStr(self.api_key)
        _at_least("max_retries", self.max_retries, 0)
        _at_least("concurrency", self.concurrency, 1)
        if self.max_documents is not None:
            _at_least("max_documents", self.max_documents, 1)
        if not self.timeout > 0:
            msg = f"option 'timeout' must be above 0 seconds, got {self.timeout!r}."
            raise ValueError(msg)
        if self.ca_file is not None:
            check_ca_file(Path(self.ca_file))

    def __getstate__(self) -> dict[str, object]:
        self.key_source().refuse_to_pickle(self.name, self.api_key)
        return option_values(self)

    def __setstate__(self, state: Mapping[str, object]) -> None:
        vars(self).update(state)
        self.__post_init__()

    @property
    def takes_instruction(self) -> bool:
        """Whether `ask` sends on an instruction; without it, one is refused."""
        return False

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
    ) -> Scores:
        """Ask the server; see `resift.hookspecs.score`.

        Raises:
            BackendError: If it does not answer as it should, by kind of failure.
        """
        seconds = self.timeout if timeout is None else min(self.timeout, timeout)
        return self.ask_all(
            query, documents, top_k, Deadline(seconds), self.concurrency, instruction
        )

    @hookimpl
    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        instruction: str | None = None,
    ) -> list[Scores | Exception]:
        """Ask about several queries at once, each with a timeout of its own.

        Returns:
            One item per query: its scores, or the `BadRequestError` of one that the
            server refuses.

        Raises:
            BackendError: If the server fails, or refuses the key.
        """

        def ask(i: int) -> Scores | Exception:
            end = Deadline(self.timeout)
            try:
                return self.ask_all(queries[i], documents[i], None, end, 1, instruction)
            except BadRequestError as error:  # of this query: the others may do
                return error

        return ask_together(
            ask, range(len(queries)), self.concurrency, Deadline(math.inf)
        )

    @abstractmethod
    def ask(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None,
        deadline: Deadline,
        instruction: str | None = None,
    ) -> Answer:
        """Return the scores of what fits into one request, and what it cost.

        Args:
            query: The query.
            documents: The documents of this request.
            top_k: How many of the best are wanted; None for all.
            deadline: When to stop.
            instruction: What counts as relevant, in words; None where the reranker
                does not say that it `takes_instruction`.

        Raises:
            BackendError: If the server does not answer as it should.
        """

    @abstractmethod
    def key_source(self) -> KeySource:
        """Return where the key comes from, which may depend on the options."""

    def key(self) -> str:
        """Return the key.

        Raises:
            AuthenticationError: If there is none, or it can be none.
        """
        return self.key_source().find(self.name, self.api_key)

    def parts(self, n_documents: int, deadline: Deadline) -> list[range]:
        """Return which documents go together in one request."""
        del deadline  # for those that must ask a server
        return split(n_documents, self.max_documents)

    def notes(self, found: Found) -> Sequence[str]:
        """Return what there is to say about all scores of a call."""
        del found  # for those that look at it
        return ()

    def ask_all(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None,
        deadline: Deadline,
        workers: int,
        instruction: str | None = None,
    ) -> Scores:
        """Return the scores of all documents, asked for in parts, *workers* at once.

        Raises:
            BackendError: If one part is not answered as it should.
        """
        import numpy as np
        import pyarrow as pa

        from resift import Scores
        from resift.authors import SPANS

        parts = self.parts(len(documents), deadline) if documents else []
        answers = ask_together(
            lambda part: self.ask(
                query, documents[part.start : part.stop], top_k, deadline, instruction
            ),
            parts,
            workers,
            deadline,
        )
        tally = Tally()
        found: Found = {}
        spans: dict[int, Sequence[WeightedSpan]] = {}
        for part, answer in zip(parts, answers, strict=True):
            tally.add(answer.usage)
            for index, score in answer.found.items():
                found[part.start + index] = score
            for index, own in (answer.spans or {}).items():
                spans[part.start + index] = own
        columns = {}
        if any(answer.spans is not None for answer in answers):
            lit = [spans.get(row) for row in range(len(documents))]
            columns["_spans"] = pa.array(lit, SPANS)
        values = np.full(len(documents), np.nan)
        values[list(found)] = list(found.values())
        return Scores(
            values,
            columns,
            notes=self.notes(found),
            usage=tally.usage,
            unscored="the server left it out" if len(found) < len(documents) else "",
        )


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        msg = f"option {name!r} must be at least {least}, got {value!r}."
        raise ValueError(msg)
