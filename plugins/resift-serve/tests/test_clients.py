"""The vendors' own clients and the frameworks' classes ask this server.

The vendors' are all given the same address, without a path. Each is skipped where it is
not installed; requirements-sdks.txt says how to have all of them.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import warnings

import pyarrow as pa
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

QUERY = "red fox"
DOCUMENTS = ["tax law", "the red fox sleeps", "foxes"]


def module(name):
    """Import a client that may be absent, and may warn on the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name} is not installed")


def test_cohere_of_both_versions(client):
    """`rerank` of the first and the second API."""
    cohere = module("cohere")
    for made in (cohere.Client, cohere.ClientV2):
        asked = made(base_url=client.base, api_key="key")
        answer = asked.rerank(model="words", query=QUERY, documents=DOCUMENTS, top_n=2)

        assert [r.index for r in answer.results] == [1, 0]


def test_cohere_without_threads(client):
    """The asynchronous clients of both."""
    cohere = module("cohere")

    async def asked(made):
        async with made(base_url=client.base, api_key="key") as vendor:
            return await vendor.rerank(model="words", query=QUERY, documents=DOCUMENTS)

    for made in (cohere.AsyncClient, cohere.AsyncClientV2):
        answer = asyncio.run(asked(made))

        assert [r.index for r in answer.results] == [1, 0, 2]


def test_pinecone(client):
    """It sends objects, names their field, and reads the units that were used."""
    pinecone = module("pinecone")
    asked = pinecone.Pinecone(api_key="key", host=client.base)
    answer = asked.inference.rerank(
        model="words",
        query=QUERY,
        documents=[{"id": str(i), "body": text} for i, text in enumerate(DOCUMENTS)],
        rank_fields=["body"],
        top_n=2,
    )

    assert [r.index for r in answer.data] == [1, 0]
    assert answer.data[0].document["body"] == DOCUMENTS[1]
    assert answer.usage.rerank_units == 1


def test_voyage(client):
    """It reads `data` and the total of tokens."""
    voyageai = module("voyageai")
    asked = voyageai.Client(api_key="key", base_url=client.base)
    answer = asked.rerank(QUERY, DOCUMENTS, model="words", top_k=2)

    assert [r.index for r in answer.results] == [1, 0]
    assert answer.results[0].document == DOCUMENTS[1]


def test_together(client):
    """It reads the text of documents that it asked back."""
    together = module("together")
    asked = together.Together(api_key="key", base_url=client.base)
    answer = asked.rerank.create(
        model="words", query=QUERY, documents=DOCUMENTS, return_documents=True
    )

    assert [r.index for r in answer.results] == [1, 0, 2]


def test_mixedbread(client):
    """It has the documents as `input`."""
    mixedbread = module("mixedbread")
    asked = mixedbread.Mixedbread(api_key="key", base_url=client.base)
    answer = asked.rerank(model="words", query=QUERY, input=DOCUMENTS, top_k=2)

    assert [r.index for r in answer.data] == [1, 0]


def test_isaacus(client):
    """It has them as `texts`, and wants results all the same."""
    isaacus = module("isaacus")
    asked = isaacus.Isaacus(api_key="key", base_url=client.base)
    answer = asked.rerankings.create(model="words", query=QUERY, texts=DOCUMENTS)

    assert [r.index for r in answer.results] == [1, 0, 2]


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize(
    "provider",
    [
        "cohere",
        "jina_ai",
        "voyage",
        "together_ai",
        "infinity",
        "hosted_vllm",
        "deepinfra",
    ],
)
def test_litellm(client, provider, echo, monkeypatch):
    """Two of its providers send the same bytes, and read the answer differently."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it fetches prices
    litellm = module("litellm")
    answer = litellm.rerank(
        model=f"{provider}/words",
        query=QUERY,
        documents=DOCUMENTS,
        return_documents=echo,
        api_base=client.base,
        api_key="key",
    )

    assert max(answer.results, key=lambda r: r["relevance_score"])["index"] == 1


def test_langchain_cohere(client):
    """`CohereRerank` compresses documents."""
    langchain_cohere = module("langchain_cohere")
    documents = module("langchain_core.documents")
    asked = langchain_cohere.CohereRerank(
        base_url=client.base, cohere_api_key="key", model="words", top_n=2
    )
    found = asked.compress_documents(
        [documents.Document(page_content=text) for text in DOCUMENTS], QUERY
    )

    assert [d.page_content for d in found] == [DOCUMENTS[1], DOCUMENTS[0]]


def test_langchain_jina(client, monkeypatch):
    """Its address is a constant of the module."""
    jina = module("langchain_community.document_compressors.jina_rerank")
    monkeypatch.setattr(jina, "JINA_API_URL", f"{client.base}/v1/rerank")
    found = jina.JinaRerank(jina_api_key="key", model="words").rerank(DOCUMENTS, QUERY)

    assert [r["index"] for r in found] == [1, 0, 2]


LLAMA_INDEX = {
    "cohere_rerank": ("CohereRerank", {"api_key": "key"}, ""),
    "jinaai_rerank": ("JinaRerank", {"api_key": "key"}, "/v1"),
    "siliconflow_rerank": ("SiliconFlowRerank", {"api_key": "key"}, "/v1/rerank"),
    "tei_rerank": ("TextEmbeddingInference", {}, ""),
    "xinference_rerank": ("XinferenceRerank", {}, ""),
    "nvidia_rerank": ("NVIDIARerank", {"api_key": "key"}, "/v1"),
}


@pytest.mark.parametrize("name", LLAMA_INDEX)
def test_llama_index(client, name):
    """Each postprocessor orders nodes, the one of TEI among equal texts as well."""
    schema = module("llama_index.core.schema")
    vendor = module(f"llama_index.postprocessor.{name}")
    kind, options, path = LLAMA_INDEX[name]
    if name != "tei_rerank":
        options = options | {"model": "words"}
    asked = getattr(vendor, kind)(top_n=2, base_url=f"{client.base}{path}", **options)
    texts = [*DOCUMENTS, DOCUMENTS[0]]
    nodes = [
        schema.NodeWithScore(node=schema.TextNode(text=text), score=0.0)
        for text in texts
    ]
    found = asked.postprocess_nodes(nodes, query_str=QUERY)

    assert [node.node.get_content() for node in found] == [DOCUMENTS[1], DOCUMENTS[0]]


def test_llama_index_of_voyage(client):
    """It has no option for the address: its client is replaced."""
    schema = module("llama_index.core.schema")
    vendor = module("llama_index.postprocessor.voyageai_rerank")
    voyageai = module("voyageai")
    asked = vendor.VoyageAIRerank(model="words", api_key="key", top_n=2)
    asked._client = voyageai.Client(api_key="key", base_url=client.base)
    nodes = [
        schema.NodeWithScore(node=schema.TextNode(text=text), score=0.0)
        for text in DOCUMENTS
    ]
    found = asked.postprocess_nodes(nodes, query_str=QUERY)

    assert [node.node.get_content() for node in found] == [DOCUMENTS[1], DOCUMENTS[0]]


HAYSTACK = {
    "cohere": ("CohereRanker", "api_base_url", ""),
    "jina": ("JinaRanker", "base_url", "/v1/rerank"),
    "nvidia": ("NvidiaRanker", "api_url", "/v1"),
}


@pytest.mark.parametrize("name", HAYSTACK)
def test_haystack(client, name):
    """Each ranker orders documents."""
    haystack = module("haystack")
    secrets = module("haystack.utils")
    vendor = module(f"haystack_integrations.components.rankers.{name}")
    kind, option, path = HAYSTACK[name]
    asked = getattr(vendor, kind)(
        model="words",
        top_k=2,
        api_key=secrets.Secret.from_token("key"),
        **{option: f"{client.base}{path}"},
    )
    if hasattr(asked, "warm_up"):
        asked.warm_up()
    documents = [haystack.Document(content=text) for text in DOCUMENTS]
    found = asked.run(query=QUERY, documents=documents)["documents"]

    assert [d.content for d in found] == [DOCUMENTS[1], DOCUMENTS[0]]


@pytest.mark.parametrize("raw", [False, True])
def test_haystack_of_tei(client, raw):
    """Its own ranker asks the default, and takes a list."""
    haystack = module("haystack")
    rankers = module("haystack_integrations.components.rankers.huggingface_api")
    asked = rankers.HuggingFaceTEIRanker(
        url=client.base, top_k=2, raw_scores=raw, token=None
    )
    documents = [haystack.Document(content=text) for text in DOCUMENTS]
    found = asked.run(query=QUERY, documents=documents)["documents"]

    assert [d.content for d in found] == [DOCUMENTS[1], DOCUMENTS[0]]


NULL = pa.table(
    {"text": ["tax law", None, "the red fox sleeps"], "_score": [1, 1, 1.0]}
)


ASK_LANCEDB = """
import pyarrow as pa
from lancedb.rerankers import CohereReranker

texts = ["tax law", None, "the red fox sleeps"]
found = pa.table({"text": texts, "_score": [1.0, 1.0, 1.0]})
reranker = CohereReranker(model_name="words", column="text", api_key="key")
print(reranker.rerank_fts("red fox", found)["text"].to_pylist())
"""


def test_cohere_of_lancedb(client):
    """It sends null as null; the environment of its process names the address."""
    module("cohere")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK_LANCEDB],
        env={**os.environ, "CO_API_URL": client.base},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.startswith("['the red fox sleeps', ")


def test_jina_of_lancedb(client, monkeypatch):
    """Its address is a constant of the module."""
    jina = module("lancedb.rerankers.jinaai")
    monkeypatch.setattr(jina, "API_URL", f"{client.base}/v1/rerank")
    asked = jina.JinaReranker(model_name="words", column="text", api_key="key")
    found = asked.rerank_fts(QUERY, NULL)

    assert found["text"].to_pylist()[0] == "the red fox sleeps"
