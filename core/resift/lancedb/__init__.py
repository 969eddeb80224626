"""resift on LanceDB: rerankers for its queries, and a search of any number of legs.

Nothing else in the core imports lancedb; install the extra ``resift[lancedb]``.
"""

try:
    import lancedb as _lancedb  # noqa: F401  # asked for first, to say what is missing
except ModuleNotFoundError as error:
    msg = "resift.lancedb needs LanceDB. Install it: pip install 'resift[lancedb]'."
    raise ModuleNotFoundError(msg, name=error.name) from error

from resift.lancedb.adapter import LanceReranker, load
from resift.lancedb.engine import is_vector
from resift.lancedb.search import asearch, search

__all__ = ["LanceReranker", "asearch", "is_vector", "load", "search"]
