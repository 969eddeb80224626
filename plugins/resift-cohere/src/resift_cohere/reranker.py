"""The reranker `cohere`."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pydantic import SecretStr

from resift import hookimpl
from resift.errors import AuthenticationError
from resift_cohere.answer import read_scores
from resift_cohere.client import Client
from resift_cohere.parts import ask_together, split
from resift_cohere.retries import Deadline, call

if TYPE_CHECKING:
    from cohere.core.request_options import RequestOptions

    from resift.scores import ScoresLike

__all__ = ["Cohere"]

_VARIABLES = ("CO_API_KEY", "COHERE_API_KEY")


class Cohere:
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
        timeout: Seconds for one whole call, retries included.
        max_retries: How often a request is sent again after HTTP 408, 429 or 5xx, or a
            broken connection. ``Retry-After`` is waited for, if there is time.
        max_documents: The most documents to send in one request. More are split over
            several requests.
        concurrency: How many of those requests may be under way at once.
    """

    score_kind = "probability"
    pointwise = True
    needs_network = True

    def __init__(
        self,
        *,
        api_key: SecretStr | None = None,
        model: str = "rerank-v3.5",
        base_url: str | None = None,
        max_tokens_per_doc: int | None = None,
        priority: int | None = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        max_documents: int = 1000,
        concurrency: int = 4,
    ) -> None:
        for name, value, least in (
            ("max_retries", max_retries, 0),
            ("max_documents", max_documents, 1),
            ("concurrency", concurrency, 1),
        ):
            if value < least:
                msg = f"option {name!r} must be at least {least}, got {value!r}."
                raise ValueError(msg)
        if not timeout > 0:
            msg = f"option 'timeout' must be above 0 seconds, got {timeout!r}."
            raise ValueError(msg)
        if isinstance(api_key, str):  # built by hand, not through resift.load
            api_key = SecretStr(api_key)
        self.api_key = api_key
        self.model = model
        self.base_url = base_url
        self.max_tokens_per_doc = max_tokens_per_doc
        self.priority = priority
        self.timeout = timeout
        self.max_retries = max_retries
        self.max_documents = max_documents
        self.concurrency = concurrency
        self._client = Client(base_url, self._key)

    def __getstate__(self) -> dict[str, object]:
        if self.api_key is not None:
            msg = (
                "cohere: a key given as an option is not pickled. Set "
                f"{' or '.join(_VARIABLES)} in the environment instead."
            )
            raise TypeError(msg)
        return {k: v for k, v in vars(self).items() if k != "_client"}

    def __setstate__(self, state: Mapping[str, object]) -> None:
        vars(self).update(state)
        self._client = Client(self.base_url, self._key)

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
        """Import the SDK, look for the key and open the client."""
        self._client.open()

    @hookimpl
    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _key(self) -> str:
        """Return the key given, else the environment's.

        Raises:
            AuthenticationError: If there is none, or no HTTP header can hold it.
        """
        if self.api_key is not None:
            key = self.api_key.get_secret_value()
        else:
            key = next(filter(None, map(os.environ.get, _VARIABLES)), "")
        key = key.strip()
        if not key:
            names = " or ".join(_VARIABLES)
            msg = f"cohere: there is no key. Give 'api_key', or set {names}."
            raise AuthenticationError(msg)
        if not (key.isascii() and key.isprintable()):
            msg = (
                "cohere: the key holds a character that no HTTP header can hold. Copy "
                "it again."
            )
            raise AuthenticationError(msg)
        return key

    def _score(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None,
        deadline: Deadline,
        workers: int,
    ) -> ScoresLike:
        query, *texts = map(_encodable, (query, *documents))
        parts = split(len(texts), self.max_documents)
        ask = partial(self._ask, query, texts, top_k, deadline)
        found: dict[int, float] = {}
        for answer in ask_together(ask, parts, workers, deadline):
            found.update(answer)
        if len(found) == len(texts):
            return [found[index] for index in range(len(texts))]
        return found

    def _ask(
        self,
        query: str,
        texts: Sequence[str],
        top_k: int | None,
        deadline: Deadline,
        part: range,
    ) -> dict[int, float]:
        documents = texts[part.start : part.stop]
        cut = len(documents) if top_k is None else min(top_k, len(documents))
        fields: dict[str, Any] = {
            "top_n": cut if cut < len(documents) else None,
            "max_tokens_per_doc": self.max_tokens_per_doc,
            "priority": self.priority,
        }
        rerank = partial(
            self._client.open().rerank,
            model=self.model,
            query=query,
            documents=documents,
            **{name: value for name, value in fields.items() if value is not None},
        )
        response = call(
            lambda left: rerank(request_options=_once(left)),
            self.max_retries,
            deadline,
            lambda failure: failure.error(self._key(), [query, *documents]),
        )
        found = read_scores(response, len(documents), cut)
        return {part.start + index: score for index, score in found.items()}


def _once(seconds: float) -> RequestOptions:
    """Return the SDK's options for one attempt."""
    return cast(
        "RequestOptions",
        {
            "timeout": seconds,
            "timeout_in_seconds": seconds,  # the name before version 7
            "max_retries": 0,
        },
    )


def _encodable(text: str) -> str:
    """Replace lone surrogates, which have no UTF-8: the error would show the text."""
    return text.encode(errors="replace").decode()
