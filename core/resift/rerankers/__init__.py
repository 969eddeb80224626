"""The rerankers of the core itself, each an entry point like any other."""
