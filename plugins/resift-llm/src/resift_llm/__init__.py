"""Rerank by prompting a language model behind any OpenAI-compatible API."""

from resift_llm.reranker import Llm

__all__ = ["Llm"]
