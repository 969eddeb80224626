"""Rerank over HTTP: every vendor without a plugin of its own, and your own server."""

from resift_http.dialect import Dialect
from resift_http.dialects import DIALECTS
from resift_http.resift_server import Resift
from resift_http.servers import Http, Infinity, Tei, Vllm
from resift_http.vendors import (
    Contextual,
    DashScope,
    DeepInfra,
    Isaacus,
    Jina,
    Mixedbread,
    Nvidia,
    Pinecone,
    Together,
    Voyage,
    Watsonx,
    ZeroEntropy,
)

__all__ = [
    "DIALECTS",
    "Contextual",
    "DashScope",
    "DeepInfra",
    "Dialect",
    "Http",
    "Infinity",
    "Isaacus",
    "Jina",
    "Mixedbread",
    "Nvidia",
    "Pinecone",
    "Resift",
    "Tei",
    "Together",
    "Vllm",
    "Voyage",
    "Watsonx",
    "ZeroEntropy",
]
