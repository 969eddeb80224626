from __future__ import annotations

import logging
import pickle
import traceback

import pytest

import resift
import resift_http
from resift.errors import AuthenticationError, BackendError
from resift_remote import plain_address

DOCUMENT = "The patient was admitted on Tuesday with a fever of unknown origin."


def told(error):
    """All that a chain of errors tells, tracebacks and attributes included."""
    seen = []
    while error is not None:
        seen += [*traceback.format_exception(error), repr(error), str(error.args)]
        seen += [repr(getattr(error, "__notes__", ""))]
        error = error.__cause__ or error.__context__
    return "\n".join(seen)


def misbehave(server, key, how):
    """Make the server fail in a way that repeats what it was sent."""
    echo = f"Key {key} may not rerank {DOCUMENT!r}"
    if isinstance(how, int):
        server.fail(how, message=echo, retry_after=0, times=3)
    elif how == "drop":
        server.drop(times=3)
    else:
        server.corrupt(how)


@pytest.mark.parametrize("name", ["jina", "pinecone", "vllm"])
@pytest.mark.parametrize(
    "how", [400, 401, 403, 422, 429, 500, "drop", "nan", "not-json"]
)
def test_neither_key_nor_text_is_ever_told(serve, key, caplog, name, how):
    """Errors, their chains and the logs hold neither, whatever the server echoes."""
    caplog.set_level(logging.DEBUG)
    server = serve(name)
    misbehave(server, key, how)
    with (
        resift.load(name, base_url=server.url, api_key=key, timeout=5) as reranker,
        pytest.raises(BackendError) as caught,
    ):
        reranker.score("why was the patient admitted", [DOCUMENT])

    text = told(caught.value) + caplog.text + repr(reranker) + repr(reranker.plugin)
    assert key not in text
    assert "fever of unknown" not in text
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_access_token_is_never_told(serve, key):
    """What watsonx gives for the key is as secret as the key."""
    server = serve("watsonx")
    server.fail(403, message="token-1 may not rerank")
    with (
        resift.load(
            "watsonx",
            base_url=server.url,
            iam_url=server.url,
            api_key=key,
            project_id="p",
        ) as reranker,
        pytest.raises(AuthenticationError) as caught,
    ):
        reranker.score("patient", [DOCUMENT])

    assert str(caught.value) == (
        f"watsonx at {server.url}/ml/v1/text/rerank: the server refuses the key (HTTP "
        "403: [key] may not rerank). Check 'api_key', WATSONX_API_KEY or "
        "WATSONX_APIKEY."
    )


def test_the_option_beats_the_environment(serve, query, documents, key, monkeypatch):
    """A key that is given is the one that is sent."""
    monkeypatch.setenv("JINA_API_KEY", "sk-from-the-environment")
    server = serve("jina")
    with resift.load("jina", base_url=server.url, api_key=key) as reranker:
        reranker.score(query, documents)

    assert server.requests[0].headers["authorization"] == f"Bearer {key}"


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        (name, variable)
        for name, dialect in resift_http.DIALECTS.items()
        for variable in dialect.key_variables
        if name != "watsonx"
    ],
)
def test_the_key_is_read_from_the_environment(serve, key, monkeypatch, name, variable):
    """Each vendor's usual variable will do, and a final newline does no harm."""
    monkeypatch.setenv(variable, key + "\n")
    server = serve(name)
    with resift.load(name, base_url=server.url) as reranker:
        reranker.score("capital of France", ["Paris"])

    assert server.requests[-1].status == 200


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("jina", "JINA_API_KEY"),
        ("voyage", "VOYAGE_API_KEY"),
        ("mixedbread", "MXBAI_API_KEY"),
        ("pinecone", "PINECONE_API_KEY"),
        ("together", "TOGETHER_API_KEY"),
        ("nvidia", "NVIDIA_API_KEY"),
        ("isaacus", "ISAACUS_API_KEY"),
        ("zeroentropy", "ZEROENTROPY_API_KEY"),
        ("deepinfra", "DEEPINFRA_API_KEY or DEEPINFRA_TOKEN"),
        ("contextual", "CONTEXTUAL_API_KEY"),
        ("dashscope", "DASHSCOPE_API_KEY"),
        ("watsonx", "WATSONX_API_KEY or WATSONX_APIKEY"),
    ],
)
def test_no_key_says_where_to_put_one(query, documents, name, variables):
    """Without a key a vendor is not even asked."""
    options = {"project_id": "p"} if name == "watsonx" else {}
    with resift.load(name, **options) as reranker:
        with pytest.raises(AuthenticationError) as caught:
            reranker.score(query, documents)
        with pytest.raises(AuthenticationError) as warmed:
            reranker.warmup()

    assert str(caught.value) == (
        f"{name}: there is no key. Give 'api_key', or set {variables}."
    )
    assert str(warmed.value) == str(caught.value)


def test_a_server_of_your_own_needs_no_key(serve, query, documents):
    """TEI, infinity and vLLM are asked without an Authorization header."""
    server = serve("tei", api_key=None)
    with resift.load("tei", base_url=server.url) as reranker:
        reranker.score(query, documents)

    assert all("authorization" not in request.headers for request in server.requests)


@pytest.mark.parametrize("wrong", ["sk-geheim\nX-Evil: 1", "sk-schlüssel", "sk-\x00"])
def test_a_key_that_no_header_can_hold_is_not_told(query, documents, wrong):
    """The HTTP library's own error would repeat it."""
    with (
        resift.load("jina", api_key=wrong) as reranker,
        pytest.raises(AuthenticationError) as caught,
    ):
        reranker.score(query, documents)

    assert str(caught.value) == (
        "jina: the key holds a character that no HTTP header can hold. Copy it again."
    )
    assert caught.value.__context__ is None


def test_pickles_hold_no_key(serve, query, documents, scores, key, monkeypatch):
    """A key of the environment is read again over there; one given is refused."""
    monkeypatch.setenv("JINA_API_KEY", key)
    server = serve("jina")
    with resift.load("jina", base_url=server.url) as reranker:
        reranker.score(query, documents)
        pickled = pickle.dumps(reranker)
    with pickle.loads(pickled) as copy:
        got = copy.score(query, documents)
    given = resift.load("jina", base_url=server.url, api_key=key)

    assert key.encode() not in pickled
    assert list(got.values) == pytest.approx(scores)
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(given)


def test_the_bare_instance_pickles_the_same_way(serve, query, documents, key):
    """Client and locks stay behind; a key given as an option is refused."""
    server = serve("vllm", api_key=None)
    reranker = resift_http.Vllm(base_url=server.url, model="bge", max_retries=1)
    reranker.score(query, documents)
    copy = pickle.loads(pickle.dumps(reranker))
    reranker.close()

    assert (copy.base_url, copy.model, copy.max_retries) == (server.url, "bge", 1)
    assert copy.score(query, documents)
    copy.close()
    with pytest.raises(TypeError) as caught:
        pickle.dumps(resift_http.Jina(api_key=key))
    assert str(caught.value) == (
        "jina: a key given as an option is not pickled. Set JINA_API_KEY in the "
        "environment instead."
    )


def test_a_plain_string_key_is_wrapped(key):
    """Built by hand with a string, the reranker still does not show it."""
    assert key not in repr(resift_http.Jina(api_key=key))


def test_a_refused_key_that_no_variable_holds_is_the_option(serve, query, documents):
    """No environment variable is named where none is read."""
    server = serve("tei")
    with (
        resift.load("tei", base_url=server.url, max_documents=9) as reranker,
        pytest.raises(AuthenticationError) as caught,
    ):
        reranker.score(query, documents)
    with pytest.raises(TypeError) as pickled:
        pickle.dumps(resift_http.Tei(api_key="sk"))

    assert str(caught.value) == (
        f"tei at {server.url}/rerank: the server refuses the key (HTTP 401: Invalid "
        "API key.). Check 'api_key'."
    )
    assert str(pickled.value) == (
        "tei: a key given as an option is not pickled. Load 'tei' over there instead."
    )


def test_errors_tell_entries_of_one_dialect_apart(key):
    """Each says which server it means, without parameters, and never the key."""
    told = []
    for path in ("/gateway", f"/odd/{key}?token=secret"):
        options = {"base_url": "http://127.0.0.1:9", "path": path, "max_retries": 0}
        with (
            resift.load("http", api_key=key, **options) as reranker,
            pytest.raises(BackendError) as caught,
        ):
            reranker.score("q", ["Paris"])
        told.append(str(caught.value).partition(": the server cannot be reached")[0])

    assert told == [
        "http at http://127.0.0.1:9/gateway",
        "http at http://127.0.0.1:9/odd/[key]",
    ]


def test_an_address_is_shown_without_what_is_secret():
    """Of user, password, parameters and fragment nothing is left."""
    assert plain_address("https://me:pw@example.org:8080/v1/rerank?key=pw#pw") == (
        "https://example.org:8080/v1/rerank"
    )
