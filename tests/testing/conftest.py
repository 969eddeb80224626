"""Fixtures of the tests of `resift.testing`."""

from __future__ import annotations

from resift.testing.fixtures import fake_distribution

__all__ = ["fake_distribution"]
