"""Rerank and fuse in LlamaIndex with any reranker, picked by name."""

from resift_llama_index.postprocessor import ResiftRerank
from resift_llama_index.retriever import ResiftFusionRetriever

__all__ = ["ResiftFusionRetriever", "ResiftRerank"]
