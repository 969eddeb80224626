"""`Package`: the files of a new reranker package."""

from __future__ import annotations

import datetime as dt
import json
import keyword
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import files as files_of
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from resift.authors import (
    COMMANDS,
    CORE,
    RERANKERS,
    WRAPPERS,
    catalog,
    normalized,
    published,
)
from resift.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KINDS", "LICENSES", "Kind", "License", "Package"]

Kind: TypeAlias = Literal[
    "reranker", "merger", "http", "composite", "wrapper", "command"
]
License: TypeAlias = Literal["Apache-2.0", "BSD-3-Clause", "MIT"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LICENSES: tuple[License, ...] = get_args(License)

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_NAMELESS = (  # they offer no name: others need them, or a framework does
    *("resift-adapter", "resift-haystack", "resift-langchain"),
    *("resift-llama-index", "resift-local", "resift-pyterrier", "resift-remote"),
)
_SUMMARIES: dict[Kind, str] = {
    "reranker": "Rerank search results by the words they share with the query.",
    "merger": "Merge ranked lists by what each list leaves below a document.",
    "http": "Rerank search results with a server over HTTP.",
    "composite": "Lift search results that contain the query word for word.",
    "wrapper": "Log how long rerankers take.",
    "command": "Compare where two rerankers place the lines of a file.",
}
_DEPENDENCIES: dict[Kind, tuple[str, ...]] = {
    "reranker": ("resift>=0.1",),
    "merger": ("resift>=0.1", "numpy>=1.26"),
    "http": ("resift>=0.1", "httpx>=0.27", "pydantic>=2.9"),
    "composite": ("resift>=0.1", "numpy>=1.26"),
    "wrapper": ("resift>=0.1",),
    "command": ("resift>=0.1", "resift-cli>=0.1", "click>=8.1"),
}
_TESTS: dict[Kind, tuple[str, ...]] = {
    "reranker": ("resift[test]>=0.1",),
    "merger": ("resift[test]>=0.1",),
    "http": ("resift[test]>=0.1", "resift-remote>=0.1"),
    "composite": ("resift[test]>=0.1",),
    "wrapper": ("resift[test]>=0.1",),
    "command": ("pytest>=8.2",),
}
_GROUPS: dict[Kind, str] = {"wrapper": WRAPPERS, "command": COMMANDS}
"""The groups of entry points, where it is not that of rerankers."""


@dataclass(frozen=True)
class Package:
    """A package to be written.

    Args:
        reranker: The reranker's name: what users load. Any spelling is normalised, and
            a leading ``resift-`` belongs to the distribution.
        kind: What it starts from.
        license: SPDX identifier of the licence.
        author: Who wrote it and holds the copyright; nobody is named by default.

    Raises:
        InputError: If the name cannot be one, or is one of this project's.
    """

    reranker: str
    kind: Kind = "reranker"
    license: License = "Apache-2.0"
    author: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            msg = (
                "the name must begin with a letter from a to z, and be words of "
                "such letters and digits with hyphens between them, got "
                f"{self.reranker!r}. Choose one like 'word-overlap'."
            )
            raise InputError(msg, who="new")
        if keyword.iskeyword(self.cls):
            msg = (
                f"the name must not make a class called {self.cls!r}, a keyword "
                f"of Python, got {self.reranker!r}. Choose another."
            )
            raise InputError(msg, who="new")
        if owner := self._owner():
            msg = (
                f"the name must be free, got {self.reranker!r}, which belongs to "
                f"{owner}, a package of this project. Choose another."
            )
            raise InputError(msg, who="new")

    @property
    def name(self) -> str:
        """What users load: ``"word-overlap"``."""
        return normalized(self.reranker).removeprefix("resift-")

    @property
    def distribution(self) -> str:
        """What users install: ``"resift-word-overlap"``."""
        return f"resift-{self.name}"

    @property
    def module(self) -> str:
        """What Python imports: ``"resift_word_overlap"``."""
        return self.distribution.replace("-", "_")

    @property
    def cls(self) -> str:
        """The class: ``"WordOverlap"``."""
        return "".join(part.capitalize() for part in self.name.split("-"))

    @property
    def group(self) -> str:
        """The group of its entry point: ``"resift.rerankers"``."""
        return _GROUPS.get(self.kind, RERANKERS)

    @property
    def target(self) -> str:
        """What the entry point names: ``"resift_word_overlap:WordOverlap"``."""
        return f"{self.module}:{'command' if self.kind == 'command' else self.cls}"

    @cached_property
    def files(self) -> dict[str, str]:
        """The text of each file by its path in the package."""
        return {
            "pyproject.toml": self._filled("pyproject.toml"),
            "README.md": self._filled(f"README_{self.kind}.md"),
            "LICENSE": self._license(),
            ".gitignore": self._filled("gitignore"),
            f"{self.module}.py": self._filled(f"{self.kind}.py"),
            f"tests/{self._test}.py": self._filled(f"test_{self.kind}.py"),
            ".github/workflows/test.yml": self._filled("test.yml"),
            ".github/workflows/publish.yml": self._filled("publish.yml"),
        }

    def write(self, folder: Path) -> list[Path]:
        """Write the files into *folder*, and return their paths.

        Raises:
            InputError: If there is anything in it already: nothing is overwritten.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            msg = f"{str(folder)!r} exists and is not empty. Choose another folder."
            raise InputError(msg, who="new")
        paths = []
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            paths.append(path)
        return paths

    def _filled(self, template: str) -> str:
        return Template(_template(template)).substitute(
            name=self.name,
            distribution=self.distribution,
            module=self.module,
            cls=self.cls,
            group=self.group,
            target=self.target,
            variable=self.name.replace("-", "_").upper(),
            summary=_SUMMARIES[self.kind],
            dependencies=_listed(_DEPENDENCIES[self.kind]),
            tests=_listed(_TESTS[self.kind]),
            license=self.license,
            author=self.author or f"the authors of {self.distribution}",
            authors=self._authors(),
            year=dt.datetime.now(tz=dt.UTC).year,
        )

    @property
    def _test(self) -> str:
        """The name of its test module: there is no contract of commands."""
        return "test_command" if self.kind == "command" else "test_contract"

    def _authors(self) -> str:
        """Return the line of the metadata that names the author; none without one."""
        if self.author is None:
            return ""
        name = json.dumps(self.author, ensure_ascii=False)  # a string of TOML, too
        return f"authors = [{{ name = {name} }}]\n"

    def _license(self) -> str:
        """Return the licence; Apache's is long, and comes with resift as its own."""
        if self.license != "Apache-2.0":
            return self._filled(f"licenses/{self.license}")
        own = [path for path in files_of(CORE) or () if path.name == "LICENSE"]
        return own[0].read_text(encoding="utf-8")

    def _owner(self) -> str | None:
        """Return which of this project's distributions has one of its names."""
        if any(
            provider.name == self.name and provider.distribution == CORE
            for provider in catalog().providers
        ):
            return CORE
        names = {group: published(group) for group in (RERANKERS, WRAPPERS, COMMANDS)}
        homes = {home for group in names.values() for home in group.values()}
        if self.distribution in {*homes, *_NAMELESS}:
            return self.distribution
        if self.kind == "command":
            return names[COMMANDS].get(self.name)
        return (names[RERANKERS] | names[WRAPPERS]).get(self.name)


def _listed(requirements: tuple[str, ...]) -> str:
    return ", ".join(f'"{line}"' for line in requirements)


def _template(name: str) -> str:
    folder = files(__package__).joinpath("templates")
    return folder.joinpath(f"{name}.tmpl").read_text("utf-8")
