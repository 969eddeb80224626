from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from sentence_transformers import CrossEncoder as Reference

import resift
from resift import BackendTimeoutError
from resift_cross_encoder import CrossEncoder

BACKENDS = ["torch", "openvino", "onnx"]


@pytest.fixture(scope="module")
def reference(model):
    """The same model as sentence-transformers runs it."""
    return Reference(str(model), device="cpu")


@pytest.fixture(scope="module")
def exact(model):
    """A loaded reranker that computes in float32, shared as it never changes."""
    reranker = CrossEncoder(model=model, backend="torch", dtype="float32")
    reranker.warmup()
    return reranker


@pytest.fixture(params=BACKENDS)
def backend(request):
    """Each backend that is installed here."""
    modules = {"openvino": "openvino", "onnx": "onnxruntime", "torch": "torch"}
    pytest.importorskip(modules[request.param])
    return request.param


def test_scores_are_the_references(
    model, backend, reference, query, documents, long_document
):
    """In float32 every backend gives the scores of sentence-transformers."""
    texts = [*documents, long_document]
    reranker = CrossEncoder(model=model, backend=backend, dtype="float32")

    scores = reranker.score(query, texts)

    expected = reference.predict([(query, text) for text in texts])
    assert scores.values == pytest.approx(expected, abs=1e-5)


def test_other_special_tokens(roberta, backend, query, documents):
    """A model without token types is run by every backend as well."""
    reranker = CrossEncoder(model=roberta, backend=backend, dtype="float32")

    values = reranker.score(query, documents).values

    expected = Reference(str(roberta), device="cpu").predict(
        [(query, text) for text in documents]
    )
    assert values == pytest.approx(expected, abs=1e-5)


def test_auto_takes_openvino_on_a_cpu(model, query, documents):
    """On a CPU `auto` compiles the model where openvino is installed."""
    pytest.importorskip("openvino")
    from resift_cross_encoder.openvino_runtime import OpenVinoRuntime

    reranker = CrossEncoder(model=model, device="cpu")
    reranker.score(query, documents)

    assert isinstance(reranker._engine.loaded.runtime, OpenVinoRuntime)


def test_auto_falls_back_to_torch(model, query, documents, monkeypatch, caplog):
    """Where openvino cannot convert a model, `auto` takes torch, and logs it."""
    openvino = pytest.importorskip("openvino")

    def refuse(*args, **options):
        msg = "No conversion rule found for aten::new\nDetails"
        raise RuntimeError(msg)

    monkeypatch.setattr(openvino, "convert_model", refuse)
    reranker = CrossEncoder(model=model, device="cpu")

    scores = reranker.score(query, documents)

    assert len(scores) == len(documents)
    assert [record.getMessage() for record in caplog.records] == [
        "cross-encoder: option 'backend': 'openvino' cannot convert this model "
        "(RuntimeError: No conversion rule found for aten::new). Use 'torch'. "
        "backend='auto' uses torch instead."
    ]


def test_labels(labelled, query, documents):
    """The label that is picked gives the score: its share among all labels."""
    reranker = CrossEncoder(
        model=labelled, label="entailment", backend="torch", dtype="float32"
    )

    values = reranker.score(query, documents).values

    logits = Reference(str(labelled), device="cpu").predict(
        [(query, text) for text in documents], apply_softmax=True
    )
    assert values == pytest.approx(logits[:, 1], abs=1e-5)


def test_many_queries_together(exact, query, documents):
    """Packing the pairs of several queries changes nothing but the speed."""
    asked = [query, "where is the fox", "berlin"]
    given = [documents, documents[::-1], documents[:1]]

    together = exact.score_many(asked, given)

    alone = [exact.score(q, d) for q, d in zip(asked, given, strict=True)]
    for one, other in zip(together, alone, strict=True):
        assert one.values == pytest.approx(other.values, abs=1e-5)


def test_batches_do_not_matter(model, reference, query, documents):
    """Neither the token budget nor the batch size changes a score."""
    expected = reference.predict([(query, text) for text in documents])

    for options in ({"token_budget": 1}, {"batch_size": 1}, {"batch_size": 3}):
        reranker = CrossEncoder(
            model=model, backend="torch", dtype="float32", **options
        )
        values = reranker.score(query, documents).values
        assert values == pytest.approx(expected, abs=1e-5)


def test_truncation_is_reported(exact, query, documents, long_document):
    """What was cut is counted for each document, and a note says so."""
    scores = exact.score(query, [documents[0], long_document])

    cut = 90 + 6 + 3 - 64  # document, query, special tokens, what the model reads
    assert scores.columns["tokens_cut"].tolist() == [0, cut]
    assert scores.notes == (
        "cross-encoder: 1 of 2 documents do not fit into the 64 tokens that the model "
        "reads: 35 tokens were cut (option 'max_length').",
    )


def test_nothing_cut_nothing_said(exact, query, documents):
    """Where all was read there is neither a column nor a note."""
    scores = exact.score(query, documents)

    assert not scores.columns
    assert not scores.notes


def test_a_long_query_is_reported(exact, long_document):
    """A query that had to be cut is reported as well."""
    scores = exact.score(long_document, ["fox", long_document])

    assert scores.notes[-1] == (
        "cross-encoder: the query does not fit into the 64 tokens that the model "
        "reads: 60 tokens were cut (option 'max_length')."
    )


def test_max_length(model, reference, query, documents):
    """`max_length` cuts as it does in sentence-transformers."""
    reranker = CrossEncoder(
        model=model, max_length=12, backend="torch", dtype="float32"
    )

    scores = reranker.score(query, documents)

    short = Reference(str(reference.model.name_or_path), device="cpu", max_length=12)
    expected = short.predict([(query, text) for text in documents])
    assert scores.values == pytest.approx(expected, abs=1e-5)
    assert scores.columns["tokens_cut"].sum() > 0


@pytest.mark.parametrize(
    ("options", "before", "after"),
    [
        ({}, "ordinal", "probability"),
        ({"activation": "none"}, "logit", "logit"),
        ({"activation": "sigmoid"}, "probability", "probability"),
    ],
)
def test_score_kind(model, options, before, after):
    """The kind follows the activation; the model's own is known once it is loaded."""
    reranker = resift.load(
        "cross-encoder", config=None, model=str(model), backend="torch", **options
    )

    assert reranker.score_kind == before
    assert reranker.warmup().score_kind == after


def test_timeout_between_batches(model, query, documents):
    """When the time is up the next batch is not started."""
    reranker = CrossEncoder(model=model, batch_size=1, backend="torch")
    reranker.warmup()
    expected = (
        r"^cross-encoder: \d of 5 documents were scored when the timeout of 1e-09 s "
        r"ran out\. Score fewer \(window=\.\.\.\), allow more time, or call warmup\(\) "
        r"before the first request\.$"
    )

    with pytest.raises(BackendTimeoutError, match=expected):
        reranker.score(query, documents, timeout=1e-9)
    assert len(reranker.score(query, documents, timeout=60)) == 5


def test_pickles_as_its_options(exact, query, documents):
    """Weights do not travel; the copy loads its own and scores the same."""
    expected = exact.score(query, documents).values

    sent = pickle.dumps(exact)

    copy = pickle.loads(sent)
    assert len(sent) < 1000
    assert copy._engine.loaded is None
    assert copy.score(query, documents).values == pytest.approx(expected)


def test_close_lets_go_and_may_be_repeated(model, query, documents):
    """Closing twice is fine, and drops the weights."""
    reranker = CrossEncoder(model=model, backend="torch")
    reranker.score(query, documents)

    reranker.close()
    reranker.close()

    assert reranker._engine.loaded is None


def test_loads_once_for_many_threads(model, query, documents):
    """Eight threads share one model, and each gets the scores of its own documents."""
    reranker = CrossEncoder(model=model, backend="torch", dtype="float32")
    given = [documents[i % 5 :] for i in range(8)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda texts: reranker.score(query, texts), given))
        engines = set(pool.map(lambda _: id(reranker._engine.loaded), range(8)))

    expected = reranker.score(query, documents).values
    assert len(engines) == 1
    for i, scores in enumerate(found):
        assert scores.values == pytest.approx(expected[i % 5 :], abs=1e-5)


@pytest.mark.parametrize("fixture", ["model", "language_model"])
def test_threads_share_a_tokenizer(request, fixture, query, documents, long_document):
    """Threads that cut and that do not cut never see each other's settings."""
    folder = request.getfixturevalue(fixture)
    reranker = CrossEncoder(model=folder, dtype="float32")
    texts = [*documents, long_document]
    expected = reranker.score(query, texts).values

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: reranker.score(query, texts).values, range(20)))

    for values in found:
        assert values == pytest.approx(expected, abs=1e-5)


def test_rank(model, query, documents):
    """By name: strings in, the best first."""
    with resift.load("cross-encoder", config=None, model=str(model)) as reranker:
        ranked = reranker.rank(query, documents, top_k=3)
        scores = reranker.score(query, documents).values

    assert [r.index for r in ranked] == np.argsort(-scores)[:3].tolist()
    assert [r.rank for r in ranked] == [1, 2, 3]


def test_rank_many(model, query, documents):
    """By name: many queries, one ranking each."""
    reranker = resift.load(
        "cross-encoder", config=None, model=str(model), backend="torch", dtype="float32"
    )

    first, second = reranker.rank_many([query, "fox"], [documents, documents[:2]])

    assert [r.index for r in first] == [
        r.index for r in reranker.rank(query, documents)
    ]
    assert len(second) == 2


def test_rerank_a_table(model, query, documents, long_document):
    """By name: a table in, a table out, with scores and what was cut."""
    table = pa.table({"_rowid": [7, 8, 9], "text": [documents[0], None, long_document]})
    reranker = resift.load("cross-encoder", config=None, model=str(model))

    found = reranker.rerank(query, table)

    rows = {row["_rowid"]: row for row in found.to_pylist()}
    assert rows[8]["_relevance_score"] is None
    assert {i: row["tokens_cut"] for i, row in rows.items()} == {7: 0, 8: None, 9: 35}
    assert b"35 tokens were cut" in found.schema.metadata[b"resift.notes"]


def test_importing_it_is_light():
    """The module that the entry point names imports neither torch nor transformers."""
    code = (
        "import sys, resift_cross_encoder; "
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'openvino', "
        "'onnxruntime', 'tqdm', 'pyarrow', 'huggingface_hub'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
