"""resift on LanceDB: rerankers for its queries, and a search of any number of legs.

Nothing else in the core imports lancedb; install the extra ``resift[lancedb]``.
"""

from resift.lancedb.adapter import LanceReranker, load
from resift.lancedb.search import asearch, search

__all__ = ["LanceReranker", "asearch", "load", "search"]
