"""Checks of a reranker's life: threads, processes, failures, closing."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from resift.errors import BackendError, OptionsError
from resift.testing.cases import GRADED, OBVIOUS, Case
from resift.testing.checks.construction import not_built_here
from resift.testing.checks.scores import not_repeatable
from resift.testing.contract import broken, check, raised

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from resift.testing.subject import Subject

N_THREADS = 8


def no_failure(subject: Subject) -> str | None:
    """Tell that there is nothing behind it that could fail."""
    if reason := not_built_here(subject):
        return reason
    options = failing_options(subject)
    if not options:
        return "it has no backend that could fail, as far as its options tell"
    if subject.settings.failing_options is None:
        try:
            subject.build(**options)
        except OptionsError:
            return "give 'failing_options', with which its backend cannot work"
    return None


@check(
    "Eight threads may call one instance at once, and each gets its own scores.",
    usually="the query or the documents are kept on 'self' during a call. Keep them in "
    "local variables, and load weights under a lock.",
    of="scorer",
    after=("same_call_same_scores",),
    unless=(not_repeatable,),
    essential=True,
)
def threads_do_not_mix(subject: Subject) -> None:
    """Score eight queries one after another, then all at once."""
    words = GRADED.query.split()
    cases = [
        Case(" ".join(words[i:] + words[:1]), GRADED.documents[i % 3 :])
        for i in range(N_THREADS)
    ]
    wanted = [subject.scores(case) for case in cases]
    fresh = subject.build() if subject.builds else subject.reranker
    start = threading.Barrier(N_THREADS)

    def call(case: Case) -> NDArray[np.float64]:
        start.wait(timeout=30)
        return subject.scores(case, reranker=fresh)

    with ThreadPoolExecutor(N_THREADS) as pool:
        futures = [pool.submit(call, case) for case in cases]
    for case, future, scores in zip(cases, futures, wanted, strict=True):
        if error := future.exception():
            found = f"{N_THREADS} threads at once: {_said(error)}"
            broken(found, case, error)
        if (at := subject.differing(future.result(), scores)) is not None:
            found = (
                f"{N_THREADS} threads at once: document {at} scores "
                f"{future.result()[at]:.6g} instead of {scores[at]:.6g}"
            )
            broken(found, case)


@check(
    "A pickled reranker scores as before, or pickling says why it cannot be.",
    usually="'__getattr__' reads an attribute that unpickling has not set yet, or what "
    "'__init__' worked out is missing afterwards.",
    of="scorer",
    after=("same_call_same_scores",),
    unless=(not_repeatable,),
    essential=True,
)
def pickles_or_refuses(subject: Subject) -> None:
    """Send the reranker through pickle after its first score."""
    wanted = subject.scores(OBVIOUS)
    try:
        data = pickle.dumps(subject.reranker)
    except (pickle.PicklingError, TypeError, AttributeError, NotImplementedError):
        return  # it says so: an open file, a lock, a local function
    except Exception as error:  # noqa: BLE001  # whatever a reranker may raise
        broken(f"pickling: {raised(error)}", error)
    try:
        with pickle.loads(data) as copy:  # noqa: S301  # written two lines above
            got = subject.scores(OBVIOUS, reranker=copy)
    except Exception as error:  # noqa: BLE001  # whatever a reranker may raise
        broken(f"unpickled, {raised(error)}", OBVIOUS, error)
    if subject.differing(got, wanted) is not None:
        broken(f"unpickled, it scores {got.tolist()}", OBVIOUS)


@check(
    "'warmup' changes no score, and 'close' may come twice, or before any score.",
    usually="'close' closes a client that was never opened, or is gone already.",
    after=("declarations_are_known", "same_call_same_scores"),
    unless=(not_built_here,),
)
def warms_up_and_closes(subject: Subject) -> None:
    """Close one that was never used, and one that was, each twice."""
    unused = subject.build()
    unused.plugins.hook.close()
    unused.plugins.hook.close()
    if not subject.reachable:
        return
    used = subject.build().warmup()
    if used.can_score:
        scores = subject.scores(OBVIOUS, reranker=used)
        wanted = subject.scores(OBVIOUS)
        if (
            not not_repeatable(subject)
            and subject.differing(scores, wanted) is not None
        ):
            broken(f"warmed up, it scores {scores.tolist()}", OBVIOUS)
    used.plugins.hook.close()
    used.plugins.hook.close()


@check(
    "Where the model or the server behind it fails, it raises a BackendError.",
    usually="the failure is caught, and None, zeros or the order that came in is "
    "returned; or a KeyError of the answer's parser comes through.",
    of="scorer",
    after=("declarations_are_known",),
    unless=(no_failure,),
    offline=True,
    essential=True,
)
def failure_is_a_backend_error(subject: Subject) -> None:
    """Score with a backend that cannot work."""
    options = failing_options(subject)
    reranker = subject.build(**options)
    given = ", ".join(f"{name}={value!r}" for name, value in options.items())
    try:
        scores = subject.scores(GRADED, reranker=reranker)
    except BackendError:
        return
    except Exception as error:  # noqa: BLE001  # whatever a reranker may raise
        broken(raised(error), f"the options {given}", error)
    broken(f"it returned {scores.tolist()}", f"the options {given}")


def _said(error: BaseException) -> str:
    return raised(error) if isinstance(error, Exception) else repr(error)


def failing_options(subject: Subject) -> Mapping[str, object]:
    """Return options with which a backend fails: a dead port, a missing model."""
    if subject.settings.failing_options is not None:
        return subject.settings.failing_options
    known = subject.schema.options
    if "base_url" in known:  # the discard port: nothing listens there
        return {"base_url": "http://127.0.0.1:9"}
    if "model" in known:
        return {"model": "resift-contract/no-such-model"}
    return {}
