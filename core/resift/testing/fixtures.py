"""Pytest fixtures for authors of rerankers. Never loaded by itself: import it.

In a ``conftest.py``, or in a test module::

    from resift.testing.fixtures import fake_distribution as fake_distribution

Needs the extra ``resift[test]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from resift.testing.distributions import FakeDistribution, install

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["InstallFake", "fake_distribution"]


class InstallFake(Protocol):
    """What the fixture `fake_distribution` hands to a test."""

    def __call__(
        self,
        name: str,
        *,
        version: str = "1.0",
        modules: Mapping[str, str] | None = None,
        rerankers: Mapping[str, str] | None = None,
        entry_points: Mapping[str, Mapping[str, str]] | None = None,
        summary: str = "A distribution made up for a test.",
        requires: Iterable[str] = ("resift",),
        site: str = "site-packages",
    ) -> FakeDistribution:
        """Install as `resift.testing.distributions.install` does.

        *site* names the folder of the path; a second one lets two distributions of
        the same name stand side by side.
        """


@pytest.fixture
def fake_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InstallFake]:
    """Make up installed distributions; they and their modules vanish after the test.

    A call puts the distribution on the path at once, first::

        def test_found(fake_distribution):
            fake_distribution(
                "resift-echo",
                modules={"resift_echo": ECHO},
                rerankers={"echo": "resift_echo:Echo"},
            )

            assert resift.load("echo", config=None).name == "echo"

    Call ``.uninstall()`` on what it returns to see what happens without it. A
    subprocess sees the distribution with `folder` on its ``PYTHONPATH``.
    """
    made: list[FakeDistribution] = []
    seen: set[Path] = set()

    def make(
        name: str, *, site: str = "site-packages", **options: object
    ) -> FakeDistribution:
        folder = tmp_path / site
        if folder not in seen:
            seen.add(folder)
            folder.mkdir()
            monkeypatch.syspath_prepend(folder)
        fake = install(folder, name, **options)  # type: ignore[arg-type]  # see InstallFake
        made.append(fake)
        return fake

    yield make
    for fake in made:
        fake.uninstall()
