from __future__ import annotations

import gc
import inspect
import subprocess
import sys
import threading

import pyarrow as pa
import pytest

import resift
from resift.errors import OptionsError
from resift.options import Schema
from resift_cohere import Cohere


def test_documents_are_scored_by_index(server, load, query, documents):
    """Each score lands on the document it belongs to; the request holds no more."""
    got = load().score(query, documents)
    (request,) = server.requests

    assert list(got.values) == pytest.approx([1.0, 0.0, 2 / 3])
    assert request.path == "/v2/rerank"
    assert request.headers["user-agent"].startswith("cohere/")
    assert request.body == {
        "model": "rerank-v3.5",
        "query": query,
        "documents": documents,
    }


def test_options_are_sent_when_set(server, load, query, documents):
    """Model, tokens, priority and top_k go to the server as it names them."""
    load(model="rerank-v4.0-pro", max_tokens_per_doc=512, priority=2).rank(
        query, documents, top_k=2
    )

    assert server.requests[0].body == {
        "model": "rerank-v4.0-pro",
        "query": query,
        "documents": documents,
        "max_tokens_per_doc": 512,
        "priority": 2,
        "top_n": 2,
    }


def test_a_cut_answer_leaves_the_rest_unscored(load, query, documents):
    """With top_k, documents that the server left out are null, not 0."""
    table = pa.table({"text": documents})
    got = load().rerank(query, table, id=None, top_k=3)
    cut = load().score(query, documents, top_k=1)

    assert got["_relevance_score"].to_pylist() == pytest.approx([1.0, 2 / 3, 0.0])
    assert cut.values.tolist()[0] == 1.0
    assert pa.array(cut.values[1:], from_pandas=True).null_count == 2


@pytest.mark.parametrize("top_k", [3, 9])
def test_top_k_is_sent_whenever_it_is_asked_for(server, load, query, documents, top_k):
    """It is never more than the documents: some servers refuse that."""
    load().rank(query, documents, top_k=top_k)

    assert server.requests[0].body["top_n"] == 3


@pytest.mark.parametrize("path", ["", "/", "/v2", "/v2/", "/v2/rerank", "/v2/rerank/"])
def test_the_address_may_hold_its_path(server, load, query, documents, path):
    """People are given whole addresses, such as Azure's; the SDK appends its path."""
    load(base_url=f"{server.url}{path}").score(query, documents)

    assert server.requests[0].path == "/v2/rerank"


def test_azure_s_address_keeps_its_prefix():
    """What stands before the path is the server's own."""
    plugin = resift.load("cohere", base_url="https://a.io/providers/cohere/v2/rerank")

    assert plugin.plugin._url == "https://a.io/providers/cohere/v2/rerank"


def test_the_order_of_the_results_means_nothing(server, load, query, documents):
    """Results that are not sorted are read by index all the same."""
    server.corrupt("unsorted")

    got = load().score(query, documents)
    assert list(got.values) == pytest.approx([1.0, 0.0, 2 / 3])


def test_result_tables_are_reranked(load, query, documents):
    """A vector leg and a full-text leg become one table, best row first."""
    vector = pa.table(
        {"_rowid": [1, 2], "text": documents[:2], "_distance": [0.1, 0.2]}
    )
    words = pa.table({"_rowid": [3], "text": documents[2:], "_score": [7.0]})
    table = load().rerank(query, vector, words)

    assert table["_rowid"].to_pylist() == [1, 3, 2]
    assert table["_relevance_score"].to_pylist() == pytest.approx([1.0, 2 / 3, 0.0])


def test_more_documents_than_the_limit_are_sent_in_parts(serve, key, query):
    """Parts are even, and every score comes back to its document."""
    server = serve(score=lambda _, text: int(text) / 100, max_documents=7)
    texts = [str(i) for i in range(50)]
    with resift.load(
        "cohere", base_url=server.url, api_key=key, max_documents=7
    ) as reranker:
        got = reranker.score(query, texts)
        best = reranker.rank(query, texts, top_k=3)

    sizes = [len(request.body["documents"]) for request in server.requests[:8]]
    assert list(got.values) == [i / 100 for i in range(50)]
    assert sorted(sizes) == [6, 6, 6, 6, 6, 6, 7, 7]
    assert [document.index for document in best] == [49, 48, 47]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_requests_are_sent_together_but_not_all_at_once(serve, key, query, concurrency):
    """`concurrency` bounds the requests under way."""
    server = serve(delay=0.05)
    with resift.load(
        "cohere",
        base_url=server.url,
        api_key=key,
        max_documents=2,
        concurrency=concurrency,
    ) as reranker:
        reranker.score(query, [str(i) for i in range(12)])

    assert len(server.requests) == 6
    assert server.peak == concurrency


@pytest.mark.parametrize(
    "text", ["狐は雪の中", "🦊❄️", "a\x00b", "\ud800 lone", "é" * 5000]
)
def test_any_text_can_be_sent(server, load, text):
    """Texts arrive as they are; a lone surrogate, which no text has, as a mark."""
    load().score("q", [text])
    (sent,) = server.requests[0].body["documents"]

    assert sent == text.replace("\ud800", "\ufffd")


def test_many_threads_share_one_reranker(server, load):
    """One client serves them all, and each gets its own scores."""
    reranker = load()
    wrong = []

    def work(i):
        texts = [f"{word} {i}" for word in ("capital of France", "capital", "nothing")]
        got = list(reranker.score("capital of France", texts).values)
        if got != pytest.approx([1.0, 1 / 3, 0.0]):
            wrong.append(got)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert len(server.requests) == 12


def test_what_a_score_means():
    """Cohere's scores are probabilities, each document's its own."""
    reranker = resift.load("cohere")

    assert reranker.score_kind == "probability"
    assert reranker.pointwise


def test_the_sdk_reads_the_address_where_none_is_given(server, query, documents, key):
    """`CO_API_URL` is the SDK's own variable."""
    code = (
        "import resift\n"
        "with resift.load('cohere') as reranker:\n"
        f"    print(list(reranker.score({query!r}, {documents!r}).values))"
    )
    done = subprocess.run(  # this interpreter and the lines above
        [sys.executable, "-c", code],
        env={"CO_API_URL": server.url, "CO_API_KEY": key},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "1.0" in done.stdout
    assert server.requests[0].path == "/v2/rerank"


def test_closing_twice_is_fine(server, load, query, documents):
    """`close` releases the client, and may come first, last or twice."""
    plugin = load().plugin
    plugin.close()
    plugin.score(query, documents)
    plugin.close()
    plugin.close()

    assert not plugin._client.is_open


def test_a_reranker_that_is_dropped_closes_its_connections(server, key, documents):
    """Nobody has to call `close` for sockets not to leak."""
    plugin = resift.load("cohere", base_url=server.url, api_key=key).plugin
    plugin.score("q", documents)
    http = plugin._client.open().http
    del plugin
    gc.collect()

    assert http.is_closed


def test_no_documents_ask_nobody(server, load):
    """Nothing in, nothing out."""
    assert len(load().plugin.score("q", [])) == 0
    assert server.requests == []


def test_warmup_opens_the_client_and_asks_nobody(server, load):
    """The SDK takes its time to import: `warmup` does that ahead."""
    reranker = load().warmup()

    assert reranker.plugin._client.is_open
    assert server.requests == []


def test_every_option_is_typed_and_described():
    """`resift show cohere` has something to say of each."""
    options = Schema(Cohere, "cohere").options
    parameters = inspect.signature(Cohere).parameters.values()

    assert all(option.summary for option in options.values())
    assert options["api_key"].is_secret
    assert {p.kind for p in parameters} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("timeout", 0, "option 'timeout' must be above 0 seconds, got 0.0."),
        ("max_retries", -1, "option 'max_retries' must be at least 0, got -1."),
        ("max_documents", 0, "option 'max_documents' must be at least 1, got 0."),
        ("concurrency", 0, "option 'concurrency' must be at least 1, got 0."),
    ],
)
def test_options_out_of_range_are_refused(option, value, problem):
    """A wrong number is an `OptionsError` when it is given, not when it is used."""
    with pytest.raises(OptionsError) as caught:
        resift.load("cohere", **{option: value})

    assert str(caught.value).endswith(problem)


def test_importing_the_package_is_light():
    """The module that an entry point names imports no SDK, HTTP client or numpy."""
    code = (
        "import sys, resift_cohere\n"
        "print({'cohere', 'httpx', 'numpy', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run(  # this interpreter and the lines above
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"
