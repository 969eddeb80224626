"""`DialectReranker`: what all rerankers of this package share."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from resift import hookimpl
from resift.errors import BackendError, BadRequestError, ServerError
from resift_http.answer import read_scores, results_in
from resift_http.dialect import Dialect, ScoreKind
from resift_http.dialects import DIALECTS
from resift_remote import (
    Answer,
    Connection,
    Deadline,
    Found,
    KeySource,
    RemoteReranker,
    Reply,
    Request,
    WrongAnswerError,
    base_address,
    blanked,
    failure,
    join,
    option_values,
    options,
    payload,
    plain_address,
    redacted,
    split,
    usage_in,
    with_meaning,
    words_in,
)

__all__ = ["DialectReranker"]


@options
class DialectReranker(RemoteReranker):
    """A reranker that asks a server over HTTP, in the dialect of its name.

    Args:
        base_url: Where the server is; by default the vendor's own address, or the port
            that a server of its kind listens on.
    """

    base_url: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.dialect = self._choose_dialect()
        self._url = base_address(
            self.base_url or self.dialect.base_url,
            remedy=" Parameters belong in 'path'." if hasattr(self, "path") else "",
        )
        self.score_kind: ScoreKind = self.dialect.score_kind
        model = getattr(self, "model", None)
        self.pointwise = self.dialect.pointwise and model not in self.dialect.listwise
        self._connection = Connection(self.max_retries, self.ca_file)
        self._lock = threading.Lock()
        self._told_limit: int | None = None

    @property
    def takes_instruction(self) -> bool:
        """Whether the server takes an instruction for this model."""
        taken = self.dialect.instruction_field or self.dialect.instruction_in_query
        model = getattr(self, "model", None)
        return bool(taken) and model not in self.dialect.without_instruction

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

    def key_source(self) -> KeySource:
        """Return where the key comes from, as the dialect has it."""
        return KeySource(self.dialect.key_variables, self.dialect.key_required)

    def _choose_dialect(self) -> Dialect:
        """Return the dialect, which may depend on the options."""
        return DIALECTS[self.name]

    def _credential(self, deadline: Deadline) -> str:
        """Return what proves who asks: the key, or what a server gives for it."""
        del deadline  # for those that must ask a server
        return self.key()

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

    def parts(self, n_documents: int, deadline: Deadline) -> list[range]:
        """Return even parts of the size that the server takes.

        Raises:
            BadRequestError: If the answers to several parts could not be merged.
        """
        limit = self._limit(deadline)
        parts = split(n_documents, limit)
        if len(parts) > 1 and not self.pointwise:
            msg = (
                f"{n_documents} documents are more than 'max_documents', "
                f"{limit}, and {getattr(self, 'model', None) or 'this server'} scores "
                "the documents of a request against each other, so that the answers to "
                f"several requests cannot be merged. Rerank at most {limit}: set "
                "'window'."
            )
            raise BadRequestError(msg, who=self.name)
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
        if not reply.succeeded and reply.status not in (404, 405):
            raise self._failure(url, reply, [credential], [])
        try:
            answer = payload(reply)
        except ValueError:
            return 0
        told = answer.get(self.dialect.info_field) if isinstance(answer, dict) else 0
        return told if isinstance(told, int) and told > 0 else 0

    def ask(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None,
        deadline: Deadline,
        instruction: str | None = None,
    ) -> Answer:
        """Return the scores of one request, and what it cost.

        Raises:
            BackendError: If the server does not answer as it should.
        """
        n_documents = len(documents)
        cut = n_documents if top_k is None else min(top_k, n_documents)
        most = None if top_k is None else cut
        body = self.dialect.body(
            query, documents, most, option_values(self), instruction
        )
        sent = [query, *documents, *([instruction] if instruction else [])]
        reply, who = self._reply(body, sent, deadline)
        expected = cut if self.dialect.top_k_field else n_documents
        remedy = self._too_few() if top_k is None else ""
        try:
            answer = payload(reply)
            found = read_scores(answer, self.dialect, n_documents, expected, remedy)
            return Answer(found, usage_in(answer, self.dialect.usage))
        except WrongAnswerError as error:
            problem = str(error)
        except ValueError:
            problem = "it is not JSON"
        msg = f"the answer cannot be used: {problem}."
        raise ServerError(msg, who=who)

    def _reply(
        self, body: Mapping[str, object], texts: Sequence[str], deadline: Deadline
    ) -> tuple[Reply[bytes], str]:
        """Return what the server answers to *body*, and who answered.

        Raises:
            BackendError: If it is an error.
        """
        url = self.dialect.url(self._url, option_values(self))
        headers, credential = self._headers(deadline)
        reply = self._send(Request(url, headers, body), deadline)
        if reply.status == 401 and self._renew(credential):
            headers, credential = self._headers(deadline)
            reply = self._send(Request(url, headers, body), deadline)
        if not reply.succeeded:
            raise self._failure(url, reply, [credential], texts)
        return reply, self._who(url, [credential])

    def _too_few(self) -> str:
        """Return what to do where a server leaves out documents unasked."""
        return ""

    def _send(self, request: Request, deadline: Deadline) -> Reply[bytes]:
        """Send *request*; an error under HTTP 200 is one, too."""
        return self._connection.send(
            request,
            deadline,
            lambda reply: with_meaning(
                reply,
                lambda body: results_in(body, self.dialect) is not None,
                self.dialect.error_paths,
            ),
        )

    def _who(self, url: str, secrets: Sequence[str]) -> str:
        """Return who failed, and where: several entries may use one dialect."""
        return f"{self.name} at {blanked(plain_address(url), secrets)}"

    def _failure(
        self,
        url: str,
        reply: Reply[bytes],
        secrets: Sequence[str],
        texts: Sequence[str],
    ) -> BackendError:
        said = redacted(words_in(reply, self.dialect.error_paths), secrets, texts)
        return failure(
            self._who(url, secrets),
            reply,
            said,
            self.key_source().remedy,
            secrets=secrets,
        )

    def notes(self, found: Found) -> Sequence[str]:
        """Say where scores cannot be what they should be."""
        unlikely = self.score_kind == "probability" and any(
            not -1e-6 <= score <= 1 + 1e-6 for score in found.values()
        )
        if not unlikely:
            return ()
        note = (
            f"{self.name}: some scores are outside 0 to 1, so they are no "
            "probabilities; do not compare them with a threshold."
        )
        return (note,)
