from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from resift import BackendTimeoutError
from resift_cross_encoder import CrossEncoder

pytest.importorskip("openvino", reason="openvino is not installed")


@pytest.fixture
def reranker(model):
    """A loaded reranker on openvino, each pair a batch of its own."""
    reranker = CrossEncoder(
        model=model, backend="openvino", dtype="float32", batch_size=1, threads=2
    )
    reranker.warmup()
    return reranker


# Batches in flight ---------------------------------------------------------------


@pytest.mark.parametrize("n_documents", [1, 2, 3, 4, 40])
def test_each_row_gets_its_own_logits(reranker, query, documents, n_documents):
    """Fewer batches than requests, as many, and many more."""
    texts = (documents * 8)[:n_documents]

    values = reranker.score(query, texts).values

    alone = [reranker.score(query, [text]).values[0] for text in documents]
    assert values == pytest.approx((alone * 8)[:n_documents], abs=1e-6)


class Compiled:
    """A compiled model that keeps the requests that it has made."""

    def __init__(self, real):
        self.real = real
        self.requests = []

    def create_infer_request(self):
        self.requests.append(self.real.create_infer_request())
        return self.requests[-1]


def encoded(reranker, query, documents):
    """Return the runtime, pairs for it, and a batch for each."""
    engine = reranker._engine.loaded
    pairs = engine.tokenizer.encode([query], [documents])
    return engine.runtime, pairs, [np.array([i]) for i in range(len(documents))]


def test_several_batches_are_in_flight(reranker, query, documents, monkeypatch):
    """Every stream has a request, and one more stands by."""
    runtime, pairs, batches = encoded(reranker, query, documents)
    compiled = Compiled(runtime._compiled)
    monkeypatch.setattr(runtime, "_compiled", compiled)

    runtime.logits(pairs, batches)

    assert runtime.n_parallel == 2
    assert len(compiled.requests) == 3


def test_nothing_runs_on_after_an_error(reranker, query, documents, monkeypatch):
    """When the batches end in an error, those that were started are waited for."""
    runtime, pairs, batches = encoded(reranker, query, documents)
    compiled = Compiled(runtime._compiled)
    monkeypatch.setattr(runtime, "_compiled", compiled)

    def stopping():
        yield from batches[:3]
        raise BackendTimeoutError("late")

    with pytest.raises(BackendTimeoutError, match=r"^late$"):
        runtime.logits(pairs, stopping())
    assert [request.wait_for(0) for request in compiled.requests] == [True] * 3


def test_a_failed_batch_is_an_error(reranker, query, documents, monkeypatch):
    """What OpenVINO says of a batch is raised, once the others have ended."""
    runtime, pairs, batches = encoded(reranker, query, documents)
    inputs = type(pairs).inputs

    def wrong(self, rows, width):
        return {k: v[:, None] for k, v in inputs(self, rows, width).items()}

    monkeypatch.setattr(type(pairs), "inputs", wrong)

    with pytest.raises(RuntimeError, match="infer_request"):
        runtime.logits(pairs, batches)


def test_inputs_are_copied(reranker, query, documents, monkeypatch):
    """A batch's arrays may be freed or changed as soon as it has started."""
    runtime, pairs, batches = encoded(reranker, query, documents)
    expected = runtime.logits(pairs, batches)
    inputs, made = type(pairs).inputs, []

    def kept(self, rows, width):
        for arrays in made:
            for array in arrays.values():
                array[:] = 0
        made.append(inputs(self, rows, width))
        return made[-1]

    monkeypatch.setattr(type(pairs), "inputs", kept)

    assert runtime.logits(pairs, batches) == pytest.approx(expected, abs=1e-6)


# Dropping a compiled model -------------------------------------------------------


def run(code: str, *arguments: object) -> str:
    """Return what a process of its own prints; one that hangs is an error."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


DROPPING = """
import sys, threading
import numpy as np
from resift_cross_encoder import CrossEncoder
from resift_local import Deadline, unreported

model, n_drops, n_threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with unreported():
    import openvino
converted = []
convert = openvino.convert_model
openvino.convert_model = lambda *a, **k: converted.append(convert(*a, **k)) or (
    converted[-1]
)
reranker = CrossEncoder(model=model, backend="openvino", batch_size=1, threads=4)
engine = reranker._loaded(Deadline(600))
pairs = engine.tokenizer.encode(["what is"], [["paris is the capital", "berlin"] * 4])
batches = [np.array([row]) for row in range(len(pairs))]
settings = {"NUM_STREAMS": 4, "INFERENCE_NUM_THREADS": 4}
core = openvino.Core()


class Fresh(type(engine.runtime)):
    def __init__(self):  # compiles, and does not convert again: that takes longer
        self.n_parallel = 4
        self._n_labels = 1
        self._compiled = core.compile_model(converted[0], "CPU", settings)


def drop():
    for _ in range(n_drops):
        Fresh().logits(pairs, batches)  # and gone, with the model and its threads


threads = [threading.Thread(target=drop) for _ in range(n_threads)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
reranker.close()
print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize(("n_drops", "n_threads"), [(200, 1), (40, 4)])
def test_dropping_a_model_never_hangs(model, n_drops, n_threads):
    """A model let go right after its last batch takes its threads with it."""
    assert run(DROPPING, model, n_drops, n_threads) == "done\n"


LINGERING = """
import os, sys
from resift_cross_encoder import CrossEncoder
from resift_local import Deadline
reranker = CrossEncoder(model=sys.argv[1], backend="openvino", batch_size=1)
before = set(os.listdir("/proc/self/task"))
reranker._loaded(Deadline(600))
for thread in set(os.listdir("/proc/self/task")) - before:
    os.sched_setscheduler(int(thread), os.SCHED_IDLE, os.sched_param(0))
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
one = os.sched_getaffinity(0)
for thread in os.listdir("/proc/self/task"):
    os.sched_setaffinity(int(thread), one)
reranker.score("what is", ["paris is the capital", "berlin"] * 4)
reranker.close()
print("done")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="threads are slowed as Linux can")
def test_no_thread_of_openvino_waits_for_python(model):
    """One that did would hang `close`, which joins it while it holds the GIL.

    The threads of OpenVINO run here only when nothing else does, so that what they
    have left to do once the last batch is ready is still to be done by then.
    """
    assert run(LINGERING, model) == "done\n"


RELOADING = """
import sys
from resift_cross_encoder import CrossEncoder

for _ in range(int(sys.argv[2])):
    reranker = CrossEncoder(model=sys.argv[1], backend="openvino", batch_size=1)
    reranker.score("what is", ["paris is the capital", "berlin"] * 4)
    reranker.close()
print("done")
"""


@pytest.mark.slow
def test_loading_again_and_again(model):
    """The whole life of a reranker, a hundred times over."""
    assert run(RELOADING, model, 100) == "done\n"
