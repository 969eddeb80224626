"""`RemoteReranker`: what all rerankers of this package share."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import SecretStr

from resift import hookimpl
from resift.errors import BackendError, BadRequestError, ServerError
from resift_http.address import checked, join, shown
from resift_http.answer import Found, WrongAnswerError, read_scores
from resift_http.connection import Connection, Reply, Request
from resift_http.dialect import Dialect, ScoreKind
from resift_http.dialects import DIALECTS
from resift_http.failures import failure, message_in
from resift_http.keys import find_key, remedy, sources
from resift_http.options import option_values, options
from resift_http.parts import ask_together, split
from resift_http.redaction import blanked, redacted
from resift_http.retries import Deadline

if TYPE_CHECKING:
    from resift.scores import ScoresLike

__all__ = ["RemoteReranker"]


@options
class RemoteReranker:
    """A reranker that asks a server over HTTP, in a dialect.

    Args:
        api_key: The key; by default it is read from the environment at each request.
        base_url: Where the server is; by default the vendor's own address, or the port
            that a server of its kind listens on.
        timeout: Seconds for one whole call, retries included.
        max_retries: How often a request is sent again after HTTP 408, 429 or 5xx, or a
            broken connection. ``Retry-After`` is waited for, if there is time.
        max_documents: The most documents to send in one request; by default what the
            server is known to take. More are split over several requests.
        concurrency: How many of those requests may be under way at once.
    """

    name: ClassVar[str]
    """The name it is registered under, and its dialect's in the table."""
    needs_network: ClassVar[bool] = True

    api_key: SecretStr | None = None
    base_url: str | None = None
    timeout: float = 30.0
    max_retries: int = 2
    max_documents: int | None = None
    concurrency: int = 4

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
        self.dialect = self._choose_dialect()
        self._url = checked(self.base_url or self.dialect.base_url)
        self.score_kind: ScoreKind = self.dialect.score_kind
        model = getattr(self, "model", None)
        self.pointwise = self.dialect.pointwise and model not in self.dialect.listwise
        self._connection = Connection(self.max_retries)
        self._lock = threading.Lock()
        self._told_limit: int | None = None

    def __getstate__(self) -> dict[str, object]:
        if self.api_key is not None:
            variables = sources(self.dialect)
            elsewhere = (
                f"Set {variables} in the environment"
                if variables
                else (f"Load {self.name!r} over there")
            )
            msg = (
                f"{self.name}: a key given as an option is not pickled. {elsewhere} "
                "instead."
            )
            raise TypeError(msg)
        return option_values(self)

    def __setstate__(self, state: Mapping[str, object]) -> None:
        vars(self).update(state)
        self.__post_init__()

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None = None,
        timeout: float | None = None,
    ) -> ScoresLike:
        """Ask the server; see `resift.hookspecs.score`.

        Raises:
            BackendError: If it does not answer as it should, by kind of failure.
        """
        seconds = self.timeout if timeout is None else min(self.timeout, timeout)
        return self._score(query, documents, top_k, Deadline(seconds), self.concurrency)

    @hookimpl
    def score_many(
        self, queries: Sequence[str], documents: Sequence[Sequence[str]]
    ) -> list[ScoresLike]:
        """Ask about several queries at once, each with a timeout of its own.

        Raises:
            BackendError: If one of them is not answered as it should.
        """
        return ask_together(
            lambda i: self._score(
                queries[i], documents[i], None, Deadline(self.timeout), 1
            ),
            range(len(queries)),
            self.concurrency,
            Deadline(math.inf),
        )

    @hookimpl
    def warmup(self) -> None:
        """Open the client, look for the key, and ask for the server's limit."""
        self._connection.open()
        deadline = Deadline(self.timeout)
        self._headers(deadline)
        self._limit(deadline)

    @hookimpl
    def close(self) -> None:
        """Close every connection."""
        self._connection.close()

    def _score(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None,
        deadline: Deadline,
        workers: int,
    ) -> ScoresLike:
        parts = self._parts(len(documents), deadline) if documents else []
        answers = ask_together(
            lambda part: self._ask(
                query, documents[part.start : part.stop], top_k, deadline
            ),
            parts,
            workers,
            deadline,
        )
        found = {
            part.start + index: score
            for part, answer in zip(parts, answers, strict=True)
            for index, score in answer.items()
        }
        return self._result(found, len(documents))

    def _choose_dialect(self) -> Dialect:
        """Return the dialect, which may depend on the options."""
        return DIALECTS[self.name]

    def _credential(self, deadline: Deadline) -> str:
        """Return what proves who asks: the key, or what a server gives for it."""
        del deadline  # for those that must ask a server
        return find_key(self.name, self.api_key, self.dialect)

    def _renew(self, credential: str) -> bool:
        """Tell whether another attempt with a new credential makes sense."""
        del credential
        return False

    def _headers(self, deadline: Deadline) -> tuple[dict[str, str], str]:
        values = option_values(self)
        headers = {k: v.format_map(values) for k, v in self.dialect.headers.items()}
        credential = self._credential(deadline)
        if credential:
            scheme = self.dialect.auth_scheme
            headers[self.dialect.auth_header] = f"{scheme} {credential}".strip()
        return {"Accept": "application/json", **headers}, credential

    def _parts(self, n_documents: int, deadline: Deadline) -> list[range]:
        limit = self._limit(deadline)
        parts = split(n_documents, limit)
        if len(parts) > 1 and not self.pointwise:
            msg = (
                f"{self.name}: {n_documents} documents are more than 'max_documents', "
                f"{limit}, and {getattr(self, 'model', None) or 'this server'} scores "
                "the documents of a request against each other, so that the answers to "
                f"several requests cannot be merged. Rerank at most {limit}: set "
                "'window'."
            )
            raise BadRequestError(msg)
        return parts

    def _limit(self, deadline: Deadline) -> int | None:
        """Return the most documents of one request, or None."""
        if self.max_documents is not None or not self.dialect.info_path:
            return self.max_documents or self.dialect.max_documents
        with deadline.holding(self._lock, self.name):
            if self._told_limit is None:
                self._told_limit = self._ask_limit(deadline)
            return self._told_limit or self.dialect.max_documents

    def _ask_limit(self, deadline: Deadline) -> int:
        """Return the limit that the server tells, or 0 where it tells none."""
        headers, credential = self._headers(deadline)
        url = join(self._url, self.dialect.info_path)
        reply = self._connection.send(Request(url, headers), deadline)
        if reply.status not in (200, 404, 405):
            raise self._failure(url, reply, [credential], [])
        try:
            payload = reply.payload()
        except ValueError:
            return 0
        told = (
            payload.get(self.dialect.info_field) if isinstance(payload, dict) else None
        )
        return told if isinstance(told, int) and told > 0 else 0

    def _ask(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None,
        deadline: Deadline,
    ) -> Found:
        n_documents = len(documents)
        cut = top_k if self.dialect.top_k_field and top_k is not None else n_documents
        values = option_values(self)
        body = self.dialect.body(
            query, documents, cut if cut < n_documents else None, values
        )
        url = self.dialect.url(self._url, values)
        headers, credential = self._headers(deadline)
        reply = self._connection.send(Request(url, headers, body), deadline)
        if reply.status == 401 and self._renew(credential):
            headers, credential = self._headers(deadline)
            reply = self._connection.send(Request(url, headers, body), deadline)
        if reply.status != 200:
            raise self._failure(url, reply, [credential], [query, *documents])
        return self._read(
            self._who(url, [credential]), reply, n_documents, min(cut, n_documents)
        )

    def _who(self, url: str, secrets: Sequence[str]) -> str:
        """Return who failed, and where: several entries may use one dialect."""
        return f"{self.name} at {blanked(shown(url), secrets)}"

    def _read(self, who: str, reply: Reply, n_documents: int, expected: int) -> Found:
        try:
            return read_scores(reply.payload(), self.dialect, n_documents, expected)
        except WrongAnswerError as error:
            problem = str(error)
        except ValueError:
            problem = "it is not JSON"
        msg = f"{who}: the answer cannot be used: {problem}."
        raise ServerError(msg)

    def _failure(
        self, url: str, reply: Reply, secrets: Sequence[str], texts: Sequence[str]
    ) -> BackendError:
        try:
            payload: object = reply.payload()
        except ValueError:
            payload = None
        said = redacted(message_in(payload, self.dialect.error_paths), secrets, texts)
        who = self._who(url, secrets)
        return failure(who, reply, said, remedy(self.dialect))

    def _result(self, found: Found, n_documents: int) -> ScoresLike:
        """Return a list where every document is scored, and else a mapping."""
        unlikely = self.score_kind == "probability" and any(
            not -1e-6 <= score <= 1 + 1e-6 for score in found.values()
        )
        if unlikely:
            return self._doubtful(found, n_documents)
        if len(found) == n_documents:
            return [found[index] for index in range(n_documents)]
        return found

    def _doubtful(self, found: Found, n_documents: int) -> ScoresLike:
        import numpy as np

        from resift.scores import Scores

        values = np.full(n_documents, np.nan)
        values[list(found)] = list(found.values())
        note = (
            f"{self.name}: some scores are outside 0 to 1, so they are no "
            "probabilities; do not compare them with a threshold."
        )
        return Scores(values, notes=[note])


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        msg = f"option {name!r} must be at least {least}, got {value!r}."
        raise ValueError(msg)
