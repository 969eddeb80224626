"""What every test of the core runs with."""

from __future__ import annotations

import pytest
from hypothesis import settings

from resift.testing.fixtures import fake_distribution as fake_distribution

settings.register_profile("resift", derandomize=True, deadline=None, database=None)
settings.load_profile("resift")


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch, tmp_path):
    """Run where no config file applies and no variable of the developer's is set."""
    for name in ("RESIFT_CONFIG", "RESIFT_PLUGINS", "RESIFT_RERANKER"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def install(fake_distribution):
    """Install a module that defines the class `Plugin`, as the reranker *name*.

    The source text may use `resift`. The distribution is ``resift-NAME``, version 1.0.
    """

    def make(source: str, name: str = "fake", **settings: object):
        module = f"resift_{name.replace('-', '_')}"
        return fake_distribution(
            f"resift-{name}",
            modules={
                module: f"from __future__ import annotations\nimport resift\n{source}"
            },
            rerankers={name: f"{module}:Plugin"},
            **settings,
        )

    return make
