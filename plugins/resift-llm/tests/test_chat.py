from __future__ import annotations

import json

import pytest

from resift.errors import BadRequestError, RateLimitError, ServerError

UNSUPPORTED = [
    (
        "response_format",
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported "
        "with this model.",
    ),
    ("response_format", "This response format is unavailable now"),
    ("response_format", "Structured outputs are not supported"),
    ("response_format", "Json mode is not supported for this model."),
    ("response_format", "failed to parse grammar"),
    ("response_format", "No endpoints found that can handle the requested parameters."),
    (
        "temperature",
        "Unsupported value: 'temperature' does not support 0 with this model.",
    ),
]


@pytest.mark.parametrize(("field", "message"), UNSUPPORTED)
def test_a_refused_field_is_left_out_from_then_on(
    server, load, query, documents, field, message
):
    """The request is repeated once without it, and later ones do not try it."""
    server.fail(400, message=message)
    reranker = load(server)
    first = reranker.score(query, documents)
    second = reranker.score(query, documents)

    assert first.values.tolist() == second.values.tolist() == [2.0, 1.0, 3.0]
    assert [field in body for body in server.bodies] == [True, False, False]


@pytest.mark.parametrize("status", [403, 404, 405, 415, 422, 500, 501])
def test_a_refusal_may_have_another_status(server, load, query, documents, status):
    """Gateways have each their own; a server's failure is not tried again as it is."""
    server.fail(status, message="response_format is not allowed")
    load(server).score(query, documents)

    assert [request.status for request in server.requests] == [status, 200]


def test_the_answer_may_have_no_temperature(server, load, query, documents):
    """Then a note says that answers may differ."""
    server.fail(400, message="Unsupported value: 'temperature'.")

    assert load(server).score(query, documents).notes == (
        "llm: 'm' takes no 'temperature', so that its answers may differ from call to "
        "call.",
    )


def test_newer_models_are_told_the_limit_by_its_newer_name(
    serve, load, query, documents
):
    """OpenAI's reasoning models refuse `max_tokens`."""
    names = {"model", "messages", "temperature", "response_format"}
    server = serve(takes=names | {"max_tokens", "max_completion_tokens"})
    server.fail(
        400,
        message="Unsupported parameter: 'max_tokens' is not supported with this model. "
        "Use 'max_completion_tokens' instead.",
    )
    load(server).score(query, documents)

    assert "max_tokens" not in server.bodies[1]
    assert server.bodies[1]["max_completion_tokens"] == 1024


def test_without_logprobs_grades_still_come(serve, load, query, documents):
    """Both of their fields are left out, and a note tells what that means."""
    server = serve(lambda data, body: '{"grade": 1}')
    server.fail(400, message="logprobs are not supported")
    reranker = load(server, method="pointwise", concurrency=1)
    scores = reranker.score(query, documents)

    assert scores.values.tolist() == pytest.approx([1 / 3] * 3)
    assert ["logprobs" in body for body in server.bodies] == [True, False, False, False]
    assert "top_logprobs" not in server.bodies[1]
    assert scores.notes == (
        "llm: grades that came without 'logprobs': 3 of 3; they are whole, so that "
        "many documents tie.",
    )


def test_several_fields_may_be_refused_one_after_another(
    server, load, query, documents
):
    """Each costs one more request, once."""
    server.fail(400, message="temperature is not supported")
    server.fail(400, message="json_schema is not supported")
    load(server).score(query, documents)

    assert [sorted(body) for body in server.bodies] == [
        ["max_tokens", "messages", "model", "response_format", "temperature"],
        ["max_tokens", "messages", "model", "response_format"],
        ["max_tokens", "messages", "model"],
    ]


def test_a_refusal_of_what_was_not_sent_is_an_error(server, load, query, documents):
    """A request is not repeated for ever."""
    server.fail(400, message="json_schema is not supported", times=9)

    with pytest.raises(BadRequestError) as caught:
        load(server).score(query, documents)
    assert len(server.requests) == 2
    assert str(caught.value) == (
        f"llm at {server.base_url}/chat/completions: the server rejects the request "
        "(HTTP 400: json_schema is not supported). If it takes no 'response_format', "
        "leave that out: constants = { response_format = { type = 'text' } }."
    )


def test_only_what_helped_is_remembered(server, load, query, documents):
    """A complaint that names a field and is about something else changes nothing."""
    server.fail(400, message="Too long for this temperature.", times=2)
    reranker = load(server)
    with pytest.raises(BadRequestError):
        reranker.score(query, documents)
    scores = reranker.score(query, documents)

    assert ["temperature" in body for body in server.bodies] == [True, False, True]
    assert scores.notes == ()


def test_what_a_document_says_refuses_no_field(server, load, query):
    """A server that repeats a text in its complaint does not complain about it."""
    document = "The temperature of response_format and logprobs is rising."
    server.fail(400, message=f"Bad words: {document}", times=9)

    with pytest.raises(BadRequestError):
        load(server).score(query, [document, "Lyon"])
    assert len(server.requests) == 1


def test_constants_replace_what_would_be_sent(serve, load, query, documents):
    """They are the user's own, so they are never left out."""
    takes = frozenset(
        {"model", "messages", "max_tokens", "response_format", "reasoning_effort"}
        | {"temperature"}
    )
    server = serve(takes=takes)
    constants = {"response_format": {"type": "json_object"}, "reasoning_effort": "low"}
    reranker = load(server, constants=constants)
    reranker.score(query, documents)

    assert server.bodies[0].items() >= constants.items()
    server.fail(400, message="response_format is not supported")
    with pytest.raises(BadRequestError):
        reranker.score(query, documents)
    assert len(server.requests) == 2


def test_further_headers_are_sent(server, load, query, documents):
    """Gateways route by them."""
    load(server, headers={"X-Team": "search"}).score(query, documents)

    assert server.requests[0].headers["x-team"] == "search"


def test_many_queries_are_asked_about_together(serve, load, query, documents):
    """Each query has its windows one after another, several queries at once."""
    server = serve(delay=0.05)
    rankings = load(server, concurrency=2).rank_many(
        [query, "Lyon", "Germany"], [documents] * 3
    )

    assert [ranking[0].index for ranking in rankings] == [2, 1, 0]
    assert server.peak == 2


def test_fields_that_are_refused_vaguely_are_left_out_one_by_one(
    serve, load, query, documents
):
    """A gateway that only says "parameters" may mean either of the two."""
    takes = {"model", "messages", "temperature", "max_tokens"}
    server = serve(lambda data, body: '{"grade": 1}', takes=frozenset(takes))
    vague = "No endpoints found that can handle the requested parameters."
    server.fail(404, message=vague, times=2)
    reranker = load(server, method="pointwise", concurrency=1)
    reranker.score(query, documents)

    assert [{"response_format", "logprobs"} & set(body) for body in server.bodies] == [
        {"response_format", "logprobs"},
        {"logprobs"},
        set(),
        set(),
        set(),
    ]


def test_the_way_out_that_the_error_names_works(serve, load, query, documents):
    """A field of the user's own is sent as it is."""
    server = serve()
    load(server, constants={"response_format": {"type": "text"}}).score(
        query, documents
    )

    assert server.bodies[0]["response_format"] == {"type": "text"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"message": "Slow down.", "code": 429}}, RateLimitError),
        ({"error": {"message": "Gone.", "code": 502}, "choices": None}, ServerError),
        (
            {
                "choices": [
                    {
                        "finish_reason": "error",
                        "message": {"role": "assistant", "content": ""},
                        "error": {"message": "Busy.", "code": 503},
                    }
                ]
            },
            ServerError,
        ),
    ],
)
def test_an_error_under_status_200_is_tried_again(
    server, load, query, documents, body, kind
):
    """Once it passes, twice it is raised with the provider's words."""
    raw = json.dumps(body).encode()
    server.fail(200, body=raw)
    load(server).score(query, documents)
    server.fail(200, body=raw, times=2)

    with pytest.raises(kind, match=r"HTTP 200 with error \d+: \w+"):
        load(server, max_retries=0).score(query, documents)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("path", "options", "header"),
    [
        ("/openai/v1", {}, "authorization"),
        ("/openai/deployments/gpt?api-version=1", {}, "api-key"),
        ("/openai/deployments/gpt/chat/completions?api-version=1", {}, "api-key"),
        ("/v2", {"auth_header": "X-Key"}, "x-key"),
        ("/v2?api-version=1", {"auth_header": "Authorization"}, "authorization"),
    ],
)
def test_azure_s_addresses_and_headers(
    server, load, query, documents, *, key, path, options, header
):
    """The parameter comes after the path, and gives the key a header of its own."""
    url = f"{server.url}{path}"
    with pytest.raises(BadRequestError) as caught:  # the server knows another path
        load(server, base_url=url, api_key=key, **options).score(query, documents)
    (request,) = server.requests
    bearer = "Bearer " if header == "authorization" else ""

    assert request.path.endswith("/chat/completions")
    assert request.path.count("/chat/completions") == 1
    assert request.parameters == ({"api-version": "1"} if "?" in path else {})
    assert request.headers[header] == f"{bearer}{key}"
    assert "api-version" not in str(caught.value)
