from __future__ import annotations

import math

import pytest

from resift.errors import (
    AuthenticationError,
    BackendTimeoutError,
    BadRequestError,
    RateLimitError,
    ServerError,
)

NO_GRADE = 'it holds no grade, such as {"grade": 0}'


def test_each_passage_is_judged_alone(server, load, query, documents, data):
    """A request shows one passage; its score is the mean of the likely grades."""
    scores = load(server, method="pointwise").score(query, documents)

    assert scores.values.tolist() == pytest.approx([2 / 3, 0, 1])
    assert scores.notes == ()
    assert sorted(data(body)["passage"] for body in server.bodies) == sorted(documents)
    assert {body["top_logprobs"] for body in server.bodies} == {5}


def test_a_score_is_the_mean_of_the_likely_grades(serve, load, query, answer, spoken):
    """Labels share their places with other spellings and with tokens that are none.

    0.5 of the probability is on 2 (as "2" and " 2"), 0.25 on 3, 0.05 on no label: the
    mean is (2 * 0.5 + 3 * 0.25) / 0.75 / 3 = 7 / 9.
    """
    likely = {"2": 0.3, " 2": 0.2, "3": 0.25, "two": 0.05}
    said = [spoken('{"grade":'), spoken(" "), spoken("2", likely), spoken("}")]
    server = serve(lambda data, body: answer('{"grade": 2}', logprobs=said))
    scores = load(server, method="pointwise").score(query, ["Paris"])

    assert scores.values.tolist() == pytest.approx([7 / 9])


def test_yes_no_is_the_probability_of_a_yes(serve, load, query, answer, spoken):
    """Of the labels alone: 0.6 on "Yes" and "yes", 0.2 on "no" make 0.75."""
    likely = {"Yes": 0.5, "yes": 0.1, '"no': 0.2, "maybe": 0.2}
    said = [spoken('{"relevant": "'), spoken("Yes", likely), spoken('"}')]
    server = serve(lambda data, body: answer('{"relevant": "Yes"}', logprobs=said))
    reranker = load(server, method="pointwise", scale="yes-no")

    assert reranker.score(query, ["Paris"]).values.tolist() == pytest.approx([0.75])
    assert reranker.score_kind == "probability"


def test_reasoning_is_not_the_answer(serve, load, query, answer, spoken):
    """The grade is looked up after it, whether the text shows it or not."""
    thought = [spoken("<think>"), spoken("3", {"3": 1.0}), spoken("</think>")]
    said = [spoken('{"grade": '), spoken("1", {"1": 0.5, "2": 0.5}), spoken("}")]
    shown = serve(
        lambda data, body: answer(
            '<think>3</think>{"grade": 1}', logprobs=thought + said
        )
    )
    hidden = serve(lambda data, body: answer('{"grade": 1}', logprobs=thought + said))

    for server in (shown, hidden):
        scores = load(server, method="pointwise").score(query, ["Paris"])
        assert scores.values.tolist() == pytest.approx([0.5])


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ('{"grade": 2}', 2 / 3),
        ('{"grade": "3"}', 1.0),
        ('Sure! {"grade":1}', 1 / 3),
        ("Grade: 0.", 0.0),
        ("**Grade**: 2", 2 / 3),
        ("2", 2 / 3),
        ("1 - related, but no answer", 1 / 3),
        ("3. The passage is about it.", 1.0),
        ('{"grade": 1}, no: {"grade": 3}', 1.0),
        ("<reasoning>1 or 2</reasoning>\nThe relevance grade is 2.", 2 / 3),
        ("<think>2 or 3?</think>3", 1.0),
    ],
)
def test_without_logprobs_grades_are_whole(serve, load, query, said, score):
    """The grade itself counts, and a note says why documents tie."""
    server = serve(lambda data, body: said)
    scores = load(server, method="pointwise").score(query, ["Paris", "Lyon"])

    assert scores.values.tolist() == pytest.approx([score, score])
    assert scores.notes == (
        "llm: grades that came without 'logprobs': 2 of 2; they are whole, so that "
        "many documents tie.",
    )


@pytest.mark.parametrize(
    "logprobs",
    [
        {"content": []},
        {"content": [1, {}, {"token": 1, "top_logprobs": 3}]},
        {"content": [{"token": '{"grade": 2}', "logprob": float("nan")}]},
        {"content": [{"token": '{"grade": 2}', "logprob": -(10**400)}]},
        {"content": [{"token": '{"grade": 2}', "logprob": "-1"}]},
        {"content": [{"token": "something else", "logprob": -1}]},
        {"tokens": ["2"]},
        "none",
    ],
)
def test_logprobs_of_no_use_are_left_alone(serve, load, query, answer, logprobs):
    """Servers differ in them; what cannot be read counts as not there."""
    said = answer('{"grade": 2}')
    said["choices"][0]["logprobs"] = logprobs
    server = serve(lambda data, body: said)
    scores = load(server, method="pointwise").score(query, ["Paris"])

    assert scores.values.tolist() == pytest.approx([2 / 3])


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("It is relevant.", NO_GRADE),
        ('{"grade": 7}', NO_GRADE),
        ('{"grade": 2.5}', NO_GRADE),
        ('{"grade": -1}', NO_GRADE),
        ("Between 2 and 3.", NO_GRADE),
        ("There are 2 reasons.", NO_GRADE),
        ("2 of the 3 sentences answer it.", NO_GRADE),
        ("Grade: 8/10", NO_GRADE),
        ("1/10", NO_GRADE),
        ("I cannot grade passage 1.", NO_GRADE),
        ("Grade: 2. On reflection, grade: 3.", "it holds several grades"),
        ("<think>3", NO_GRADE),
    ],
)
def test_an_answer_without_one_grade_is_an_error(serve, load, query, said, problem):
    """No grade is made up, and none is chosen among several."""
    server = serve(lambda data, body: said)

    with pytest.raises(ServerError) as caught:
        load(server, method="pointwise").score(query, ["Paris"])
    assert str(caught.value) == (
        f"llm at {server.base_url}/chat/completions: the answer of 'm' cannot be used: "
        f"{problem}."
    )


def test_a_yes_without_a_probability_is_an_error(serve, load, query):
    """A score that claims to be a probability is one."""
    server = serve(lambda data, body: '{"relevant": "yes"}')

    with pytest.raises(ServerError) as caught:
        load(server, method="pointwise", scale="yes-no").score(query, ["Paris"])
    assert str(caught.value) == (
        f"llm at {server.base_url}/chat/completions: the answer of 'm' cannot be used: "
        "it came without 'logprobs', which scale 'yes-no' needs; take 'grades'."
    )


def test_requests_are_sent_together_within_bounds(serve, load, query):
    """At most `concurrency` at a time, each score at its own document."""
    server = serve(delay=0.05)
    documents = [f"{'capital ' * (i % 2)}{i}" for i in range(12)]
    scores = load(server, method="pointwise", concurrency=3).score(query, documents)

    assert scores.values.tolist() == pytest.approx([0, 1 / 3] * 6)
    assert len(server.requests) == 12
    assert 2 <= server.peak <= 3


@pytest.mark.parametrize(
    ("options", "kind", "pointwise"),
    [
        ({}, "ordinal", False),
        ({"scale": "yes-no"}, "ordinal", False),
        ({"method": "pointwise"}, "similarity", True),
        ({"method": "pointwise", "scale": "yes-no"}, "probability", True),
    ],
)
def test_scores_are_what_they_say(server, load, options, kind, pointwise):
    """A rank is ordinal, a mean grade is bounded, a yes is a probability."""
    reranker = load(server, **options)

    assert reranker.score_kind == kind
    assert reranker.pointwise is pointwise
    assert reranker.plugin.reads_order is not pointwise
    assert reranker.plugin.deterministic
    assert not load(server, temperature=0.5, **options).plugin.deterministic


ODD = "A battle was fought."
FILTERED = {"error": {"message": "It is against a policy.", "code": "content_filter"}}
REFUSED = {"role": "assistant", "content": None, "refusal": "No."}


def judged(odd):
    """Return a model that answers *odd* about one passage, and grades the others."""

    def says(data, body):
        return odd if data["passage"] == ODD else '{"grade": 2}'

    return says


def unscored(reason):
    """Return the note about the passage at index 1."""
    return (
        "llm: documents that got no grade, and are not scored: 1 of 3; "
        f"{reason} (document 1)."
    )


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("I cannot judge this.", NO_GRADE),
        ('{"grade": 9}', NO_GRADE),
        ("", "it holds no text"),
        ({"choices": [{"message": REFUSED}]}, "the model refuses to answer"),
        (
            {"choices": [{"message": {}, "finish_reason": "content_filter"}]},
            "a content filter withheld it",
        ),
        (
            {"choices": [{"message": {}, "finish_reason": "PROHIBITED_CONTENT"}]},
            "a content filter withheld it",
        ),
        (FILTERED, "a content filter refuses it"),
    ],
)
def test_one_passage_without_a_grade_is_unscored(serve, load, query, odd, reason):
    """The others keep their scores, the last is null, and a note says which and why."""
    server = serve(judged(odd))
    ranked = load(server, method="pointwise").rank(query, ["a", ODD, "b"])

    assert [(item.index, item.score) for item in ranked][-1] == (1, None)
    assert [item.score for item in ranked][:2] == pytest.approx([2 / 3, 2 / 3])
    assert ranked.notes[0] == unscored(reason)


@pytest.mark.parametrize("status", [400, 403])
def test_a_passage_that_a_filter_refuses_is_unscored(serve, load, query, status):
    """Azure rejects the request, OpenRouter forbids it: neither is about the key."""
    server = serve(delay=0.05)
    server.fail(status, message="Your input was flagged by moderation.")
    scores = load(server, method="pointwise").score(query, ["a", "b", "c"])

    assert sum(map(math.isnan, scores.values)) == 1
    assert "a content filter refuses it (document" in scores.notes[0]


def test_a_yes_without_a_probability_is_unscored(serve, load, query, answer, spoken):
    """Where the others have one, they are of use."""
    tokens = [spoken("yes", {"yes": 0.75, "no": 0.25})]

    def says(data, body):
        return answer("yes", logprobs=None if data["passage"] == ODD else tokens)

    server = serve(says)
    reranker = load(server, method="pointwise", scale="yes-no")
    scores = reranker.score(query, ["a", ODD, "b"])

    assert scores.values[[0, 2]].tolist() == pytest.approx([0.75, 0.75])
    assert scores.notes == (
        unscored(
            "it came without 'logprobs', which scale 'yes-no' needs; take 'grades'"
        ),
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, AuthenticationError),
        (408, BackendTimeoutError),
        (429, RateLimitError),
        (500, ServerError),
    ],
)
def test_what_is_not_about_a_passage_stays_an_error(serve, load, query, status, kind):
    """Keys, rates, time and servers concern all passages."""
    server = serve()
    server.fail(status, message="No.")

    with pytest.raises(kind):
        load(server, method="pointwise", max_retries=0).score(query, ["a", "b", "c"])
