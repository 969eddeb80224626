"""Only the names of the config are served."""

from __future__ import annotations

import pytest

QUESTION = {"query": "red fox", "documents": ["tax law", "the red fox"]}


@pytest.fixture(name="two", scope="module")
def _two(running):
    config = {
        "default": "Words.v1",
        "rerankers": {
            "Words.v1": {"use": "bm25"},
            "acme/other": {"use": "bm25", "options": {"k1": 0.5}},
        },
    }
    with running(config) as client:
        yield client


@pytest.mark.parametrize(
    "name",
    [
        "bm25",
        "resift:bm25",
        "resift.rerankers.bm25:BM25",
        "../words",
        "words/../words",
        "rrf",
        "cascade",
        '{"use": "bm25"}',
        "words\x00",
        "w" * 100_000,
    ],
)
def test_any_other_name_is_not_found(two, name):
    """Installed rerankers, dotted paths and tables are no names of the config."""
    answers = [
        two.post("/v1/rerank", QUESTION | {"model": name}),
        two.post("/rerank", QUESTION | {"model_id": name}),
    ]

    for answer in answers:
        assert answer.status == 404
        assert answer.json["message"] == (
            "No reranker of that name is served. Served: 'words-v1', 'acme/other'."
        )


@pytest.mark.parametrize("path", ["bm25", "resift:bm25", "..%2Fwords", "%2e%2e/x"])
def test_a_name_in_the_path_is_held_to_the_same(two, path):
    """NVIDIA's and DeepInfra's clients write the model into the path."""
    body = QUESTION | {"queries": ["red fox"]}
    statuses = [
        two.post(f"/v1/inference/{path}", body).status,
        two.post(f"/v1/retrieval/{path}/reranking", body).status,
    ]

    assert statuses == [404, 404]


@pytest.mark.parametrize("name", ["words.v1", "WORDS_V1", "Words-v1"])
def test_every_spelling_of_a_name_is_the_name(two, name):
    """The answer and the metrics have it as the config does."""
    answer = two.post("/v1/rerank", QUESTION | {"model": name})

    assert answer.json["model"] == "words-v1"


def test_without_a_name_the_default_answers(two):
    """Null and an empty string are no name."""
    models = [
        two.post("/v1/rerank", QUESTION | extra).json["model"]
        for extra in ({}, {"model": None}, {"model": ""})
    ]

    assert models == ["words-v1"] * 3


def test_a_vendors_name_with_a_slash_can_be_served(two):
    """A client that insists on 'acme/other' is given that."""
    answer = two.post("/v1/inference/acme/other", QUESTION | {"queries": ["red fox"]})

    assert answer.status == 200
    assert len(answer.json["scores"]) == 2


def test_nothing_of_a_request_reaches_a_constructor(two):
    """Options in the body are named in a note, and change no score."""
    plain = two.post("/v1/rerank", QUESTION).json
    answer = two.post("/v1/rerank", QUESTION | {"options": {"k1": 9}, "k1": 9}).json

    assert answer["results"] == plain["results"]
    assert answer["notes"] == [
        {
            "code": "ignored",
            "reranker": "",
            "text": "these fields have no effect here: 'k1', 'options'",
        }
    ]
