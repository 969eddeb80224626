"""Distributions made up on disk are found, used and forgotten like real ones."""

from __future__ import annotations

import os
import subprocess
import sys

import importlib_metadata
import pytest

import resift
from resift.catalog import catalog
from resift.testing.fixtures import InstallFake

ECHO = """
    import resift

    class Echo:
        @resift.hookimpl
        def score(self, query, documents):
            return [float(len(document)) for document in documents]
"""


def test_is_found_and_loaded(fake_distribution: InstallFake) -> None:
    """A made-up distribution can be loaded by name at once."""
    fake_distribution(
        "resift-echo",
        modules={"resift_echo": ECHO},
        rerankers={"echo": "resift_echo:Echo"},
    )

    reranker = resift.load("echo", config=None)

    assert reranker.rank("q", ["a", "bbb"])[0].document == "bbb"


def test_metadata_is_what_was_asked_for(fake_distribution: InstallFake) -> None:
    """Name, version, summary, requirements and files are read back by the library."""
    fake_distribution(
        "Resift.Echo",
        version="2.1",
        modules={"resift_echo": ECHO},
        entry_points={"resift.commands": {"echo": "resift_echo:main"}},
        summary="Echo.",
        requires=("resift>=0.1", "httpx"),
    )

    found = importlib_metadata.distribution("resift-echo")

    assert found.metadata["Name"] == "Resift.Echo"
    assert found.version == "2.1"
    assert found.metadata["Summary"] == "Echo."
    assert found.requires == ["resift>=0.1", "httpx"]
    assert [str(file) for file in found.files or ()] == [
        "resift_echo.py",
        "resift_echo-2.1.dist-info/METADATA",
        "resift_echo-2.1.dist-info/entry_points.txt",
        "resift_echo-2.1.dist-info/INSTALLER",
        "resift_echo-2.1.dist-info/RECORD",
    ]
    assert [(e.name, e.value) for e in found.entry_points] == [
        ("echo", "resift_echo:main")
    ]


def test_uninstall_is_seen_at_once(fake_distribution: InstallFake) -> None:
    """After `uninstall` the name is unknown and the module cannot be imported."""
    fake = fake_distribution(
        "resift-echo",
        modules={"resift_echo": ECHO},
        rerankers={"echo": "resift_echo:Echo"},
    )
    resift.load("echo", config=None)
    fake.uninstall()

    with pytest.raises(resift.UnknownRerankerError):
        resift.load("echo", config=None)
    with pytest.raises(ModuleNotFoundError):
        __import__("resift_echo")


def test_packages_have_submodules(fake_distribution: InstallFake) -> None:
    """A module name that is the prefix of another becomes a package."""
    fake = fake_distribution(
        "resift-echo",
        modules={"resift_echo": "", "resift_echo.inner": ECHO},
        rerankers={"echo": "resift_echo.inner:Echo"},
    )

    assert resift.load("echo", config=None).name == "echo"
    assert (fake.folder / "resift_echo" / "inner.py").is_file()


def test_two_sites_hold_the_same_name_twice(fake_distribution: InstallFake) -> None:
    """A second site holds a distribution of the same name beside the first."""
    for version, site in (("1.0", "old"), ("2.0", "new")):
        fake_distribution(
            "resift-echo",
            version=version,
            modules={"resift_echo": ECHO},
            rerankers={"echo": "resift_echo:Echo"},
            site=site,
        )

    assert catalog().find("echo").version == "2.0"


def test_a_subprocess_sees_it_on_its_path(fake_distribution: InstallFake) -> None:
    """With `folder` on PYTHONPATH, another process finds the distribution too."""
    fake = fake_distribution("resift-echo", rerankers={"echo": "resift_echo:Echo"})
    code = "from resift.catalog import catalog; print(catalog().find('echo').qualified)"

    done = subprocess.run(  # our own interpreter
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(fake.folder)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "resift-echo:echo\n"


def test_nothing_stays_behind() -> None:
    """What the tests above made up is gone: not in the catalog, not imported."""
    assert "echo" not in catalog()
    assert "resift_echo" not in sys.modules
