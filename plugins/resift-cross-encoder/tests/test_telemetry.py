from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("openvino", reason="openvino is not installed")
pytest.importorskip("openvino_telemetry", reason="openvino reports nothing here")

pytestmark = pytest.mark.slow  # each converts a model in a process of its own

CHILDREN = """
import sys

STARTS = {"os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen", "os.system"}
sys.addaudithook(lambda name, _: name in STARTS and print(name, flush=True))
sys.modules["trio"] = None  # where it is installed, its import starts ldconfig
"""

SCORING = """
from resift_cross_encoder import CrossEncoder

def load():
    reranker = CrossEncoder(model=sys.argv[1], backend="openvino", dtype="float32")
    reranker.score("what is", ["paris"])
"""


@pytest.fixture
def run(tmp_path, model):
    """Return a function that runs code at home in `tmp_path`, outside any CI.

    The code prints each process that it starts. Should it report, to nobody: there is
    no proxy at that address.
    """
    switches = ("CI", "TF_BUILD", "JENKINS_URL")  # any of them turns the reports off
    kept = {k: v for k, v in os.environ.items() if k not in switches}
    home = {"HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    nowhere = dict.fromkeys(("https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")

    def run(code: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", CHILDREN + SCORING + code, str(model)],
            env=kept | home | nowhere,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


def test_nothing_is_reported(run, tmp_path):
    """Converting a model starts no process and writes nothing into the home."""
    started = run("load()")

    assert started == []
    assert not any(path.name.lower().startswith("intel") for path in tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="no process is started there")
def test_openvino_would_report(run, tmp_path):
    """The test above sees a report where there is one: at the bare import."""
    started = run("import openvino")

    assert set(started) == {"os.fork"}
    assert (tmp_path / "intel" / "openvino_ga_cid").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no process is started there")
def test_nothing_is_reported_after_another_conversion(run):
    """Nor in a process whose own conversions are reported, and go on to be."""
    started = run(
        "load()\n"
        "from openvino.tools.ovc import telemetry\n"
        "assert telemetry.backend.app_name == 'OVC'\n"
        "telemetry.consent = True  # as after one outside\n"
        "load()\n"
        "assert telemetry.consent"
    )

    assert started == []
