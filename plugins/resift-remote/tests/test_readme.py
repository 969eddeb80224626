from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import resift
import resift_remote

README = Path(__file__).parents[1] / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


class HttpError(Exception):
    """What the vendor's SDK raises."""

    status, message = 401, "There is no sk-1 for Paris."


@pytest.fixture
def acme(monkeypatch):
    """The README's example, its SDK one that counts letters."""

    def rerank(key, model, query, documents, timeout):
        if key != "sk-acme":
            raise HttpError
        return [len(text) / 10 for text in documents]

    sdk = SimpleNamespace(rerank=rerank, HttpError=HttpError)
    monkeypatch.setitem(sys.modules, "acme", sdk)
    module = {"__name__": "acme_example"}
    monkeypatch.setitem(sys.modules, "acme_example", SimpleNamespace(**module))
    exec(EXAMPLES[0], module)  # noqa: S102  # ours
    return module["Acme"]


def test_the_example_reranks_in_parts(acme, monkeypatch):
    """What the README shows is a whole reranker."""
    monkeypatch.setenv("ACME_API_KEY", "sk-acme")

    with resift.Reranker(acme(max_documents=2)) as reranker:
        ranked = reranker.rank("q", ["aaa", "a", "aaaaa"])
        many = reranker.rank_many(["q", "r"], [["a", "aa"], ["b"]])
    assert [document.index for document in ranked] == [2, 0, 1]
    assert [[document.index for document in one] for one in many] == [[1, 0], [0]]


def test_the_example_fails_in_words(acme, monkeypatch):
    """Neither key nor document shows in what the server says."""
    monkeypatch.setenv("ACME_API_KEY", "sk-1")

    with pytest.raises(resift.AuthenticationError) as caught:
        acme().score("q", ["Paris"])
    assert str(caught.value) == (
        "acme: the server refuses the key (HTTP 401: There is no [key] for [text].). "
        "Check 'api_key' or ACME_API_KEY."
    )


def test_the_table_names_everything():
    """What the package exports is sorted, and the README says what it is for."""
    text = README.read_text("utf-8")
    exported = resift_remote.__all__

    assert exported == sorted(exported)
    assert [name for name in exported if f"`{name}`" not in text] == []


def test_the_example_of_the_server_holds():
    """The server fails once, and the reranker asks it again."""
    pytest.importorskip("resift_http", reason="the example loads one of its rerankers")

    exec(EXAMPLES[1], {})  # noqa: S102  # ours: it asserts
