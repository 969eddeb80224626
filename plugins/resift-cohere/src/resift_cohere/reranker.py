"""The reranker `cohere`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from pydantic import SecretStr

from resift import hookimpl
from resift.errors import BackendError, ServerError
from resift_cohere.answer import read_scores
from resift_cohere.attempt import attempt, message_in
from resift_cohere.client import Client
from resift_remote import (
    Deadline,
    Found,
    KeySource,
    RemoteReranker,
    Reply,
    failure,
    options,
    redacted,
    retried,
)

__all__ = ["Cohere"]

_KEYS = KeySource(("CO_API_KEY", "COHERE_API_KEY"))


@options
class Cohere(RemoteReranker):
    """Rerank with Cohere, or with a server that speaks its API, version 2.

    Scores are between 0 and 1, and a document's score does not depend on the other
    documents.

    Args:
        api_key: The key; by default ``CO_API_KEY`` or ``COHERE_API_KEY``.
        model: The model.
        base_url: Where the server is; by default ``CO_API_URL``, else Cohere.
        max_tokens_per_doc: Tokens after which the server cuts a document; 4096 by
            default.
        priority: How early the request is served when the server is busy; lower is
            earlier, 0 the default.
        max_documents: The most documents to send in one request. More are split over
            several requests.
    """

    name: ClassVar[str] = "cohere"
    score_kind: ClassVar[str] = "probability"
    pointwise: ClassVar[bool] = True

    api_key: SecretStr | None = None
    model: str = "rerank-v3.5"
    base_url: str | None = None
    max_tokens_per_doc: int | None = None
    priority: int | None = None
    max_documents: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        self._client = Client(self.base_url, self.key)

    @hookimpl
    def warmup(self) -> None:
        """Import the SDK, look for the key and open the client."""
        self._client.open()

    @hookimpl
    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def key_source(self) -> KeySource:
        """Return where the key comes from: the variables that the SDK knows, too."""
        return _KEYS

    def ask(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None,
        deadline: Deadline,
    ) -> Found:
        """Return ``{index: score}`` of one request.

        Raises:
            BackendError: If the server does not answer as it should.
        """
        query, *texts = map(_encodable, (query, *documents))
        cut = len(texts) if top_k is None else min(top_k, len(texts))
        fields: dict[str, Any] = {
            "top_n": cut if cut < len(texts) else None,
            "max_tokens_per_doc": self.max_tokens_per_doc,
            "priority": self.priority,
        }
        rerank = partial(
            self._client.open().rerank,
            model=self.model,
            query=query,
            documents=texts,
            **{name: value for name, value in fields.items() if value is not None},
        )
        reply = retried(partial(attempt, rerank), self.max_retries, deadline)
        if reply.status != 200 or reply.lost:
            raise self._failure(reply, [query, *texts])
        return read_scores(reply.answer, len(texts), cut)

    def _failure(self, reply: Reply[object], texts: Sequence[str]) -> BackendError:
        if 200 <= reply.status < 300:
            return ServerError(
                f"cohere: the SDK failed on the request or its answer ({reply.lost})."
            )
        said = redacted(message_in(reply.answer), [self.key()], texts)
        return failure(self.name, reply, said, _KEYS.remedy)


def _encodable(text: str) -> str:
    """Replace lone surrogates, which have no UTF-8: the error would show the text."""
    return text.encode(errors="replace").decode()
