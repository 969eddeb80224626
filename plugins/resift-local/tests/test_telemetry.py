from __future__ import annotations

import contextlib
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from resift_local import unreported


@pytest.mark.parametrize("before", [None, "", "false", "true"])
def test_the_environment_is_restored(monkeypatch, before):
    """The variable is set inside only, also where an error ends it."""
    monkeypatch.delenv("CI", raising=False)
    if before is not None:
        monkeypatch.setenv("CI", before)

    inside = []
    with contextlib.suppress(OSError), unreported():
        inside.append(os.environ["CI"])
        raise OSError

    assert inside == ["true"]
    assert os.environ.get("CI") == before


def test_it_nests(monkeypatch):
    """The end of an inner one does not end the outer one."""
    monkeypatch.delenv("CI", raising=False)

    with unreported():
        with unreported():
            pass
        inside = os.environ.get("CI")

    assert inside == "true"
    assert "CI" not in os.environ


def test_one_thread_at_a_time(monkeypatch):
    """No thread restores the variable while another one needs it."""
    monkeypatch.delenv("CI", raising=False)
    barrier = threading.Barrier(4)

    def convert(_):
        barrier.wait()
        with unreported():
            seen = [os.environ.get("CI") for _ in range(1000)]
        return set(seen)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(convert, range(4)))

    assert found == [{"true"}] * 4
    assert "CI" not in os.environ


@pytest.mark.parametrize("consent", [True, False])
def test_consent_that_was_given_is_given_back(monkeypatch, consent):
    """Who converts on their own account reports, or not, as before."""
    sender = SimpleNamespace(consent=consent)
    module = SimpleNamespace(telemetry=sender)
    monkeypatch.setitem(sys.modules, "openvino.tools.ovc", module)

    with unreported():
        inside = sender.consent

    assert inside is False
    assert sender.consent is consent
