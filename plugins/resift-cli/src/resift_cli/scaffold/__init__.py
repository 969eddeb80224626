"""`resift new`: a complete, publishable package for a reranker, written from nothing.

Only the standard library is used. The templates are what a new package holds, with
``$name`` for what differs; the tests install what comes out and run its own tests.
"""

from resift_cli.scaffold.package import KINDS, LICENSES, Package

__all__ = ["KINDS", "LICENSES", "Package"]
