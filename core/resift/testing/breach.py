"""`Breach`: what a check found to be wrong."""

from __future__ import annotations

__all__ = ["Breach"]


class Breach(Exception):  # noqa: N818  # no error of ours: what a check found
    """What a check found to be wrong.

    Args:
        found: What is wrong, as a sentence.
        case: The smallest input that shows it, where there is one.
        usually: How authors usually come to this, where the check would say another.
    """

    def __init__(self, found: str, case: object = None, usually: str = "") -> None:
        super().__init__(found)
        self.usually = usually
        self.found = found
        self.case = case
