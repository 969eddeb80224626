from __future__ import annotations


def sent(body):
    """Return the words of a request, which the server counts as its tokens."""
    return sum(len(message["content"].split()) for message in body["messages"])


def test_every_window_is_counted(serve, load, query, documents):
    """Listwise: the tokens and calls of all windows, one after another."""
    server = serve()

    ranked = load(server, size=2, step=1).rank(query, documents)
    assert ranked.usage == {
        "calls": 2,
        "input_tokens": sum(map(sent, server.bodies)),
        "output_tokens": 14,
    }


def test_every_passage_is_counted(serve, load, query, documents):
    """Pointwise: the tokens and calls of all passages, asked about at once."""
    server = serve()

    ranked = load(server, method="pointwise").rank(query, documents)
    assert ranked.usage == {
        "calls": 3,
        "input_tokens": sum(map(sent, server.bodies)),
        "output_tokens": 21,
    }


def test_an_answer_without_a_grade_is_paid_for(serve, load, query, documents):
    """A passage that got no grade cost its tokens all the same."""

    def says(data, body):
        return "I cannot say." if "Lyon" in data["passage"] else '{"grade": 2}'

    ranked = load(serve(says), method="pointwise").rank(query, documents)
    assert ranked.usage["calls"] == 3
    assert ranked.usage["output_tokens"] == 21


def test_a_server_that_tells_no_tokens_tells_calls(serve, load, query, documents):
    """Without usage in the answers, the calls still count."""

    def says(data, body):
        message = {"role": "assistant", "content": '{"ranking": [1, 2, 3]}'}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"choices": [choice], "usage": None}

    ranked = load(serve(says)).rank(query, documents)
    assert ranked.usage == {"calls": 1}


def test_an_instruction_is_what_relevance_means(serve, load, query, documents):
    """The words of a call stand in the place of the option, for that call alone."""
    server = serve()
    reranker = load(server, instructions="Only rivers count.")

    reranker.rank(query, documents, instruction="Only cities count.")
    reranker.rank(query, documents)
    told = [body["messages"][0]["content"] for body in server.bodies]
    assert "What relevance means here: Only cities count." in told[0]
    assert "rivers" not in told[0]
    assert "What relevance means here: Only rivers count." in told[1]


def test_an_instruction_reaches_every_query_of_many(serve, load, query, documents):
    """`rank_many` gives each of its queries the same words."""
    server = serve()
    reranker = load(server, method="pointwise")

    reranker.rank_many([query, query], [documents, documents], instruction="Cities.")
    told = {body["messages"][0]["content"] for body in server.bodies}
    assert len(told) == 1
    assert "What relevance means here: Cities." in told.pop()
