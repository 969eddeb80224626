"""Rerank and fuse in LangChain with any reranker, picked by name."""

from resift_langchain.compressor import ResiftReranker
from resift_langchain.retriever import ResiftRetriever

__all__ = ["ResiftReranker", "ResiftRetriever"]
