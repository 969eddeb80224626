"""Distributions made up on disk, to test how rerankers are found.

What pip leaves behind is a folder of modules and a ``*.dist-info`` folder beside it,
and that is all that finding a reranker by name reads. `install` writes both, with no
pip, no build and no network::

    install(
        folder,
        "resift-echo",
        modules={"resift_echo": "class Echo: ..."},
        entry_points={"resift.rerankers": {"echo": "resift_echo:Echo"}},
    )

In a pytest test use the fixture `resift.testing.fixtures.fake_distribution`, which
also puts the folder on the path and takes everything away again.
"""

from __future__ import annotations

import importlib
import shutil
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resift.catalog import RERANKERS, normalized, refresh

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["FakeDistribution", "install"]


@dataclass(frozen=True, slots=True)
class FakeDistribution:
    """A distribution that `install` wrote.

    Args:
        name: Its name, as its metadata spells it.
        version: Its version.
        folder: What stands for ``site-packages``.
        modules: Names of the modules that it brought.
    """

    name: str
    version: str
    folder: Path
    modules: tuple[str, ...]

    @property
    def metadata(self) -> Path:
        """The ``*.dist-info`` folder."""
        stem = normalized(self.name).replace("-", "_")
        return self.folder / f"{stem}-{self.version}.dist-info"

    def uninstall(self) -> None:
        """Take it off the disk and out of `sys.modules`; fine if it is gone."""
        shutil.rmtree(self.metadata, ignore_errors=True)
        for module in self.modules:
            _file(self.folder, module, self.modules).unlink(missing_ok=True)
        self.forget()

    def forget(self) -> None:
        """Forget what this process has read and imported of it."""
        for module in self.modules:
            sys.modules.pop(module, None)
        importlib.invalidate_caches()
        refresh()


def install(
    folder: Path,
    name: str,
    *,
    version: str = "1.0",
    modules: Mapping[str, str] | None = None,
    rerankers: Mapping[str, str] | None = None,
    entry_points: Mapping[str, Mapping[str, str]] | None = None,
    summary: str = "A distribution made up for a test.",
    requires: Iterable[str] = ("resift",),
) -> FakeDistribution:
    """Write a distribution into *folder*, as pip would have left it.

    Args:
        folder: What stands for ``site-packages``; made if it is missing.
        name: Name of the distribution.
        version: Its version.
        modules: Source text by dotted module name, dedented when written. A name that
            is a prefix of another is a package.
        rerankers: Short for the entry-point group ``resift.rerankers``.
        entry_points: Names and targets by group. Nothing is checked: a malformed
            target is written as it is.
        summary: The one-line description.
        requires: Requirements, one line of metadata each.

    Returns:
        What was written. `resift` sees it once *folder* is on `sys.path`.
    """
    modules = dict(modules or {})
    fake = FakeDistribution(name, version, folder, tuple(modules))
    fake.metadata.mkdir(parents=True, exist_ok=True)
    groups = {group: dict(points) for group, points in (entry_points or {}).items()}
    groups.setdefault(RERANKERS, {}).update(rerankers or {})
    files = {_file(folder, m, modules): textwrap.dedent(s) for m, s in modules.items()}
    files[fake.metadata / "METADATA"] = _metadata(name, version, summary, requires)
    files[fake.metadata / "entry_points.txt"] = _entry_points(groups)
    files[fake.metadata / "INSTALLER"] = "resift.testing\n"
    record = fake.metadata / "RECORD"
    files[record] = _record([*files, record], folder)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    fake.forget()
    return fake


def _file(folder: Path, module: str, modules: Iterable[str]) -> Path:
    path = folder.joinpath(*module.split("."))
    if any(other.startswith(f"{module}.") for other in modules):
        return path / "__init__.py"
    return path.with_name(f"{path.name}.py")


def _metadata(name: str, version: str, summary: str, requires: Iterable[str]) -> str:
    lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"]
    lines += [f"Summary: {summary}"] if summary else []
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    return "\n".join([*lines, ""])


def _entry_points(groups: Mapping[str, Mapping[str, str]]) -> str:
    sections = [
        "\n".join([f"[{group}]", *(f"{name} = {to}" for name, to in points.items())])
        for group, points in groups.items()
        if points
    ]
    return "\n\n".join([*sections, ""])


def _record(files: Iterable[Path], folder: Path) -> str:
    return "".join(f"{path.relative_to(folder).as_posix()},,\n" for path in files)
