"""Fresh environments: everything that this one has, but nothing of resift.

Building one is a matter of seconds and needs no network: a new virtual environment, and
one path file that leads to a folder of links to what is installed here.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @property
    def scripts(self) -> Path:
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> Path:
        return self.scripts / Path(sys.executable).name

    def install(self, *wheels: Path) -> None:
        """Install wheels, without looking for what they need."""
        self._pip("install", "--no-index", "--no-deps", "--no-compile", *wheels)

    def uninstall(self, *names: str) -> None:
        """Uninstall distributions."""
        self._pip("uninstall", "--yes", *names)

    def _pip(self, *arguments: object) -> None:
        pip = [sys.executable, "-m", "pip", "--python", self.folder]
        run([*pip, "--quiet", "--disable-pip-version-check", *arguments])

    def run(self, *command: object, **options: object) -> subprocess.CompletedProcess:
        """Run Python, or a script of the environment, and return what it printed."""
        program, *arguments = command
        script = self.scripts / str(program)
        first = [script] if script.is_file() else [self.python, program]
        return run([*first, *arguments], **options)


@pytest.fixture(scope="session")
def shell() -> Callable[..., subprocess.CompletedProcess]:
    """Return a function that runs a command and shows what it said where it fails."""
    return run


def run(
    command: Iterable[object],
    *,
    check: bool = True,
    variables: Mapping[str, str] | None = None,
    **options: object,
) -> subprocess.CompletedProcess:
    """Run a command, and show what it said where it fails."""
    unset = ("PYTHONPATH", "RESIFT_CONFIG", "RESIFT_PLUGINS", "RESIFT_RERANKER")
    environment = {k: v for k, v in os.environ.items() if k not in unset}
    environment |= variables or {}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        **options,
    )
    if check and done.returncode:
        pytest.fail(f"{done.args}\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done


@pytest.fixture(scope="session")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of links to what is installed here, all but resift."""
    folder = tmp_path_factory.mktemp("dependencies")
    own = [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    others = [entry for entry in sys.path if Path(entry).name == "site-packages"]
    paths = dict.fromkeys(map(Path, (*own, *others)))
    for path in (entry for site in paths for entry in site.iterdir()):
        ours = "resift" in path.name.lower() or (folder / path.name).exists()
        if not ours and path.suffix != ".pth" and path.name != "__pycache__":
            (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="session")
def environment(
    tmp_path_factory: pytest.TempPathFactory, dependencies: Path
) -> Callable[..., Environment]:
    """Return a function that makes a fresh environment with some wheels in it."""

    def make(*wheels: Path) -> Environment:
        made = Environment(tmp_path_factory.mktemp("environment"))
        venv.create(made.folder, symlinks=os.name != "nt")
        purelib = made.run(
            "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"
        )
        path = Path(purelib.stdout.strip()) / "dependencies.pth"
        path.write_text(f"{dependencies}\n")
        if wheels:
            made.install(*wheels)
        return made

    return make


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Path]]:
    """Return a function that builds the wheels of source folders."""

    def make(*sources: Path) -> list[Path]:
        folder = tmp_path_factory.mktemp("wheels")
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet"]
        offline = ["--no-index", "--no-deps", "--no-build-isolation"]
        run([*pip, *offline, "--wheel-dir", folder, *sources])
        return sorted(folder.glob("*.whl"))

    return make


@pytest.fixture(scope="session")
def directory() -> ModuleType:
    """Return the script that makes the directory of rerankers."""
    path = ROOT / "docs" / "directory.py"
    spec = importlib.util.spec_from_file_location("directory", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def core(build: Callable[..., list[Path]]) -> Path:
    """Return the wheel of the core; that of the command line lies beside it."""
    return build(ROOT, ROOT / "plugins" / "resift-cli")[0]


@pytest.fixture(scope="session")
def program(core: Path) -> Path:
    """Return the wheel of the command line."""
    return next(core.parent.glob("resift_cli-*.whl"))


@pytest.fixture(scope="session")
def wheels(build: Callable[..., list[Path]], core: Path) -> dict[str, Path]:
    """Return the wheel of the core and of every plugin, by import name."""
    built = [core, *build(*PLUGINS)]
    return {wheel.name.partition("-")[0]: wheel for wheel in built}
