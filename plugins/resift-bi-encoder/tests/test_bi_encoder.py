from __future__ import annotations

import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from sentence_transformers import SentenceTransformer

import resift
from resift import BackendTimeoutError, InputError
from resift_bi_encoder import BiEncoder

LONG = "paris is the " * 20  # 60 tokens; the model reads 32


@pytest.fixture(scope="module")
def reference(model):
    """The same model as sentence-transformers runs it."""
    return SentenceTransformer(str(model), device="cpu")


@pytest.fixture(scope="module")
def exact(model):
    """A loaded reranker that computes in float32, shared as it never changes."""
    reranker = BiEncoder(model=model, dtype="float32")
    reranker.warmup()
    return reranker


def cosines(reference, query, documents, prompts=(None, None)):
    """Return what sentence-transformers finds."""
    asked = reference.encode_query(query, prompt=prompts[0])
    found = reference.encode_document(documents, prompt=prompts[1])
    return reference.similarity(asked, found)[0].numpy()


def with_vectors(reference, documents, kind=np.float32) -> pa.Table:
    """Return documents with their vectors, as a search would."""
    found = reference.encode_document(documents).astype(kind)
    flat = pa.array(found.ravel())
    vectors = pa.FixedSizeListArray.from_arrays(flat, found.shape[1])
    ids = pa.array(range(len(documents)), pa.uint64())
    return pa.table({"_rowid": ids, "text": documents, "vector": vectors})


def test_scores_are_the_references(exact, reference, query, documents) -> None:
    """Scores are those of sentence-transformers, with the model's own prompts."""
    scores = exact.score(query, [*documents, LONG])

    expected = cosines(reference, query, [*documents, LONG])
    assert scores.values == pytest.approx(expected, abs=1e-6)
    assert BiEncoder.score_kind == "similarity"


def test_bfloat16_is_close(model, reference, query, documents) -> None:
    """In bfloat16 the scores move by less than a hundredth."""
    reranker = BiEncoder(model=model, dtype="bfloat16")

    values = reranker.score(query, documents).values

    assert values == pytest.approx(cosines(reference, query, documents), abs=1e-2)


@pytest.mark.parametrize("prompt", ["the house ", "house"])
def test_prompts_as_text_or_name(model, reference, query, documents, prompt) -> None:
    """A prompt is given as text, or by its name in the model."""
    reranker = BiEncoder(
        model=model, dtype="float32", query_prompt=prompt, document_prompt="in "
    )

    values = reranker.score(query, documents).values

    expected = cosines(reference, query, documents, ("the house ", "in "))
    assert values == pytest.approx(expected, abs=1e-6)


def test_measure(model, reference, query, documents) -> None:
    """`similarity` overrules the model's own measure."""
    reranker = BiEncoder(model=model, dtype="float32", similarity="dot")

    values = reranker.score(query, documents).values

    asked, found = reference.encode_query(query), reference.encode_document(documents)
    assert values == pytest.approx(found @ asked, rel=1e-5)


def test_many_queries(exact, query, documents) -> None:
    """Queries that share documents get the scores they get alone."""
    asked, given = [query, "red fox"], [documents, documents[::-1]]

    together = exact.score_many(asked, given)

    for q, d, scores in zip(asked, given, together, strict=True):
        assert scores.values == pytest.approx(exact.score(q, d).values, abs=1e-6)


def test_truncation_is_reported(exact, query, documents) -> None:
    """What was cut of documents and query is counted, special tokens included."""
    scores = exact.score(LONG, [documents[0], LONG])

    assert scores.columns["tokens_cut"].tolist() == [0, 60 + 2 - 32]
    assert scores.notes == (
        "bi-encoder: 1 of 2 documents do not fit into the 32 tokens that the model "
        "reads: 30 tokens were cut (option 'max_length').",
        "bi-encoder: the query does not fit into the 32 tokens that the model reads: "
        "32 tokens were cut (option 'max_length').",
    )
    assert not exact.score(query, documents).columns


def test_max_length(model, query, documents) -> None:
    """`max_length` makes the model read less."""
    scores = BiEncoder(model=model, max_length=6).score(query, documents)

    assert scores.columns["tokens_cut"].tolist() == [2, 3, 7, 0, 0]


@pytest.mark.parametrize(("kind", "near"), [(np.float32, 1e-6), (np.float16, 2e-3)])
def test_stored_vectors(model, reference, query, documents, kind, near) -> None:
    """Stored vectors give the scores of the texts, and no text is read."""
    reranker = BiEncoder(model=model, embeddings="vector")
    table = with_vectors(reference, documents, kind)

    scores = reranker.score(query, [""] * 5, table)

    expected = cosines(reference, query, documents)
    assert scores.values == pytest.approx(expected, abs=near)
    assert (reranker.columns, reranker.needs_text) == (("vector",), False)


def test_texts_need_no_columns(exact) -> None:
    """Without stored vectors no column is declared, and the text is."""
    assert (exact.columns, exact.needs_text) == ((), True)


def test_dimensions(model, reference, query, documents) -> None:
    """`dimensions` shortens the query's embedding to what was stored."""
    table = with_vectors(reference, documents)
    short = pa.array(
        [vector[:8] for vector in table["vector"].to_pylist()],
        pa.list_(pa.float32(), 8),
    )
    table = table.set_column(2, "vector", short)
    reranker = BiEncoder(model=model, embeddings="vector", dimensions=8)

    values = reranker.score(query, documents, table).values

    asked = reference.encode_query(query, truncate_dim=8)
    found = reference.encode_document(documents, truncate_dim=8)
    expected = reference.similarity(asked, found)[0].numpy()
    assert values == pytest.approx(expected, abs=1e-6)


def test_rank_with_a_trained_model(trained) -> None:
    """A trained model finds the answer."""
    with resift.load("bi-encoder", config=None, model=str(trained)) as reranker:
        best = reranker.rank(
            "what is the capital of france",
            ["Foxes hunt at night.", "Paris is its capital.", "Paint dries slowly."],
        )[0]

    assert best.index == 1
    assert 0 < best.score < 1


def test_rank_many(model, query, documents) -> None:
    """By name: many queries, one ranking each."""
    reranker = resift.load("bi-encoder", config=None, model=str(model), dtype="float32")

    first, second = reranker.rank_many([query, "fox"], [documents, documents[:2]])

    assert [r.index for r in first] == [
        r.index for r in reranker.rank(query, documents)
    ]
    assert len(second) == 2


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_rerank_a_table(model, reference, query, documents, kind) -> None:
    """By name, on a table: the declared column is read, even where the text is null."""
    table = with_vectors(reference, documents, kind)
    texts = pa.array([None, *documents[1:]], pa.string())
    table = table.set_column(1, "text", texts)
    reranker = resift.load(
        "bi-encoder", config=None, model=str(model), embeddings="vector"
    )

    found = reranker.rerank(query, table)

    expected = cosines(reference, query, documents)
    assert found["_rowid"].to_pylist() == np.argsort(-expected).tolist()
    assert found["vector"].type == table["vector"].type


def test_rank_mappings_with_vectors(model, reference, query, documents) -> None:
    """Mappings may carry their vector as a plain list."""
    vectors = reference.encode_document(documents).tolist()
    rows = [{"vector": vector, "id": i} for i, vector in enumerate(vectors)]
    reranker = resift.load(
        "bi-encoder", config=None, model=str(model), embeddings="vector"
    )

    ranked = reranker.rank(query, rows)

    expected = np.argsort(-cosines(reference, query, documents))
    assert [r.document["id"] for r in ranked] == expected.tolist()


def test_missing_column(model, query) -> None:
    """By name, a column that the results do not have is an error."""
    reranker = resift.load(
        "bi-encoder", config=None, model=str(model), embeddings="vektor"
    )
    table = pa.table({"_rowid": [1], "vector": [[1.0]]})

    with pytest.raises(InputError, match="needs the column 'vektor'"):
        reranker.rerank(query, table)


def test_stored_vectors_are_of_one_query(model, query, documents) -> None:
    """Many queries at once have no candidates to read vectors from."""
    expected = (
        "bi-encoder: option 'embeddings': column 'vector' comes with the candidates of "
        "one query. Rerank the queries one by one."
    )

    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        BiEncoder(model=model, embeddings="vector").score_many([query], [documents])


def test_timeout_between_batches(model, query, documents) -> None:
    """When the time is up the next batch is not started."""
    reranker = BiEncoder(model=model, batch_size=1)
    expected = (
        "bi-encoder: 0 of 1 texts were encoded when the timeout of 1e-09 s ran out. "
        "Score fewer (window=...), allow more time, read stored vectors "
        "(embeddings=...), or call warmup() before the first request."
    )

    with pytest.raises(BackendTimeoutError, match=f"^{re.escape(expected)}$"):
        reranker.score(query, documents, timeout=1e-9)
    assert len(reranker.score(query, documents, timeout=60)) == 5


def test_pickles_as_its_options(exact, query, documents) -> None:
    """Weights do not travel; the copy loads its own and scores the same."""
    sent = pickle.dumps(exact)

    copy = pickle.loads(sent)  # our own
    expected = exact.score(query, documents).values
    assert len(sent) < 1000
    assert copy._encoder.loaded is None
    assert copy.score(query, documents).values == pytest.approx(expected)


def test_close_lets_go_and_may_be_repeated(model) -> None:
    """Closing twice is fine, and drops the weights."""
    reranker = BiEncoder(model=model)
    reranker.warmup()

    reranker.close()
    reranker.close()

    assert reranker._encoder.loaded is None


def test_threads_share_one_model(model, query, documents) -> None:
    """Threads that cut and that do not cut never see each other's settings."""
    reranker = BiEncoder(model=model, dtype="float32")
    texts = [*documents, LONG]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: reranker.score(query, texts).values, range(12)))
        encoders = set(pool.map(lambda _: id(reranker._encoder.loaded), range(4)))

    expected = reranker.score(query, texts).values
    assert len(encoders) == 1
    for values in found:
        assert values == pytest.approx(expected, abs=1e-5)


def test_importing_it_is_light() -> None:
    """The module that the entry point names imports neither torch nor transformers."""
    code = (
        "import sys, resift_bi_encoder; "
        "heavy = {'torch', 'sentence_transformers', 'tqdm', 'pyarrow'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_its_vectors_are_there_for_others(model, query, documents):
    """`embed` gives what the scores are made of: their cosine."""
    reranker = resift.load("bi-encoder", model=str(model), config=None)

    asked, found = reranker.plugin.embed(query, documents)

    assert found.shape == (len(documents), *asked.shape)
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(asked)
    expected = reranker.score(query, documents).values
    np.testing.assert_allclose(found @ asked / norms, expected, atol=1e-5)


def test_spans_say_where_each_token_lies(model) -> None:
    """As many as there are tokens, also of a text that is longer than it reads."""
    encoder = BiEncoder(model=model)
    text = "the red fox hunts, " * 20

    before = encoder.score("fox", [text]).values
    spans = encoder.token_spans(text)

    assert len(spans) == 100
    assert [text[i:j] for i, j in spans[:5]] == ["the", "red", "fox", "hunts", ","]
    assert encoder.score("fox", [text]).values == pytest.approx(before)


def test_passages_are_counted_in_tokens_of_the_model(model) -> None:
    """`chunk` around it cuts so that the model reads every passage whole."""
    pytest.importorskip("resift_chunk", reason="resift-chunk is not installed")
    inner = resift.load("bi-encoder", config=None, model=str(model))
    outer = resift.load("chunk", config=None, reranker=inner, size=28, overlap=4)
    long = "unknownwords are spelled out, letter by letter. " * 20

    scores = outer.score("red fox", [long])

    cut = inner.score("red fox", [long]).columns["tokens_cut"][0]
    assert cut.as_py() > 0
    assert "tokens_cut" not in scores.columns
