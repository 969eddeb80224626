from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import resift
import resift_http
from resift.errors import OptionsError
from resift.options import RESERVED, Schema
from resift_http import DIALECTS
from resift_remote import join

NAMES = sorted(
    entry.name
    for entry in entry_points(group="resift.rerankers")
    if entry.value.startswith("resift_http:")
)


def schema(name):
    """The options of an installed name, as `resift show` reads them."""
    (entry,) = (e for e in entry_points(group="resift.rerankers") if e.name == name)
    return Schema(entry.load(), name)


def test_every_dialect_has_a_name_and_every_name_a_dialect():
    """The table and the entry points agree; these three are the odd ones out."""
    assert {*NAMES} - {"http", "resift"} == {*DIALECTS} - {"nim"}


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_typed_and_described(name):
    """`resift show` has something to say of each option, the shared ones too."""
    options = schema(name).options
    shared = {"api_key", "base_url", "timeout", "max_retries", "max_documents"}

    assert shared | {"concurrency"} <= options.keys()
    assert not options.keys() & {*RESERVED}
    assert all(option.summary for option in options.values())
    assert options["api_key"].is_secret


@pytest.mark.parametrize("name", NAMES)
def test_options_are_keyword_only(name):
    """Nothing is given by position, and nothing vanishes in **kwargs."""
    parameters = inspect.signature(schema(name).cls).parameters.values()

    assert {parameter.kind for parameter in parameters} == {
        inspect.Parameter.KEYWORD_ONLY
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_the_class_is_the_name_it_is_registered_under(name):
    """Messages name the reranker as its user does."""
    assert schema(name).cls.name == name


def test_only_http_has_a_required_option():
    """Everything else has a default, `base_url` included."""
    required = {
        name: [o.name for o in schema(name).options.values() if o.required]
        for name in NAMES
    }

    assert {name: found for name, found in required.items() if found} == {
        "http": ["base_url"]
    }


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("timeout", 0, "option 'timeout' must be above 0 seconds, got 0.0."),
        ("timeout", "nan", "option 'timeout' must be above 0 seconds, got nan."),
        ("max_retries", -1, "option 'max_retries' must be at least 0, got -1."),
        ("max_documents", 0, "option 'max_documents' must be at least 1, got 0."),
        ("concurrency", 0, "option 'concurrency' must be at least 1, got 0."),
    ],
)
def test_options_out_of_range_are_refused(option, value, problem):
    """A wrong number is an `OptionsError` when it is given, not when it is used."""
    with pytest.raises(OptionsError) as caught:
        resift.load("jina", **{option: value})

    assert str(caught.value).endswith(problem)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://localhost",
        "http://",
        "http://user:sk-secret@localhost",
        "http://localhost?key=sk-secret",
        "http://localhost:port",
        "http://[::1",
        "",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(url):
    """It may hold a password."""
    with pytest.raises(OptionsError) as caught:
        resift.load("http", base_url=url)

    remedy = " Parameters belong in 'path'." if "?" in url else ""
    assert str(caught.value).endswith(
        "option 'base_url' must be an address such as 'http://localhost:8000', without "
        f"user, password or parameters.{remedy}"
    )
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "path", "whole"),
    [
        ("http://h", "/v1/rerank", "http://h/v1/rerank"),
        ("http://h/", "/v1/rerank", "http://h/v1/rerank"),
        ("http://h/v1", "/v1/rerank", "http://h/v1/rerank"),
        ("http://h/v1/rerank/", "/v1/rerank", "http://h/v1/rerank"),
        ("http://h/proxy/jina", "/v1/rerank", "http://h/proxy/jina/v1/rerank"),
        ("http://h/proxy/v1", "/v1/rerank", "http://h/proxy/v1/rerank"),
        ("http://h/rerank", "/v1/rerank", "http://h/rerank/v1/rerank"),
        ("http://h", "", "http://h"),
        ("http://h", "/a?version=1", "http://h/a?version=1"),
    ],
)
def test_a_base_url_may_hold_the_beginning_of_the_path(base_url, path, whole):
    """Host, host with /v1, or the whole address: all three are what people paste."""
    assert join(base_url, path) == whole


def test_importing_the_package_is_light():
    """The module that an entry point names imports no HTTP client, numpy or arrow."""
    code = (
        "import sys, resift_http\n"
        "print({'httpx', 'numpy', 'pyarrow', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run(  # this interpreter and the line above
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"


def test_all_is_sorted_and_complete():
    """What the package exports is what it lists."""
    classes = {
        name
        for name, value in vars(resift_http).items()
        if inspect.isclass(value) or name == "DIALECTS"
    }

    constants_first = sorted(resift_http.__all__, key=lambda n: (not n.isupper(), n))
    assert resift_http.__all__ == constants_first
    assert {*resift_http.__all__} == classes
