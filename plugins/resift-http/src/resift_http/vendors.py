"""The rerankers of vendors: each class is a name, a default model and its own options.

What differs on the wire is in `resift_http.dialects`; what is the same is in
`resift_http.reranker`.
"""

from __future__ import annotations

import os
from typing import ClassVar, Literal

from resift_http.dialect import Dialect
from resift_http.dialects import DIALECTS
from resift_http.iam import AccessToken
from resift_http.reranker import DialectReranker
from resift_remote import Deadline, base_address, join, options

__all__ = [
    "Contextual",
    "DashScope",
    "DeepInfra",
    "Isaacus",
    "Jina",
    "Mixedbread",
    "Nvidia",
    "Pinecone",
    "Together",
    "Voyage",
    "Watsonx",
    "ZeroEntropy",
]


@options
class Jina(DialectReranker):
    """Rerank with Jina AI.

    The models ``jina-reranker-v3`` and ``jina-reranker-v3.5`` compare the documents of
    one request with each other: their scores mean an order only, and a request is never
    split.

    Args:
        model: The model.
        truncation: Whether the server may cut documents that are too long.
    """

    name: ClassVar[str] = "jina"

    model: str = "jina-reranker-v2-base-multilingual"
    truncation: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pointwise:
            self.score_kind = "ordinal"


@options
class Voyage(DialectReranker):
    """Rerank with Voyage AI.

    Args:
        model: The model.
        truncation: Whether the server may cut a query or document that is too long
            (its default); if not, it refuses the request.
    """

    name: ClassVar[str] = "voyage"

    model: str = "rerank-2.5"
    truncation: bool | None = None


@options
class Mixedbread(DialectReranker):
    """Rerank with Mixedbread.

    Args:
        model: The model.
        rewrite_query: Whether the server may rewrite the query first.
    """

    name: ClassVar[str] = "mixedbread"

    model: str = "mixedbread-ai/mxbai-rerank-large-v2"
    rewrite_query: bool | None = None


@options
class Pinecone(DialectReranker):
    """Rerank with a model that Pinecone hosts.

    Args:
        model: The model.
        truncate: What happens to a document that is too long: ``"END"`` cuts it,
            ``"NONE"`` refuses the request; the default depends on the model.
        api_version: The version of Pinecone's API.
    """

    name: ClassVar[str] = "pinecone"

    model: str = "bge-reranker-v2-m3"
    truncate: Literal["END", "NONE"] | None = None
    api_version: str = "2026-07"


@options
class Together(DialectReranker):
    """Rerank with a model that Together AI hosts.

    Args:
        model: The model, or the dedicated endpoint that runs it.
    """

    name: ClassVar[str] = "together"

    model: str = "mixedbread-ai/Mxbai-Rerank-Large-V2"


@options
class Nvidia(DialectReranker):
    """Rerank with an NVIDIA NIM, hosted by NVIDIA or by yourself. Scores are logits.

    Args:
        model: The model.
        truncate: What happens to a passage that is too long: ``"END"`` cuts it,
            ``"NONE"`` refuses the request; the default depends on the model.
        self_hosted: Whether it is a NIM of your own, which has another path and needs
            no key; `base_url` is then ``http://localhost:8000`` by default.
    """

    name: ClassVar[str] = "nvidia"

    model: str = "nvidia/llama-3.2-nv-rerankqa-1b-v2"
    truncate: Literal["END", "NONE"] | None = None
    self_hosted: bool = False

    def _choose_dialect(self) -> Dialect:
        return DIALECTS["nim" if self.self_hosted else "nvidia"]


@options
class Isaacus(DialectReranker):
    """Rerank legal texts with Isaacus.

    Args:
        model: The model.
        is_iql: Whether the query is in Isaacus's query language. Leave it off where
            users write the queries.
        scoring_method: How the scores of a long text's chunks become one.
        chunk_size: Tokens of a chunk.
        chunk_overlap_ratio: Share of a chunk that it has in common with the next.
    """

    name: ClassVar[str] = "isaacus"

    model: str = "kanon-2-reranker"
    is_iql: bool | None = None
    scoring_method: Literal["auto", "chunk_max", "chunk_avg", "chunk_min"] | None = None
    chunk_size: int | None = None
    chunk_overlap_ratio: float | None = None


@options
class ZeroEntropy(DialectReranker):
    """Rerank with ZeroEntropy.

    Args:
        model: The model.
        latency: ``"fast"`` refuses rather than be slow, ``"slow"`` has far higher rate
            limits; by default fast while the limit lasts.
    """

    name: ClassVar[str] = "zeroentropy"

    model: str = "zerank-2"
    latency: Literal["fast", "slow"] | None = None


@options
class DeepInfra(DialectReranker):
    """Rerank with a model that DeepInfra hosts.

    Args:
        model: The model.
    """

    name: ClassVar[str] = "deepinfra"

    model: str = "Qwen/Qwen3-Reranker-8B"


@options
class Contextual(DialectReranker):
    """Rerank with Contextual AI, whose models follow an `instruction`.

    Args:
        model: The model.
    """

    name: ClassVar[str] = "contextual"

    model: str = "ctxl-rerank-v2-instruct-multilingual"


@options
class DashScope(DialectReranker):
    """Rerank with Alibaba Cloud's DashScope (Model Studio).

    A key belongs to a region, and so does `base_url`: the default is Beijing's;
    Singapore's is ``https://dashscope-intl.aliyuncs.com``. The ``gte-rerank`` models
    take no `instruction`.

    Args:
        model: The model.
    """

    name: ClassVar[str] = "dashscope"

    model: str = "qwen3-rerank"


@options
class Watsonx(DialectReranker):
    """Rerank with IBM watsonx.ai. Scores are logits.

    Exactly one of `project_id` and `space_id` is needed; where neither is given, they
    are read from ``WATSONX_PROJECT_ID`` and ``WATSONX_SPACE_ID``.

    Args:
        model: The model.
        project_id: The project that pays.
        space_id: The deployment space that pays.
        truncate_input_tokens: Tokens after which a document is cut; by default a
            document that is too long is refused.
        api_version: The version of the API, a date.
        iam_url: The server that gives an access token for the key.
    """

    name: ClassVar[str] = "watsonx"

    model: str = "cross-encoder/ms-marco-minilm-l-12-v2"
    project_id: str | None = None
    space_id: str | None = None
    truncate_input_tokens: int | None = None
    api_version: str = "2024-10-08"
    iam_url: str = "https://iam.cloud.ibm.com"

    def __post_init__(self) -> None:
        if not (self.project_id or self.space_id):
            self.project_id = os.environ.get("WATSONX_PROJECT_ID") or None
            self.space_id = os.environ.get("WATSONX_SPACE_ID") or None
        if bool(self.project_id) == bool(self.space_id):
            got = "both" if self.project_id else "neither"
            msg = f"exactly one of 'project_id' and 'space_id' is needed, got {got}."
            raise ValueError(msg)
        super().__post_init__()
        self._token = AccessToken(
            self.name,
            join(base_address(self.iam_url), "/identity/token"),
            self.key_source(),
        )

    def _credential(self, deadline: Deadline) -> str:
        return self._token.get(
            super()._credential(deadline), self._connection, deadline
        )

    def _renew(self, credential: str) -> bool:
        self._token.forget(credential)
        return True
