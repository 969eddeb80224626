"""The dialects of the known servers: a table, and nothing else.

To talk to another server, describe it in a config file with ``use = "http"``; to add
one here, add an entry and a class with its options in `vendors` or `servers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from resift_http.dialect import Dialect

__all__ = ["DIALECTS"]

_NVIDIA: Final = Dialect(
    base_url="https://ai.api.nvidia.com",
    path="/v1/retrieval/{model}/reranking",
    slug={".": "_"},
    key_variables=("NVIDIA_API_KEY",),
    query_field="query.text",
    documents_field="passages",
    document_field="text",
    top_k_field="",
    options={"truncate": "truncate"},
    results_path="rankings",
    score_field="logit",
    score_kind="logit",
    error_paths=("detail", "message", "error"),
    max_documents=512,
)

DIALECTS: Final[Mapping[str, Dialect]] = {
    "jina": Dialect(
        base_url="https://api.jina.ai",
        key_variables=("JINA_API_KEY",),
        constants={"return_documents": False},
        options={"truncation": "truncation"},
        error_paths=("detail", "message"),
        listwise=("jina-reranker-v3", "jina-reranker-v3.5"),
    ),
    "voyage": Dialect(
        base_url="https://api.voyageai.com",
        key_variables=("VOYAGE_API_KEY",),
        top_k_field="top_k",
        instruction_in_query=True,
        without_instruction=(
            "rerank-2",
            "rerank-2-lite",
            "rerank-1",
            "rerank-lite-1",
        ),
        options={"truncation": "truncation"},
        results_path="data",
        error_paths=("detail", "message"),
        max_documents=1000,
    ),
    "mixedbread": Dialect(
        base_url="https://api.mixedbread.com",
        path="/v1/reranking",
        key_variables=("MXBAI_API_KEY",),
        documents_field="input",
        top_k_field="top_k",
        options={"rewrite_query": "rewrite_query"},
        results_path="data",
        score_field="score",
        error_paths=("detail", "message"),
        max_documents=1000,
    ),
    "pinecone": Dialect(
        base_url="https://api.pinecone.io",
        path="/rerank",
        key_variables=("PINECONE_API_KEY",),
        auth_header="Api-Key",
        auth_scheme="",
        headers={"X-Pinecone-Api-Version": "{api_version}"},
        document_field="text",
        constants={"rank_fields": ["text"], "return_documents": False},
        options={"truncate": "parameters.truncate"},
        results_path="data",
        score_field="score",
        error_paths=("error.message", "message"),
        max_documents=100,
    ),
    "together": Dialect(
        base_url="https://api.together.xyz",
        key_variables=("TOGETHER_API_KEY",),
        error_paths=("error.message", "message"),
    ),
    "nvidia": _NVIDIA,
    "nim": Dialect(
        base_url="http://localhost:8000",
        path="/v1/ranking",
        key_required=False,
        query_field=_NVIDIA.query_field,
        documents_field=_NVIDIA.documents_field,
        document_field=_NVIDIA.document_field,
        top_k_field=_NVIDIA.top_k_field,
        options=_NVIDIA.options,
        results_path=_NVIDIA.results_path,
        score_field=_NVIDIA.score_field,
        score_kind=_NVIDIA.score_kind,
        error_paths=_NVIDIA.error_paths,
        max_documents=_NVIDIA.max_documents,
    ),
    "isaacus": Dialect(
        base_url="https://api.isaacus.com",
        path="/v1/rerankings",
        key_variables=("ISAACUS_API_KEY",),
        documents_field="texts",
        options={
            "is_iql": "is_iql",
            "scoring_method": "scoring_method",
            "chunk_size": "chunking_options.size",
            "chunk_overlap_ratio": "chunking_options.overlap_ratio",
        },
        score_field="score",
    ),
    "zeroentropy": Dialect(
        base_url="https://api.zeroentropy.dev",
        path="/v1/models/rerank",
        key_variables=("ZEROENTROPY_API_KEY",),
        options={"latency": "latency"},
        usage={"input_tokens": ("total_tokens",)},
        error_paths=("detail", "message"),
    ),
    "deepinfra": Dialect(
        base_url="https://api.deepinfra.com",
        path="/v1/inference/{model}",
        key_variables=("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
        model_field="",
        query_field="queries",
        query_per_document=True,
        top_k_field="",
        instruction_field="instruction",
        results_path="scores",
        score_field="",
        usage={"input_tokens": ("input_tokens", "inference_status.tokens_input")},
        error_paths=("detail.error", "detail", "error"),
    ),
    "watsonx": Dialect(
        base_url="https://us-south.ml.cloud.ibm.com",
        path="/ml/v1/text/rerank?version={api_version}",
        key_variables=("WATSONX_API_KEY", "WATSONX_APIKEY"),
        model_field="model_id",
        documents_field="inputs",
        document_field="text",
        top_k_field="parameters.return_options.top_n",
        options={
            "project_id": "project_id",
            "space_id": "space_id",
            "truncate_input_tokens": "parameters.truncate_input_tokens",
        },
        score_field="score",
        score_kind="logit",
        usage={"input_tokens": ("input_token_count",)},
        error_paths=("errors.0.message", "errorMessage", "message"),
    ),
    "tei": Dialect(
        base_url="http://localhost:8080",
        path="/rerank",
        key_required=False,
        model_field="",
        documents_field="texts",
        top_k_field="",
        options={"truncate": "truncate", "raw_scores": "raw_scores"},
        results_path="",
        score_field="score",
        error_paths=("error", "message"),
        max_documents=32,
        info_path="/info",
        info_field="max_client_batch_size",
    ),
    "infinity": Dialect(
        base_url="http://localhost:7997",
        path="/rerank",
        key_variables=("INFINITY_API_KEY",),
        key_required=False,
        options={"raw_scores": "raw_scores"},
        error_paths=("error.message", "detail", "message"),
    ),
    "vllm": Dialect(
        base_url="http://localhost:8000",
        key_variables=("VLLM_API_KEY",),
        key_required=False,
        instruction_field="instruction",
        options={
            "truncate_prompt_tokens": "truncate_prompt_tokens",
            "use_activation": "use_activation",
        },
        error_paths=("error.message", "message", "detail"),
    ),
}
"""The dialects by the name of their reranker; ``nim`` is a self-hosted `nvidia`."""
