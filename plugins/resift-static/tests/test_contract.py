from __future__ import annotations

from resift.testing import RerankerSuite


class TestStatic(RerankerSuite):
    name = "static"
