"""What a reranker behind a server is tested with: a server on loopback, that fails.

Only the standard library and `resift.testing` are used.
"""

from resift_remote.testing.dialects import DIALECTS, Corruption, Dialect, phrase
from resift_remote.testing.server import RerankServer, ServedRequest

__all__ = [
    "DIALECTS",
    "Corruption",
    "Dialect",
    "RerankServer",
    "ServedRequest",
    "phrase",
]
