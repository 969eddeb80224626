from __future__ import annotations

import logging
import pickle
import traceback

import pytest

import resift
from resift.errors import AuthenticationError, BackendError

DOCUMENT = 'The patient "was admitted" with a fever <b>of unknown</b> origin.'


def told(error):
    """All that a chain of errors tells, tracebacks and attributes included."""
    seen = []
    while error is not None:
        seen += [*traceback.format_exception(error), repr(error), str(error.args)]
        seen += [repr(getattr(error, "__notes__", ""))]
        error = error.__cause__ or error.__context__
    return "\n".join(seen)


@pytest.mark.parametrize(
    "how", [400, 401, 403, 422, 429, 500, "drop", "prompt", "answer", "html"]
)
def test_neither_key_nor_text_is_ever_told(serve, load, key, caplog, how):
    """Errors, their chains and the logs hold neither, whatever the server echoes."""
    caplog.set_level(logging.DEBUG)
    server = serve(lambda data, body: DOCUMENT)
    echo = f"Key {key} may not rerank {DOCUMENT!r}"
    if isinstance(how, int):
        server.fail(how, message=echo, retry_after=0, times=3)
    elif how == "drop":
        server.drop(times=3)
    elif how == "html":
        server.fail(200, body=echo.encode())
    elif how == "prompt":
        from resift_llm.prompts import as_data

        server.fail(400, message=as_data({"text": DOCUMENT}))
    reranker = load(server, api_key=key, timeout=5)

    with pytest.raises(BackendError) as caught:
        reranker.score("why was the patient admitted", [DOCUMENT, "another"])
    text = (
        told(caught.value) + caplog.text + repr(reranker) + repr(vars(reranker.plugin))
    )
    assert key not in text
    assert "fever" not in text
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_option_beats_the_environment(
    serve, load, query, documents, key, monkeypatch
):
    """LanceDB has it the other way round: a stray variable replaces the key given."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-stray")
    server = serve(api_key=key)
    load(server, api_key=key).score(query, documents)

    assert server.requests[0].status == 200


def test_the_key_is_read_from_the_environment(
    serve, load, query, documents, key, monkeypatch
):
    """The usual variable will do, and a final newline does no harm."""
    monkeypatch.setenv("OPENAI_API_KEY", key + "\n")
    server = serve(api_key=key)
    load(server).score(query, documents)

    assert server.requests[0].status == 200


def test_openai_needs_a_key():
    """Without one it is not even asked; `warmup` tells it early."""
    message = "llm: there is no key. Give 'api_key', or set OPENAI_API_KEY."
    with resift.load("llm") as reranker:
        with pytest.raises(AuthenticationError) as caught:
            reranker.score("q", ["Paris", "Lyon"])
        with pytest.raises(AuthenticationError) as warmed:
            reranker.warmup()

    assert str(caught.value) == str(warmed.value) == message


def test_pickles_hold_no_key(serve, load, query, documents, key, monkeypatch):
    """A key of the environment is read again over there; one given is refused."""
    monkeypatch.setenv("OPENAI_API_KEY", key)
    server = serve(api_key=key)
    reranker = load(server)
    reranker.score(query, documents)
    pickled = pickle.dumps(reranker)
    with pickle.loads(pickled) as copy:
        copy.score(query, documents)

    assert key.encode() not in pickled
    assert [request.status for request in server.requests] == [200, 200]
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(load(server, api_key=key))
