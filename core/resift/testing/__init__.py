"""What a reranker is tested with."""
