"""Complaints: the words of a server, and the status that they mean."""

from __future__ import annotations

import json

import pytest

from resift_remote import Reply, message_in, status_meant, with_meaning, words_in


@pytest.mark.parametrize(
    "body",
    [None, 1, [], {}, {"error": None}, {"error": 5}, {"error": {"message": " "}}],
)
def test_there_may_be_no_message(body):
    """JSON of any shape is searched without harm."""
    assert message_in(body, ("error.message", "error", "errors.0.message")) == ""


def test_a_list_of_problems_is_told_without_what_was_sent():
    """Of FastAPI's list, place and problem are kept, and never the input."""
    detail = [
        {"loc": ["body", "documents", 0], "msg": "too short", "input": "secret"},
        {"msg": "wrong", "ctx": {"given": "secret"}},
        "in short",
        {"input": "secret"},
        7,
    ]

    assert message_in({"detail": detail}, ("detail",)) == (
        "body.documents.0: too short; wrong; in short"
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"message": "No."}', "No."),
        (b'{"msg": "No."}', "No."),
        (b'{"errors": [{"message": "No."}]}', "No."),
        (b'{"error": {"detail": "No."}}', "No."),
        (b"upstream connect error", "upstream connect error"),
        (b"<html>Bad gateway</html>", ""),
        (b'{"message": "No', ""),
        (b"\xff\xfe", ""),
        (b"", ""),
    ],
)
def test_words_are_found_in_json_and_in_plain_text(body, said):
    """Neither a page nor half a document is repeated."""
    assert words_in(Reply(status=502, answer=body)) == said


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"message": "No.", "code": 429}}, 429),
        ({"error": {"message": "No.", "code": "503"}}, 503),
        ({"error": {"message": "No.", "status": 404}, "status": 0}, 404),
        ({"status_code": 401, "message": "No."}, 401),
        ({"choices": [{"error": {"message": "No.", "code": 502}}]}, 502),
        ({"error": {"message": "No.", "type": "rate_limit_exceeded"}}, 429),
        ({"error": {"message": "No.", "type": "insufficient_quota"}}, 429),
        ({"error": {"message": "No.", "status": "RESOURCE_EXHAUSTED"}}, 429),
        ({"error": {"message": "No.", "type": "authentication_error"}}, 401),
        ({"error": {"message": "No.", "status": "PERMISSION_DENIED"}}, 403),
        ({"code": "InvalidApiKey", "message": "No."}, 401),
        ({"object": "error", "type": "NotFoundError", "message": "No."}, 404),
        ({"error": {"message": "No.", "type": "overloaded_error"}}, 503),
        ({"error": {"message": "No.", "type": "internal_server_error"}}, 500),
        ({"error": "Rate limit reached."}, 429),
        ({"code": 20012, "message": "Model does not exist"}, None),
        ({"code": True, "message": "No."}, None),
        ([], None),
    ],
)
def test_the_status_that_an_error_means(body, status):
    """By number where there is one, else by the name of the error."""
    assert status_meant(body) == status


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ({"error": {"message": "No.", "code": 429}}, 429),
        ({"error": {"code": 502}}, 502),
        ({"message": "No."}, 400),
        ({"results": [], "message": "Here you are."}, None),
        ({"object": "list"}, None),
        ([], None),
    ],
)
def test_an_error_under_status_200_is_an_error(body, meant):
    """What holds no answer and complains of something is one; its words tell which."""
    reply = Reply(status=200, answer=json.dumps(body).encode())
    found = with_meaning(reply, lambda body: "results" in body)

    assert found.meant == meant
    assert found.succeeded is (meant is None)


def test_another_status_speaks_for_itself():
    """An error's body cannot make it something else."""
    reply = Reply(status=500, answer=b'{"message": "No.", "code": 429}')

    assert with_meaning(reply, lambda body: False) == reply
