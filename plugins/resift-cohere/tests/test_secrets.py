from __future__ import annotations

import logging
import pickle
import traceback

import pytest

import resift
from resift.errors import AuthenticationError, BackendError
from resift_cohere import Cohere

DOCUMENT = "The patient was admitted on Tuesday with a fever of unknown origin."


def told(error):
    """All that a chain of errors tells, tracebacks and attributes included."""
    seen = []
    while error is not None:
        seen += [*traceback.format_exception(error), repr(error), str(error.args)]
        seen += [repr(getattr(error, "__notes__", ""))]
        error = error.__cause__ or error.__context__
    return "\n".join(seen)


@pytest.mark.parametrize(
    "how", [400, 401, 403, 422, 429, 500, "drop", "nan", "not-json"]
)
def test_neither_key_nor_text_is_ever_told(server, load, key, caplog, how):
    """Errors, their chains and the logs hold neither, whatever the server echoes."""
    caplog.set_level(logging.DEBUG)
    if isinstance(how, int):
        echo = f"Key {key} may not rerank {DOCUMENT!r}"
        server.fail(how, message=echo, retry_after=0, times=3)
    elif how == "drop":
        server.drop(times=3)
    else:
        server.corrupt(how)
    reranker = load(timeout=5)

    with pytest.raises(BackendError) as caught:
        reranker.score("why was the patient admitted", [DOCUMENT])
    text = (
        told(caught.value) + caplog.text + repr(reranker) + repr(vars(reranker.plugin))
    )
    assert key not in text
    assert "fever of unknown" not in text
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_option_beats_the_environment(server, load, query, documents, monkeypatch):
    """LanceDB has it the other way round: a stray variable replaces the key given."""
    monkeypatch.setenv("CO_API_KEY", "sk-stray")
    monkeypatch.setenv("COHERE_API_KEY", "sk-stray")
    load().score(query, documents)

    assert server.requests[0].status == 200


@pytest.mark.parametrize("variable", ["CO_API_KEY", "COHERE_API_KEY"])
def test_the_key_is_read_from_the_environment(server, load, key, monkeypatch, variable):
    """Both of the usual variables will do, and a final newline does no harm."""
    monkeypatch.setenv(variable, key + "\n")
    load(api_key=None).score("q", ["Paris"])

    assert server.requests[0].headers["authorization"] == f"Bearer {key}"


def test_no_key_says_where_to_put_one(server, load, query, documents):
    """Without a key the server is not even asked; `warmup` tells it early."""
    message = (
        "cohere: there is no key. Give 'api_key', or set CO_API_KEY or COHERE_API_KEY."
    )
    with pytest.raises(AuthenticationError) as caught:
        load(api_key=None).score(query, documents)
    with pytest.raises(AuthenticationError) as warmed:
        load(api_key=None).warmup()

    assert str(caught.value) == str(warmed.value) == message
    assert server.requests == []


@pytest.mark.parametrize("wrong", ["sk-geheim\nX-Evil: 1", "sk-schlüssel", "sk-\x00"])
def test_a_key_that_no_header_can_hold_is_not_told(load, query, documents, wrong):
    """The HTTP library's own error would repeat it."""
    with pytest.raises(AuthenticationError) as caught:
        load(api_key=wrong).score(query, documents)

    assert str(caught.value) == (
        "cohere: the key holds a character that no HTTP header can hold. Copy it again."
    )


def test_pickles_hold_no_key(server, load, query, documents, key, monkeypatch):
    """A key of the environment is read again over there; one given is refused."""
    monkeypatch.setenv("CO_API_KEY", key)
    reranker = resift.load("cohere", base_url=server.url)
    reranker.score(query, documents)
    pickled = pickle.dumps(reranker)
    reranker.close()
    with pickle.loads(pickled) as copy:
        copy.score(query, documents)

    assert key.encode() not in pickled
    assert [request.status for request in server.requests] == [200, 200]
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(load())


def test_the_bare_instance_pickles_the_same_way(server, key, monkeypatch):
    """The client stays behind; a key given as an option is refused."""
    monkeypatch.setenv("CO_API_KEY", key)
    plugin = Cohere(base_url=server.url, model="m")
    plugin.score("q", ["Paris"])
    copy = pickle.loads(pickle.dumps(plugin))
    plugin.close()

    assert (copy.base_url, copy.model) == (server.url, "m")
    assert copy.score("q", ["Paris"]).values.tolist() == [0.0]
    copy.close()
    with pytest.raises(TypeError) as caught:
        pickle.dumps(Cohere(api_key=key))
    assert str(caught.value) == (
        "cohere: a key given as an option is not pickled. Set CO_API_KEY or "
        "COHERE_API_KEY in the environment instead."
    )
