"""Ray, where it is installed: the same bytes."""

from __future__ import annotations

import pytest

from jobs import contents, lists

pytest.importorskip("ray", reason="Ray is an extra: pip install 'resift-batch[ray]'")

pytestmark = pytest.mark.slow


def test_ray_writes_the_same_bytes(source, run, tmp_path):
    """Actors and processes do the same parts alike."""
    path = source(lists(60, 10))
    options = ("-r", "bm25", "--pairs-per-part", 50, "--workers", 2)
    local = run(path, tmp_path / "local", *options)
    ray = run(path, tmp_path / "ray", *options, "--engine", "ray")

    assert local.returncode == 0, local.stderr
    assert ray.returncode == 0, ray.stderr
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")
