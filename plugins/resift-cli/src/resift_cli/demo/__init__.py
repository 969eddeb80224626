"""What `resift demo` shows: a search engine over the standard library's docstrings."""
