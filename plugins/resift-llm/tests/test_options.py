from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import resift
from resift.errors import OptionsError
from resift.options import Schema
from resift_llm import Llm

SCHEMA = Schema(Llm, "llm")


def test_options_are_named_and_described():
    """Each is keyword-only, typed, and described for `resift show llm`."""
    parameters = inspect.signature(Llm).parameters.values()

    assert {p.kind for p in parameters} == {inspect.Parameter.KEYWORD_ONLY}
    assert [name for name, option in SCHEMA.options.items() if not option.summary] == []
    assert SCHEMA.options["api_key"].is_secret
    assert "max_documents" not in SCHEMA.options


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"size": 1}, "option 'size' must be at least 2, got 1."),
        (
            {"step": 20},
            "option 'step' must be from 1 to 19, below 'size', got 20. Windows that do "
            "not overlap carry nothing to the head of the list.",
        ),
        (
            {"size": 5, "step": 0},
            "option 'step' must be from 1 to 4, below 'size', got 0. Windows that do "
            "not overlap carry nothing to the head of the list.",
        ),
        ({"max_characters": 0}, "option 'max_characters' must be at least 1, got 0."),
        ({"max_tokens": 0}, "option 'max_tokens' must be at least 1, got 0."),
        ({"temperature": -1}, "option 'temperature' must be at least 0, got -1.0."),
        ({"temperature": "nan"}, "option 'temperature' must be at least 0, got nan."),
        ({"concurrency": 0}, "option 'concurrency' must be at least 1, got 0."),
        ({"timeout": 0}, "option 'timeout' must be above 0 seconds, got 0.0."),
        (
            {"constants": {"stream": True}},
            "option 'constants' must not hold 'stream': the reranker sets it.",
        ),
        (
            {"constants": {"messages": []}},
            "option 'constants' must not hold 'messages': the reranker sets it.",
        ),
        (
            {"constants": {"top_p": float("nan")}},
            "option 'constants' must hold JSON: texts, finite numbers, lists, tables.",
        ),
        (
            {"constants": {"user": {1, 2}}},
            "option 'constants' must hold JSON: texts, finite numbers, lists, tables.",
        ),
        ({"headers": {"X Y": "1"}}, "option 'headers': 'X Y' is no name of a header."),
        (
            {"headers": {"X-Team": "a\nb"}},
            "option 'headers': the value of 'X-Team' holds a character that no HTTP "
            "header can hold.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(options, problem):
    """Loading fails, and says which option must be what."""
    with pytest.raises(OptionsError) as caught:
        resift.load("llm", **options)

    assert str(caught.value).endswith(problem)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:pass@example.org/v1",
        "https://example.org/v1?key=pass",
        "https://example.org/v1#pass",
        "http://localhost:99999/v1",
        "http://[pass/v1",
        "localhost:8000",
        "",
    ],
)
def test_an_address_is_one_and_holds_no_secret(url):
    """What is none is not repeated: it may hold a password."""
    with pytest.raises(OptionsError) as caught:
        resift.load("llm", base_url=url)

    assert str(caught.value).endswith(
        "option 'base_url' must be an address such as 'http://localhost:8000/v1', "
        "without user, password or parameters other than 'api-version'."
    )
    assert "pass/" not in str(caught.value)


@pytest.mark.parametrize("option", ["method", "scale"])
def test_a_choice_lists_what_there_is(option):
    """A misspelt method is an error before anything is asked."""
    with pytest.raises(OptionsError, match=option):
        resift.load("llm", **{option: "pairwise"})


@pytest.mark.parametrize("tail", ["", "/", "/chat/completions", "/chat/completions/"])
def test_the_address_may_hold_its_path(server, load, query, documents, tail):
    """People paste either; both work."""
    load(server, base_url=server.base_url + tail).score(query, documents)

    assert server.requests[0].path == "/v1/chat/completions"


def test_importing_it_imports_no_http_client():
    """`resift show` and building a reranker stay quick."""
    code = "import sys, resift_llm; resift_llm.Llm(); print('httpx' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"


def test_ask_is_one_whole_call(server, query, documents):
    """The hook of the base class gives all scores by index, and what they cost."""
    from resift_remote import Answer, Deadline

    reranker = Llm(base_url=server.base_url)
    found = reranker.ask(query, documents, None, Deadline(10))
    reranker.close()

    cost = {"calls": 1, "input_tokens": 128, "output_tokens": 7}
    assert found == Answer({0: 2.0, 1: 1.0, 2: 3.0}, cost)
