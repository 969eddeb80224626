"""The demo's corpus: docstrings read from source."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resift.errors import InputError
from resift_cli.demo.corpus import Docstring, docstrings, parse, source_files
from resift_cli.demo.database import read_corpus
from resift_cli.demo.evaluation import judgements


@pytest.fixture(scope="module")
def corpus():
    """Read the standard library of the Python that runs the tests."""
    return read_corpus()


@pytest.fixture
def library(tmp_path):
    """Write a small library and read it as the standard library is read."""

    def read(modules: dict[str, str]) -> dict[str, Docstring]:
        for name, source in modules.items():
            path = tmp_path / "library" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        folder = tmp_path / "library"
        parsed = [parse(path, folder) for path in source_files(folder)]
        found = docstrings([module for module in parsed if module])
        return {document.name: document for document in found}

    return read


@pytest.mark.slow
def test_thousands_of_documents(corpus):
    """The standard library has several thousand public docstrings, each name once."""
    names = [document.name for document in corpus]

    assert len(names) > 3_500
    assert len(set(names)) == len(names)
    assert {document.kind for document in corpus} == {
        *("module", "class", "function", "method")
    }


def test_every_judged_name_exists(corpus):
    """Every answer of every judged question is a document of this Python."""
    names = {document.name for document in corpus}

    missing = {
        question: answers - names
        for question, answers in judgements().items()
        if not answers <= names
    }

    assert missing == {}


@pytest.mark.parametrize(
    "name",
    [
        "asyncio.gather",  # asyncio/tasks.py, by a star import
        "concurrent.futures.as_completed",  # _base.py, by name
        "os.path.join",  # posixpath.py
        "datetime.datetime.strptime",  # _pydatetime.py since 3.12
        "pathlib.Path.glob",  # a package with private modules in 3.13
        "io.open",  # _pyio.py
        "json.JSONDecoder",
        "random.Random.choice",
    ],
)
def test_names_are_those_users_import(corpus, name):
    """A document is called what a user imports, wherever its source is."""
    assert name in {document.name for document in corpus}


def test_tests_and_private_names_are_left_out(corpus):
    """Neither test packages nor private names are documents."""
    names = [document.name for document in corpus]

    assert not [n for n in names if n.split(".")[0] in ("test", "idlelib", "lib2to3")]
    assert not [n for n in names if any(p.startswith("_") for p in n.split("."))]


@pytest.mark.slow
def test_nothing_is_imported():
    """Reading the corpus imports no module of it: antigravity opens a browser."""
    code = (
        "import sys; from resift_cli.demo.database import read_corpus\n"
        "before = set(sys.modules); read_corpus()\n"
        "print(*sorted(set(sys.modules) - before))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    imported = [n for n in done.stdout.split() if not n.startswith("_sysconfigdata")]
    assert imported == []


def test_documents_of_a_module(library):
    """Modules, classes, functions and methods, with their arguments but self."""
    found = library(
        {
            "shapes": '''"""Shapes."""
class Circle:
    """A round one."""
    def area(self, unit="cm"):
        """Compute the area."""
    @classmethod
    async def of(cls, *radii):
        """Make some."""
    def _hidden(self):
        """Private."""
def draw(shape, *, width: int = 80) -> None:
    """Draw it."""
def silent(): ...
'''
        }
    )

    assert found == {
        document.name: document
        for document in [
            Docstring("shapes", "module", "shapes\n\nShapes."),
            Docstring("shapes.Circle", "class", "shapes.Circle\n\nA round one."),
            Docstring(
                "shapes.Circle.area",
                "method",
                "shapes.Circle.area(unit='cm')\n\nCompute the area.",
            ),
            Docstring(
                "shapes.Circle.of", "method", "shapes.Circle.of(*radii)\n\nMake some."
            ),
            Docstring(
                "shapes.draw",
                "function",
                "shapes.draw(shape, *, width: int=80)\n\nDraw it.",
            ),
        ]
    }


def test_alternatives(library):
    """Of several definitions under `if` and `try`, the first documented one counts."""
    found = library(
        {
            "odd": '''
try:
    from fast import f
except ImportError:
    def f():
        pass
if True:
    def f(a):
        """First."""
else:
    def f(b):
        """Second."""
'''
        }
    )

    assert found["odd.f"].text == "odd.f(a)\n\nFirst."


def test_reexports(library):
    """What a package takes from its modules is called by the package's name."""
    found = library(
        {
            "pack/__init__": "from .inner import *\nfrom ._private import g\n",
            "pack/inner": '__all__ = ["f"]\ndef f():\n    "F."\ndef h():\n    "H."\n',
            "pack/_private": 'def g():\n    "G."\ndef unseen():\n    "U."\n',
        }
    )

    assert sorted(found) == ["pack.f", "pack.g", "pack.inner.h"]


@pytest.mark.parametrize("source", ["def broken(:", "\0"])
def test_unreadable_source(library, source):
    """A file that is not this Python's syntax is skipped."""
    assert list(library({"bad": source, "good": '"""Good."""'})) == ["good"]


def test_python_without_source(tmp_path):
    """A Python that comes without its source is told apart from an empty answer."""
    with pytest.raises(InputError) as caught:
        source_files(tmp_path)

    assert str(caught.value) == (
        f"demo: this Python keeps no source of its standard library in {tmp_path}. "
        "Run the demo with a Python that does."
    )
