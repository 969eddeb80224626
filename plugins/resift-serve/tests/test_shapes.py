"""Programs that cannot be installed for a test: what they send, and what they read.

Each request is built, and each answer read, as the program does.
"""

from __future__ import annotations

import pytest

QUERY = "red fox"
DOCUMENTS = ["tax law", "the red fox sleeps", "foxes"]
BEARER = {"Authorization": "Bearer key"}


@pytest.mark.parametrize("truncates", [False, True])
@pytest.mark.parametrize("raw", [False, True])
def test_haystack_ranker_of_tei(client, raw, truncates):
    """It asks without a model, and takes the head of a list of indices and scores."""
    body = {"query": QUERY, "texts": DOCUMENTS, "raw_scores": raw}
    if truncates:
        body |= {"truncate": True, "truncation_direction": "Right"}
    answer = client.post("/rerank", body, **BEARER)

    assert isinstance(answer.json, list)
    assert [item["index"] for item in answer.json[:2]] == [1, 0]
    assert all(isinstance(item["score"], float) for item in answer.json)
    assert len(answer.json) == len(DOCUMENTS)


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank"])
def test_client_of_vllm(client, path):
    """It may send vLLM's own fields, and reads index, score, id, model and tokens."""
    body = {"model": "words", "query": QUERY, "documents": DOCUMENTS, "top_n": 2}
    body |= {"truncate_prompt_tokens": 512, "use_activation": True, "priority": 0}
    answer = client.post(path, body, accept="application/json").json

    assert [r["index"] for r in answer["results"]] == [1, 0]
    assert all(0 <= r["relevance_score"] <= 1 for r in answer["results"])
    assert (answer["model"], answer["usage"]["total_tokens"]) == ("words", 0)
    assert answer["id"]
    assert answer["notes"] == [
        {
            "code": "ignored",
            "reranker": "",
            "text": (
                "these fields have no effect here: 'priority', 'truncate_prompt_tokens'"
            ),
        }
    ]


def test_client_of_vllm_that_wants_logits(client):
    """Without activation, the scores are the reranker's own."""
    body = {"model": "words", "query": QUERY, "documents": DOCUMENTS}
    raw = client.post("/rerank", body | {"use_activation": False}).json["results"]
    own = client.post("/rerank", body | {"explain": True}).json["results"]

    assert [r["relevance_score"] for r in raw] == [r["raw_score"] for r in own]


def test_open_webui(client):
    """It asks for all, sorts them back, and hands on who asks."""
    user = {"X_OpenWebUI_User_Name": "A", "X_OpenWebUI_User_Email": "a@b.example"}
    body = {"model": "words", "query": QUERY, "documents": DOCUMENTS}
    answer = client.post("/v1/rerank", body | {"top_n": 3}, **BEARER, **user).json
    rows = sorted(answer["results"], key=lambda row: row["index"])
    scores = [row["relevance_score"] for row in rows]

    assert len(scores) == len(DOCUMENTS)
    assert scores[1] > scores[0] == scores[2]


@pytest.mark.parametrize("top", [None, 2])
def test_dify_as_an_openai_api(client, top):
    """It reads the text of each document, and scales the scores by their extremes."""
    body = {"model": "words", "query": QUERY, "documents": DOCUMENTS, "top_n": top}
    body["return_documents"] = True
    rows = client.post("/v1/rerank", body, **BEARER).json["results"]
    scores = [row["relevance_score"] for row in rows]
    texts = [row["document"]["text"] for row in rows]

    assert texts == [DOCUMENTS[1], DOCUMENTS[0], DOCUMENTS[2]][:top]
    assert max(scores) > min(scores)


def test_dify_as_tei(client):
    """It asks for the kind of model first, then for the texts with their scores."""
    info = client.get("/info", **BEARER).json
    body = {"query": QUERY, "texts": DOCUMENTS, "return_text": True}
    rows = client.post("/rerank", body, **BEARER).json

    assert next(iter(info["model_type"])) == "reranker"
    assert info["max_client_batch_size"] >= len(DOCUMENTS)
    assert next((row["index"], row["text"]) for row in rows) == (1, DOCUMENTS[1])
    assert all(isinstance(row["score"], float) for row in rows)
