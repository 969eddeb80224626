"""The reranker `cohere`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from pydantic import SecretStr

from resift import hookimpl
from resift.errors import BackendError, ServerError
from resift_cohere.address import COHERE, sdk_address, server_address
from resift_cohere.answer import read_scores, read_spans, read_usage
from resift_cohere.attempt import attempt
from resift_cohere.client import Client, new_sdk
from resift_remote import (
    Answer,
    Deadline,
    KeySource,
    Pool,
    RemoteReranker,
    Reply,
    WrongAnswerError,
    blanked,
    failure,
    message_in,
    options,
    proxy_for,
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
        base_url: Where the server is, with or without ``/v2/rerank``; by default
            ``CO_API_URL``, else Cohere.
        max_tokens_per_doc: Tokens after which the server cuts a document; 4096 by
            default.
        priority: How early the request is served when the server is busy; lower is
            earlier, 0 the default.
        max_documents: The most documents to send in one request. More are split over
            several requests.
        spans: The most spans of each document to show in the column ``_spans``: what
            counts of it, of Rerank 5 and later models. None by default.
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
    spans: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spans is not None and self.spans < 1:
            msg = f"option 'spans' must be at least 1, got {self.spans!r}."
            raise ValueError(msg)
        given = self.base_url or os.environ.get("CO_API_URL") or COHERE
        base_url = sdk_address(given)
        self._url = server_address(base_url)
        self._client: Pool[Client] = Pool(
            lambda: new_sdk(self.key(), base_url, self.ca_file), Client.close
        )

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
        instruction: str | None = None,
    ) -> Answer:
        """Return the scores of one request, and what it cost.

        Raises:
            BackendError: If the server does not answer as it should.
        """
        del instruction  # the API takes none
        query, *texts = map(_encodable, (query, *documents))
        cut = len(texts) if top_k is None else min(top_k, len(texts))
        fields: dict[str, Any] = {
            "top_n": None if top_k is None else cut,
            "max_tokens_per_doc": self.max_tokens_per_doc,
            "priority": self.priority,
        }
        with self._client.using() as client:
            rerank = partial(
                client.sdk.rerank,
                model=self.model,
                query=query,
                documents=texts,
                **{name: value for name, value in fields.items() if value is not None},
            )
            shown = {"mode": "enabled", "max_spans": self.spans}
            more = None if self.spans is None else {"relevant_spans": shown}
            reply = retried(
                partial(attempt, rerank, self._url, more=more),
                self.max_retries,
                deadline,
            )
        if not reply.succeeded or reply.lost:
            raise self._failure(reply, [query, *texts])
        try:
            found = read_scores(reply.answer, len(texts), cut)
            spans = None if self.spans is None else read_spans(reply.answer, texts)
            return Answer(found, read_usage(reply.answer), spans)
        except WrongAnswerError as error:
            problem = str(error)
        msg = f"the answer cannot be used: {problem}."
        raise ServerError(msg, who=self._who())

    def _who(self) -> str:
        """Return who failed, and where."""
        return f"{self.name} at {blanked(self._url, [self.key()])}"

    def _failure(self, reply: Reply[object], texts: Sequence[str]) -> BackendError:
        if reply.succeeded:
            return ServerError(
                f"the SDK failed on the request or its answer ({reply.lost}).",
                who=self._who(),
            )
        key = self.key()
        said = redacted(message_in(reply.answer), [key], texts)
        reply = replace(reply, proxy=proxy_for(self._url))
        return failure(self._who(), reply, said, _KEYS.remedy, secrets=[key])


def _encodable(text: str) -> str:
    """Replace lone surrogates, which have no UTF-8: the error would show the text."""
    return text.encode(errors="replace").decode()
