"""Checks of what a reranker remembers, and of what it changes around it."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import select
import signal
import sys
import threading
import time
import warnings
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import module_from_spec
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args, get_origin

import numpy as np

from resift.errors import BackendTimeoutError, BadRequestError, InputError
from resift.testing.cases import GRADED, OBVIOUS, Case, ramp
from resift.testing.checks.construction import not_built_here
from resift.testing.checks.scores import not_repeatable
from resift.testing.contract import broken, check, raised
from resift.testing.subject import Subject
from resift.testing.surroundings import (
    changes,
    random_states,
    seed,
    surroundings,
    undisturbed,
    unusual,
)
from resift.testing.watching import switched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

    from numpy.typing import NDArray

    from resift.options import Option
    from resift.reranker import Reranker

    _Scores: TypeAlias = NDArray[np.float64]

_T = TypeVar("_T")
_NO_FORK = frozenset({
    "jax", "mlx", "onnxruntime", "openvino", "tensorflow", "tokenizers", "torch",
})  # fmt: skip
"""Modules whose threads do not survive a fork."""
_ANSWER = 8.0
"""Seconds that a forked process may take."""


def cannot_fork(subject: Subject) -> str | None:
    """Tell that a forked process would show nothing about the reranker."""
    if reason := not_built_here(subject) or not_repeatable(subject):
        return reason
    if not hasattr(os, "fork") or sys.platform == "darwin":
        return "this system does not fork"
    if not subject.reachable or subject.declares("needs_network"):
        return "it needs the network"
    if used := sorted(_used(subject)):
        return f"it uses {used[0]}, which does not survive a fork"
    return None


def _used(subject: Subject) -> set[str]:
    """Return which of the modules that do not survive a fork its scoring calls.

    Others may have loaded them: what counts is who calls them.
    """
    if not _NO_FORK & set(sys.modules):
        return set()
    used: set[str] = set()

    def note(frame: FrameType, event: str, called: object) -> None:
        names = [frame.f_globals.get("__name__")]
        if event == "c_call":
            names += [
                getattr(called, "__module__", None),
                type(getattr(called, "__self__", None)).__module__,
            ]
        used.update(_NO_FORK & {str(name).partition(".")[0] for name in names})

    try:
        with _profiled(note):
            subject.scores(OBVIOUS)
            if not used:  # one may have threads that were there before
                subject.scores(OBVIOUS, reranker=subject.build())
    except Exception:  # noqa: BLE001  # other checks tell
        return used
    return used


@contextmanager
def _profiled(note: Callable[[FrameType, str, object], None]) -> Iterator[None]:
    """Let *note* hear of every call in this thread, and in those that it starts."""
    here, there = sys.getprofile(), threading.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(here)
        threading.setprofile(there)


def _no_unlike_options(subject: Subject) -> str | None:
    if reason := cannot_fork(subject):
        return reason
    if not any(_others(subject)):
        return "it has no option of which another value is known"
    return None


@check(
    "No call colours the next: each answer is as if it were the first.",
    usually="scores are kept under a key that says too little (the query, the first "
    "document, how many there are), or are stretched by what was seen before. A key "
    "needs the query and the whole text.",
    of="scorer",
    after=("scores_follow_documents",),
    unless=(not_built_here, not_repeatable),
    essential=True,
)
def calls_stand_alone(subject: Subject) -> None:
    """Ask for lists that share all but something: from first to last, and back.

    What comes in another order differs where calls colour each other; only then is it
    asked anew, for each list by itself.
    """
    first, *rest = texts = list(GRADED.documents)
    cases = [
        GRADED,
        Case(GRADED.query, (first, *rest[::-1])),
        Case(GRADED.query, (first, *(f"{text} Really." for text in rest))),
        Case(GRADED.query, (*(f"{text} Really." for text in texts[:-1]), texts[-1])),
        Case(GRADED.query, (first, *(t[::-1] for t in texts[1:-1]), texts[-1])),
        Case(GRADED.query, tuple(text[::-1] for text in texts)),
        Case("red paint dries slowly", GRADED.documents),
        Case("red fog", GRADED.documents),
        Case(GRADED.query.upper(), GRADED.documents[:1]),
        Case(OBVIOUS.query, OBVIOUS.documents * 3),
    ]
    onward, back = subject.build(), subject.build()  # few: it may load a model
    forth = [subject.scores(case, reranker=onward) for case in cases]
    turned = [subject.scores(case, reranker=back) for case in cases[::-1]][::-1]
    for case, *answers in zip(cases, forth, turned, strict=True):
        if subject.differing(*answers) is None:
            continue
        wanted = subject.scores(case, reranker=subject.build())
        for got in answers:
            if (at := subject.differing(got, wanted)) is not None:
                found = (
                    f"after other calls document {at} scores {got[at]:.6g}, asked "
                    f"first it scores {wanted[at]:.6g}"
                )
                broken(found, case)
    if subject.implementation.names("score", "instruction"):
        given = subject.candidates(GRADED.documents)
        with suppress(InputError, BadRequestError):  # it, or its server, takes none
            onward.score(OBVIOUS.query, GRADED.documents, given, instruction="in snow")
        got, wanted = subject.scores(GRADED, reranker=onward), forth[0]
        if (at := subject.differing(got, wanted)) is not None:
            found = f"after a call with an instruction document {at} scores"
            broken(f"{found} {got[at]:.6g} instead of {wanted[at]:.6g}", GRADED)


@check(
    "What a call returned is the caller's: the next call does not change it.",
    usually="scores are written into one array that is kept on 'self', which threads "
    "share, too. Make a new one in each call.",
    of="scorer",
    after=("same_call_same_scores",),
    unless=(not_repeatable,),
)
def answers_are_not_reused(subject: Subject) -> None:
    """Keep what the hook returned, ask again, and look at it."""
    texts = list(GRADED.documents)
    hook = subject.reranker.plugins.hook

    def ask(documents: list[str]) -> Any:  # noqa: ANN401  # whatever a plugin returns
        case = Case(GRADED.query, tuple(documents))
        subject.pulse.beat(case)
        return hook.score(
            query=case.query,
            documents=documents,
            candidates=subject.candidates(documents),
            top_k=None,
            timeout=None,
        )

    kept = ask(texts)
    values = getattr(kept, "values", kept)
    if isinstance(kept, dict):
        before: object = dict(kept)
        ask(texts[::-1])
        same = kept == before
    else:
        was = np.array(values, dtype=np.float64)
        ask(texts[::-1])
        same = np.array_equal(np.array(values, dtype=np.float64), was, equal_nan=True)
    if not same:
        broken("the scores of the first call are now others", GRADED)


@check(
    "After a failure it works as before.",
    usually="a lock is taken by 'acquire' and not given back when something raises "
    "(use 'with'), a flag or a half-filled buffer says 'broken' for good, or a "
    "connection that broke is kept.",
    of="scorer",
    after=("same_call_same_scores",),
    unless=(not_built_here, not_repeatable),
    essential=True,
)
def failure_is_followed_by_success(subject: Subject) -> None:
    """Hand it a text that cannot be read, then ask again, from another thread, too."""
    reranker = subject.build()
    wanted = subject.scores(GRADED, reranker=reranker)
    case = Case(GRADED.query, (*GRADED.documents[:3], "a text that cannot be read"))
    for query, texts in (
        (case.query, [*case.documents[:3], _Unreadable(case.documents[3])]),
        (_Unreadable(case.query), list(case.documents)),
        (case.query, _Torn(case.documents)),
    ):
        candidates = subject.candidates(case.documents)
        subject.pulse.beat(case)
        with suppress(Exception):  # as it should be
            reranker.plugins.hook.score(
                query=query,
                documents=texts,
                candidates=candidates,
                top_k=None,
                timeout=None,
            )
        for where, ask in (("", _here), (" from another thread", _elsewhere)):
            try:
                got = ask(lambda: subject.scores(GRADED, reranker=reranker))
            except Exception as error:  # noqa: BLE001  # whatever a reranker raises
                broken(f"after a failure, asked again{where}, {raised(error)}", GRADED)
            if (at := subject.differing(got, wanted)) is not None:
                found = f"after a failure document {at} scores {got[at]:.6g} instead of"
                broken(f"{found} {wanted[at]:.6g}", GRADED)


@check(
    "Two instances share nothing that their options change.",
    usually="options, a model or a cache stand in the class or the module, and what "
    "the first instance, or the last, was given counts for all. Keep them on 'self'.",
    of="scorer",
    after=("same_call_same_scores",),
    unless=(_no_unlike_options,),
)
def instances_are_apart(subject: Subject) -> None:
    """Score new texts with one instance, then with another of unlike options."""
    wanted = subject.scores(GRADED)
    others, cases = [], []
    for options in islice(_others(subject), 6):
        with suppress(Exception):  # these options do not fit
            others.append((options, subject.build(**options)))
            cases.append(ramp(4 + len(others)))

    def alone() -> list[_Scores | None]:
        found: list[_Scores | None] = [None] * len(cases)
        for i, ((options, other), case) in enumerate(zip(others, cases, strict=True)):
            with suppress(Exception):  # nor do these
                found[i] = subject.scores(case, reranker=other)
            with suppress(Exception):  # it has no module that can be imported again
                usual = _anew(subject).scores(GRADED)
                if subject.differing(usual, wanted) is None:
                    fresh = _anew(subject)
                    found[i] = fresh.scores(case, reranker=fresh.build(**options))
        return found

    truths = _forked(alone)
    if not isinstance(truths, list):
        return
    for (options, other), case, truth in zip(others, cases, truths, strict=True):
        if truth is None:
            continue
        subject.scores(case)
        got = subject.scores(case, reranker=other)
        if (at := subject.differing(got, truth)) is not None:
            given = ", ".join(f"{name}={value!r}" for name, value in options.items())
            found = (
                f"with {given}, after another instance, document {at} scores "
                f"{got[at]:.6g} instead of {truth[at]:.6g}"
            )
            broken(found, case)


@check(
    "It can be called where an event loop runs.",
    usually="'asyncio.run' stands inside 'score': hooks are synchronous, and may be "
    "called by async code. Use a synchronous client, or a loop in a thread of its own.",
    of="scorer",
    after=("one_score_per_document",),
)
def event_loop_is_no_obstacle(subject: Subject) -> None:
    """Score inside a coroutine."""

    async def inside() -> NDArray[np.float64]:
        return subject.scores(OBVIOUS)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a coroutine that was never awaited
        found = ""
        try:
            asyncio.run(inside())
        except Exception as error:  # noqa: BLE001  # whatever a reranker may raise
            found = f"inside a running event loop {raised(error)}"
            error.__traceback__ = None  # it holds the coroutine
            gc.collect()
    if found:
        broken(found, OBVIOUS)


@check(
    "The process is left as it was: random state, logging, warnings, signals, "
    "environment, working directory, locale, timeouts of sockets.",
    usually="'random.seed', 'logging.disable', 'warnings.simplefilter', 'os.chdir' or "
    "'os.environ[...] = ' is called for the model's sake. Use a generator, a logger, "
    "a 'with' block of your own.",
    of="scorer",
    after=("one_score_per_document",),
    essential=True,
)
def process_is_left_as_it_was(subject: Subject) -> None:
    """Build one, warm up, score and close, and compare before and after.

    Earlier calls may have left behind what this one would: so the process is first made
    what nobody sets. Random numbers may be drawn, but not seeded: two seeds must not
    end in one state.
    """
    subject.scores(OBVIOUS)  # what is imported on the way is not counted

    def live() -> None:
        reranker = subject.build() if subject.builds else subject.reranker
        reranker.plugins.hook.warmup()
        for case in (OBVIOUS, GRADED):
            subject.scores(case, reranker=reranker)
        if subject.builds:
            reranker.close()

    def elsewhere() -> list[str]:  # in the main thread, where signals are handled
        with undisturbed():
            unusual()
            before = surroundings()
            live()
            return changes(before, surroundings())

    changed = []
    if not cannot_fork(subject) and isinstance(found := _forked(elsewhere), list):
        changed += found
    with undisturbed(), switched() as switches:
        unusual()
        before = surroundings()
        del switches[:]
        seed(20_000_303)
        live()
        first = random_states()
        seed(19_990_101)
        live()
        second = random_states()
        changed += changes(before, surroundings())
        changed += _said_again(switches, subject.environ)
    changed += [name for name in first if first[name] == second[name]]
    if changed:
        broken(f"it changed {', '.join(dict.fromkeys(changed))}", OBVIOUS)


@check(
    "It pickles before its first score as well as after, or says why not, and scores "
    "the same on the other side.",
    usually="'__getstate__' drops what is loaded lazily and '__setstate__' does not "
    "say that it is missing, or an attribute only exists after the first score.",
    of="scorer",
    after=("pickles_or_refuses",),
    unless=(not_built_here, not_repeatable),
)
def pickles_before_the_first_score(subject: Subject) -> None:
    """Pickle one that was never used."""
    wanted = subject.scores(GRADED)
    try:
        data = pickle.dumps(subject.build())
    except Exception as error:  # noqa: BLE001  # whatever a reranker may raise
        if _pickles(subject.reranker):
            found = f"pickling it before its first score, {raised(error)}"
            broken(f"{found}; afterwards it works", cause=error)
        return
    try:
        with pickle.loads(data) as copy:  # noqa: S301  # written three lines above
            got = subject.scores(GRADED, reranker=copy)
    except Exception as error:  # noqa: BLE001  # whatever a reranker may raise
        broken(f"unpickled, {raised(error)}", GRADED, error)
    if subject.differing(got, wanted) is not None:
        broken(f"unpickled, it scores {got.tolist()}", GRADED)


@check(
    "In a forked process a new instance scores as before.",
    usually="a pool or a lock stands in the class or the module: a fork takes the "
    "lock along, but not the threads. Make it per instance, or anew where "
    "'os.getpid()' changed.",
    of="scorer",
    after=("same_call_same_scores",),
    unless=(cannot_fork,),
)
def forked_process_scores(subject: Subject) -> None:
    """Score, fork, and build another one there."""
    wanted = subject.scores(GRADED)

    def score(reranker: Reranker | None = None) -> NDArray[np.float64]:
        return subject.scores(GRADED, reranker=reranker or subject.build())

    used = subject.build()
    subject.scores(GRADED, reranker=used)
    asks: dict[str, Callable[[], NDArray[np.float64]]] = {"a new instance": score}
    if subject.settings.slow:
        asks["the instance"] = partial(score, used)
    for where, ask in asks.items():
        got = _forked(ask)
        if got is None:
            broken(f"in a forked process {where} hangs: {_ANSWER:.0f} s", GRADED)
        if isinstance(got, str):
            broken(f"in a forked process, of {where}: {got}", GRADED)
        if subject.differing(got, wanted) is not None:
            broken(f"in a forked process {where} scores {got.tolist()}", GRADED)


class _Unreadable(str):
    """A text that raises as soon as it is looked into."""

    __slots__ = ()

    def _refuse(self, *args: object, **kwargs: object) -> Any:  # noqa: ANN401  # never
        del args, kwargs
        msg = "this text cannot be read."
        raise BackendTimeoutError(msg, who="resift.testing")

    __contains__ = __iter__ = __getitem__ = __len__ = __format__ = _refuse
    __add__ = __mod__ = __mul__ = __eq__ = __lt__ = __gt__ = _refuse
    __hash__ = _refuse
    lower = upper = casefold = split = splitlines = strip = encode = _refuse
    count = find = replace = startswith = endswith = translate = _refuse
    __str__ = _refuse


class _Torn(list[str]):
    """A list that breaks off after its second item."""

    def __iter__(self) -> Iterator[str]:
        yield from list.__getitem__(self, slice(0, 2))
        msg = "the documents cannot be read."
        raise BackendTimeoutError(msg, who="resift.testing")


def _pickles(reranker: Reranker) -> bool:
    try:
        pickle.dumps(reranker)
    except Exception:  # noqa: BLE001  # whatever a reranker may raise
        return False
    return True


def _here(call: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
    return call()


def _elsewhere(call: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Call in another thread, which a lock that knows its owner tells apart."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(call())
        except Exception as error:  # noqa: BLE001  # raised by the caller
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    if isinstance(found[0], Exception):
        raise found[0]
    scores: NDArray[np.float64] = found[0]
    return scores


def _forked(call: Callable[[], _T]) -> _T | str | None:
    """Return what *call* gives or raises in a forked process; None if it hangs."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that other threads are not forked
        child = os.fork()
    if not child:
        try:
            try:
                answer = pickle.dumps(call())
            except Exception as error:  # noqa: BLE001  # told to the parent
                answer = pickle.dumps(raised(error))
            os.write(writing, answer)
        finally:
            os._exit(0)
    os.close(writing)
    data = b""
    end = time.monotonic() + _ANSWER
    try:
        while left := max(end - time.monotonic(), 0.0):
            if not select.select([reading], [], [], left)[0]:
                break
            if not (part := os.read(reading, 1 << 16)):
                break
            data += part
    finally:
        os.close(reading)
        if not data:
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if not data:
        return None
    found: _T | str = pickle.loads(data)  # noqa: S301  # written above
    return found


_VALUES: tuple[Callable[[Any], Any], ...] = (
    lambda value: -value,
    lambda value: value * 2 + 1,
    lambda value: value / 2,
)


def _said_again(
    switches: Sequence[tuple[str, str, str]], environ: Mapping[str, str]
) -> list[str]:
    """Return what was set to what it was, where only an earlier call made it so."""
    found = []
    for name in {what for event, what, _ in switches if event == "os.putenv"}:
        values = {v for event, what, v in switches if what == name}
        if values == {os.environ.get(name)} and values != {environ.get(name)}:
            found.append("os.environ")
    moves = [what for event, what, _ in switches if event == "os.chdir"]
    if moves and Path(moves[0]).resolve() == Path.cwd():
        found.append("the working directory (os.chdir)")
    return found


def _anew(subject: Subject) -> Subject:
    """Import the module of its class once more, without its memory: in a fork."""
    spec = sys.modules[subject.cls.__module__].__spec__
    if spec is None or spec.loader is None:
        raise ImportError(subject.cls.__module__)
    module = module_from_spec(spec)
    sys.modules[subject.cls.__module__] = module
    spec.loader.exec_module(module)
    cls = attrgetter(subject.cls.__qualname__)(module)
    return Subject(cls, subject.options, subject.settings)


def _others(subject: Subject) -> Iterator[Mapping[str, object]]:
    """Yield options, one of which has another value than usual."""
    for option in subject.schema.options.values():
        if option.nests or option.is_secret or option.name in ("timeout", "retries"):
            continue
        value = subject.options.get(option.name, option.default)
        for other in _unlike(option, value):
            if _fits(option, other):
                yield {option.name: other}


def _unlike(option: Option, value: object) -> list[object]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        others = (change(value) for change in _VALUES)
        return [type(value)(other) for other in others if other != value]
    if get_origin(option.annotation) is Literal:
        return [other for other in get_args(option.annotation) if other != value]
    return []


def _fits(option: Option, value: object) -> bool:
    try:
        option.validate(value)
    except ValueError:
        return False
    return True
