"""Checks of a reranker behind a server: what it makes of a server that fails."""

from __future__ import annotations

import pickle
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from resift.errors import BackendError, OptionsError, ResiftError
from resift.testing.canary import KEY, WORD, overheard, told
from resift.testing.cases import GRADED, OBVIOUS, Case
from resift.testing.checks.construction import not_built_here
from resift.testing.checks.running import failing_options
from resift.testing.checks.scores import not_repeatable
from resift.testing.contract import broken, check, raised
from resift.testing.proxy import Fault, Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resift.reranker import Reranker
    from resift.testing.subject import Subject

_LATE = 8.0
"""Seconds after which an answer to a call with a timeout of half a second is late."""
_MOST_REQUESTS = 20
_MOST_IN_TIME = 4
"""Requests to a server that says nothing: one that has used up the time is the last."""


def no_server(subject: Subject) -> str | None:
    """Tell that there is no server that could be made to fail."""
    if reason := not_built_here(subject) or not_repeatable(subject):
        return reason
    address = subject.options.get("base_url")
    if not isinstance(address, str) or not address.startswith("http"):
        return "it was given no 'base_url' before which a failing server could stand"
    return None


def _takes_no_timeout(subject: Subject) -> str | None:
    if reason := no_server(subject):
        return reason
    if not subject.implementation.names("score", "timeout"):
        return "its 'score' does not name 'timeout'"
    return None


def _no_secret(subject: Subject) -> str | None:
    if reason := not_built_here(subject):
        return reason
    if not any(option.is_secret for option in subject.schema.options.values()):
        return "it has no secret"
    return None


@check(
    "A server that fails after it has answered is an error, and none once it answers "
    "again.",
    usually="the last answer is kept and given again, a failure is taken for an empty "
    "answer, or the connection that broke is never opened anew.",
    of="scorer",
    after=("failure_is_a_backend_error", "same_call_same_scores"),
    unless=(no_server,),
)
def server_that_fails_is_an_error(subject: Subject) -> None:
    """Let a server answer, refuse, and answer again."""
    other = Case("when will it rain", GRADED.documents)
    with _behind(subject) as (reranker, proxy):
        wanted = subject.scores(GRADED, reranker=reranker)
        proxy.spoil("refuse")
        try:
            got = subject.scores(other, reranker=reranker)
        except BackendError:
            pass
        except Exception as error:  # noqa: BLE001  # whatever a reranker may raise
            broken(raised(error), "a server that answers with status 400", error)
        else:
            found = f"it returned {got.tolist()}"
            broken(found, "a server that answers, and then with status 400")
        proxy.spoil("none")
        again = subject.scores(GRADED, reranker=reranker)
        if subject.differing(again, wanted) is not None:
            broken(f"it now scores {again.tolist()}", "a server that answers again")


@check(
    "What a server leaves out or spoils is never made up: it raises, or the documents "
    "are not scored.",
    usually="'.get(index, 0.0)' fills what is missing, NaN or null is made 0, an index "
    "is not compared with the number of documents, or half an answer is taken for a "
    "whole one.",
    of="scorer",
    after=("failure_is_a_backend_error", "same_call_same_scores"),
    unless=(no_server,),
)
def spoilt_answers_are_refused(subject: Subject) -> None:
    """Spoil the answers of a server in every way."""
    faults: dict[Fault, str] = {
        "nan": "whose scores are NaN",
        "null": "whose scores are null",
        "half": "that breaks off in the middle of its JSON",
        "page": "that answers with a page of HTML",
        "empty": "that answers with {}",
        "cut": "that leaves out the last of its results",
        "beyond": "that numbers its results beyond the documents",
    }
    with _behind(subject) as (reranker, proxy):
        subject.scores(GRADED, reranker=reranker)
        for number, (fault, what) in enumerate(faults.items()):
            case = Case(f"{GRADED.query} {number}", GRADED.documents)
            proxy.spoil("none")
            wanted = subject.scores(case, reranker=reranker)
            proxy.spoil(fault)
            try:
                answer = subject.answer(case, reranker=reranker)
            except ResiftError:
                continue
            except Exception as error:  # noqa: BLE001  # whatever a reranker may raise
                broken(raised(error), f"a server {what}", error)
            got = answer.values
            if fault in ("nan", "null") and answer.notes:
                continue  # it does without, and says so
            changed = fault in ("nan", "null", "beyond")
            if changed and subject.differing(got, wanted) is None:
                continue  # it reads none of the numbers that were spoilt
            if fault in ("cut", "beyond") and not proxy.spoilt:
                continue  # there was no list, or no index in it
            if fault == "cut" and np.isnan(got).any():
                continue
            broken(f"it returned {got.tolist()}", f"a server {what}")


@check(
    "It gives up: a server that is out of order is asked a few times, not for ever.",
    usually="'while True' stands around the request. Count the tries.",
    of="scorer",
    after=("failure_is_a_backend_error", "same_call_same_scores"),
    unless=(no_server,),
)
def retries_come_to_an_end(subject: Subject) -> None:
    """Let a server answer 503, and count how often it is asked."""
    with _behind(subject) as (reranker, proxy):
        subject.scores(OBVIOUS, reranker=reranker)
        proxy.spoil("fail")
        try:
            got = subject.answer(OBVIOUS, reranker=reranker, timeout=3.0).values
        except BackendError:
            got = None
        if proxy.requests > _MOST_REQUESTS:
            broken(f"one call sent {proxy.requests} requests", "a server that says 503")
        if got is not None:
            broken(f"it returned {got.tolist()}", "a server that says 503")


@check(
    "With 'timeout', it comes back in time, whatever the server does.",
    usually="'timeout' is named, but not handed to the client, or to each of several "
    "tries in full.",
    of="scorer",
    after=("failure_is_a_backend_error", "same_call_same_scores"),
    unless=(_takes_no_timeout,),
)
def timeout_is_kept(subject: Subject) -> None:
    """Ask a server that says nothing, and wait half a second."""
    with _behind(subject) as (reranker, proxy):
        subject.scores(OBVIOUS, reranker=reranker)
        proxy.spoil("hang")
        start = time.monotonic()
        try:
            got = subject.answer(OBVIOUS, reranker=reranker, timeout=0.5).values
        except ResiftError:
            got = None
        seconds = time.monotonic() - start
        if seconds > _LATE:
            found = f"with timeout=0.5 it came back after {seconds:.0f} s"
            broken(found, "a server that says nothing")
        if proxy.requests > _MOST_IN_TIME:
            found = f"with timeout=0.5 it sent {proxy.requests} requests"
            broken(found, "a server that says nothing")
        if got is not None:
            broken(f"it returned {got.tolist()}", "a server that says nothing")


@check(
    "A key is never shown: in an error, a log, a repr, a pickle, or what is printed.",
    usually="an error quotes the request's headers, or the options are logged. Call "
    "'get_secret_value' in the line that sends it, and nowhere else.",
    of="scorer",
    after=("declarations_are_known",),
    unless=(_no_secret,),
    offline=True,
    essential=True,
)
def key_is_never_shown(subject: Subject) -> None:
    """Give it a key and a backend that fails, and listen."""
    secrets = [o.name for o in subject.schema.options.values() if o.is_secret]
    options = {**failing_options(subject), **dict.fromkeys(secrets, KEY)}
    try:
        reranker = subject.build(**options)
    except OptionsError as error:
        if KEY in told(error):
            broken("the error of its constructor shows it", "a key")
        return
    case = Case(
        f"{WORD} {OBVIOUS.query}", tuple(f"{WORD} {t}" for t in OBVIOUS.documents)
    )
    with overheard() as heard:
        try:
            subject.scores(case, reranker=reranker)
        except Exception as error:  # noqa: BLE001  # whatever a reranker may raise
            heard["the error"] = told(error)
    heard["its repr"] = repr(reranker) + repr(reranker.plugin)
    try:
        heard["its pickle"] = pickle.dumps(reranker).decode("latin-1")
    except Exception as error:  # noqa: BLE001  # refusing is right
        heard["the error of pickling it"] = told(error)
    for where, text in heard.items():
        if KEY in text:
            broken(f"{where} shows it", "a key, and a backend that fails")
        if WORD in text.replace(KEY, "").lower():
            found = f"{where} shows the text of the query or a document"
            broken(found, "a backend that fails")


@contextmanager
def _behind(subject: Subject) -> Iterator[tuple[Reranker, Proxy]]:
    """Build it anew, with a proxy before its server."""
    with Proxy(str(subject.options["base_url"])) as proxy:
        yield subject.build(base_url=proxy.url), proxy
