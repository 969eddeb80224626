"""`colbert` on texts and on stored embeddings, with small models loaded for real."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift.authors import SPANS
from resift.errors import (
    BackendTimeoutError,
    InputError,
    ModelError,
)
from resift_colbert import ColBERT
from resift_colbert.stored import MODEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentence_transformers import MultiVectorEncoder

QUERY = "the red fox"
DOCUMENTS = [
    "paris is the capital of france.",
    "the quick red fox jumps over the lazy dog",
    "a blue whale swims in the sea, the old sea",
    "fox",
]


@pytest.fixture(scope="module")
def reference(model: str) -> MultiVectorEncoder:
    """The same checkpoint, used through sentence-transformers alone."""
    from sentence_transformers import MultiVectorEncoder

    return MultiVectorEncoder(model, device="cpu")


@pytest.fixture(scope="module")
def colbert(model: str) -> ColBERT:
    """A reranker that encodes texts."""
    return ColBERT(model=model, device="cpu")


@pytest.fixture(scope="module")
def table(reference: MultiVectorEncoder, model: str) -> pa.Table:
    """The documents with their token embeddings, as LanceDB would return them."""
    embeddings = [e.tolist() for e in reference.encode_document(DOCUMENTS)]
    kind = pa.list_(pa.list_(pa.float32(), 16))
    schema = pa.schema(
        [("text", pa.string()), pa.field("tokens", kind, metadata={MODEL: model})]
    )
    return pa.table([pa.array(DOCUMENTS), pa.array(embeddings, kind)], schema=schema)


@pytest.mark.parametrize("format", ["stanford", "pylate", "native"])
def test_scores_are_those_of_the_model(
    format: str,
    checkpoint: Callable[[str], str],
) -> None:
    """Each format of checkpoint scores as sentence-transformers scores it."""
    from sentence_transformers import MultiVectorEncoder

    folder = checkpoint(format)
    reference = MultiVectorEncoder(folder, device="cpu")
    expected = reference.similarity(
        reference.encode_query([QUERY]), reference.encode_document(DOCUMENTS)
    )

    scores = ColBERT(model=folder, device="cpu", batch_size=3).score(QUERY, DOCUMENTS)

    assert scores.values == pytest.approx(expected.numpy()[0], abs=1e-4)


def test_the_text_with_the_words_of_the_query_is_best(
    checkpoint: Callable[[str], str],
) -> None:
    """A text that shares its words with the query comes first."""
    reranker = resift.load(
        "colbert", config=None, model=checkpoint("native"), device="cpu"
    )

    best = reranker.rank(QUERY, DOCUMENTS, top_k=1)[0]

    assert best.document == DOCUMENTS[1]


def test_stored_embeddings_score_as_texts_do(
    colbert: ColBERT, model: str, table: pa.Table
) -> None:
    """A query scores stored token embeddings as it scores the texts they came from."""
    stored = ColBERT(model=model, device="cpu", embeddings="tokens")
    expected = colbert.score(QUERY, DOCUMENTS).values

    for candidates in (table, pa.concat_tables([table[:1], table[1:]])):
        scores = stored.score(QUERY, [""] * 4, candidates)

        assert scores.values == pytest.approx(expected, abs=1e-4)


def test_only_the_column_is_asked_for(model: str) -> None:
    """With stored embeddings it needs their column and no text, else text alone."""
    texts = ColBERT(model=model)
    stored = ColBERT(model=model, embeddings="tokens")
    explained = ColBERT(model=model, embeddings="tokens", matches=True)

    assert (texts.columns, texts.needs_text) == ((), True)
    assert (stored.columns, stored.needs_text) == (("tokens",), False)
    assert (explained.columns, explained.needs_text) == (("tokens",), True)


def test_a_table_without_text_is_reranked(model: str, table: pa.Table) -> None:
    """`rerank` needs nothing but the embeddings, and keeps their type."""
    reranker = resift.load(
        "colbert", config=None, model=model, device="cpu", embeddings="tokens"
    )

    ranked = reranker.rerank(QUERY, table.select(["tokens"]), id=None)

    assert ranked.schema.field("tokens").type == table.schema.field("tokens").type
    assert ranked["_relevance_score"].to_pylist() == sorted(
        ranked["_relevance_score"].to_pylist(), reverse=True
    )


def test_mappings_may_bring_their_embeddings(
    model: str, table: pa.Table, colbert: ColBERT
) -> None:
    """`rank` reads token embeddings from mappings, as nested Python lists."""
    reranker = resift.load(
        "colbert", config=None, model=model, device="cpu", embeddings="tokens"
    )

    ranked = reranker.rank(QUERY, table.to_pylist())

    expected = colbert.score(QUERY, DOCUMENTS).values
    assert [document.score for document in ranked] == pytest.approx(
        sorted(expected, reverse=True), abs=1e-4
    )


def test_many_queries_score_as_one_by_one(colbert: ColBERT) -> None:
    """Documents that queries share are encoded once, and score as they do alone."""
    queries = [QUERY, "the sea", "cheese and wine"]
    documents = [DOCUMENTS, DOCUMENTS[::-1], [DOCUMENTS[2], DOCUMENTS[2], "wine"]]

    together = colbert.score_many(queries, documents)

    for query, texts, scores in zip(queries, documents, together, strict=True):
        alone = colbert.score(query, texts)
        assert scores.values == pytest.approx(alone.values, abs=1e-4)


def test_batches_do_not_change_scores(model: str, colbert: ColBERT) -> None:
    """Whatever the batch size, documents score the same."""
    one_by_one = ColBERT(model=model, device="cpu", batch_size=1)

    assert one_by_one.score(QUERY, DOCUMENTS).values == pytest.approx(
        colbert.score(QUERY, DOCUMENTS).values, abs=1e-4
    )


def test_what_is_cut_off_is_reported(colbert: ColBERT) -> None:
    """Each document says how many of its tokens were not read, and a note says so."""
    documents = ["fox " * 100, "fox"]  # 100 words, [CLS], the marker and [SEP]

    scores = colbert.score("fox " * 40, documents)

    assert pa.array(scores.columns["tokens_cut"]).to_pylist() == [103 - 64, 0]
    assert scores.notes == (
        "colbert: 1 of 2 documents do not fit into the 64 tokens that the model reads: "
        "39 tokens were cut (option 'document_length').",
        "colbert: the query does not fit into the 32 tokens that the model reads: 11 "
        "tokens were cut (option 'query_length').",
    )


def test_lengths_can_be_raised(model: str) -> None:
    """The options lengthen what is read, as far as the model goes."""
    colbert = ColBERT(model=model, device="cpu", query_length=64, document_length=128)

    scores = colbert.score("fox " * 40, ["fox " * 100])

    assert scores.columns == {}
    assert scores.notes == ()


@pytest.mark.parametrize("name", ["query_length", "document_length"])
def test_no_more_can_be_read_than_there_are_positions(name: str, model: str) -> None:
    """A length beyond the model's is an error, not a crash in the middle."""
    with pytest.raises(ModelError) as error:
        ColBERT(model=model, device="cpu", **{name: 129}).warmup()

    assert str(error.value) == (
        f"colbert: option {name!r} must be at most 128, the positions of this model, "
        "got 129."
    )


def test_matches_name_the_tokens(model: str, colbert: ColBERT) -> None:
    """Each query token comes with its best match; the similarities sum to the score."""
    explained = ColBERT(model=model, device="cpu", matches=True)

    scores = explained.score(QUERY, DOCUMENTS)

    found = pa.array(scores.columns["_matches"]).to_pylist()
    assert [m["query_token"] for m in found[1]][:6] == [
        *("[CLS]", "[unused0]", "the", "red", "fox", "[SEP]")
    ]
    assert {m["query_token"]: m["document_token"] for m in found[1]}["fox"] == "fox"
    assert [sum(m["similarity"] for m in row) for row in found] == pytest.approx(
        colbert.score(QUERY, DOCUMENTS).values, abs=1e-4
    )


def test_matches_of_stored_embeddings(model: str, table: pa.Table) -> None:
    """Tokens of stored embeddings are named where the text is there and unchanged."""
    explained = ColBERT(
        model=model, device="cpu", embeddings="tokens", matches=True, missing="skip"
    )
    texts = ColBERT(model=model, device="cpu", matches=True)
    expected = pa.array(texts.score(QUERY, DOCUMENTS).columns["_matches"]).to_pylist()

    named = explained.score(QUERY, DOCUMENTS, table)
    changed = explained.score(QUERY, ["fox", *DOCUMENTS[1:]], table)

    tokens = [[m["document_token"] for m in row] for row in expected]
    places = [[m["position"] for m in row] for row in expected]
    found = pa.array(named.columns["_matches"]).to_pylist()
    assert [[m["document_token"] for m in row] for row in found] == tokens
    found = pa.array(changed.columns["_matches"]).to_pylist()
    assert [[m["position"] for m in row] for row in found] == places
    assert {m["document_token"] for m in found[0]} == {None}


def test_matched_words_are_spans(model: str, table: pa.Table) -> None:
    """Words that query tokens matched are where they stand, stored or encoded."""
    texts = ColBERT(model=model, device="cpu", matches=True)
    stored = ColBERT(
        model=model, device="cpu", embeddings="tokens", matches=True, missing="skip"
    )

    scores = texts.score(QUERY, DOCUMENTS)

    assert scores.columns["_spans"].type == SPANS
    found = scores.columns["_spans"].to_pylist()
    matches = scores.columns["_matches"].to_pylist()
    for text, spans, matched in zip(DOCUMENTS, found, matches, strict=True):
        shown = {text[span["start"] : span["end"]] for span in spans}
        own = {m["document_token"] for m in matched if m["document_token"] in text}
        assert shown == own  # a word each, as the tokenizer of the test has them
        assert spans == sorted(spans, key=lambda span: span["start"])
    own = [m["similarity"] for m in matches[3] if m["document_token"] in DOCUMENTS[3]]
    ((span,),) = found[3:]
    assert span == {"start": 0, "end": 3, "score": pytest.approx(sum(own))}
    same = stored.score(QUERY, DOCUMENTS, table).columns["_spans"].to_pylist()
    assert [[(s["start"], s["end"]) for s in row] for row in same] == [
        [(s["start"], s["end"]) for s in row] for row in found
    ]
    changed = stored.score(QUERY, ["fox", *DOCUMENTS[1:]], table).columns["_spans"]
    assert changed.null_count == 4  # the tokens are not those that are stored


def test_matches_are_shown_by_explain_only(model: str, table: pa.Table) -> None:
    """`rerank` shows matches when it explains, in the order of the rows."""
    reranker = resift.load(
        "colbert", config=None, model=model, device="cpu", matches=True
    )

    plain = reranker.rerank(QUERY, table, id=None)
    explained = reranker.rerank(QUERY, table, id=None, explain=True)

    assert "_matches" not in plain.column_names
    for row in explained.to_pylist():
        similarities = [m["similarity"] for m in row["_matches"]]
        assert sum(similarities) == pytest.approx(row["_relevance_score"], abs=1e-4)


def test_documents_without_tokens_are_not_scored(model: str, table: pa.Table) -> None:
    """An empty list, and a null that is skipped, score NaN, and a note says so."""
    kind = table.schema.field("tokens").type
    column = pa.array([None, table["tokens"][1].as_py(), []], kind)
    stored = ColBERT(
        model=model, device="cpu", embeddings="tokens", missing="skip", matches=True
    )

    scores = stored.score(QUERY, [""] * 3, pa.table({"tokens": column}))

    assert np.isnan(scores.values).tolist() == [True, False, True]
    assert scores.columns["_matches"].is_valid().to_pylist() == [False, True, False]
    assert scores.notes == (
        "colbert: 2 of 3 documents have no token embeddings and were not scored.",
    )


def test_the_mean_is_bounded_by_one(checkpoint: Callable[[str], str]) -> None:
    """A model trained with the mean over the query's tokens scores with it."""
    colbert = ColBERT(model=checkpoint("native"), device="cpu")

    scores = colbert.score("fox", ["fox", "blue whale"])

    assert scores.values[1] < scores.values[0] <= 1


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_ranks_alike(dtype: str, model: str, colbert: ColBERT) -> None:
    """Weights of half precision give nearly the same scores, as float."""
    half = ColBERT(model=model, device="cpu", dtype=dtype)

    assert half.score(QUERY, DOCUMENTS).values == pytest.approx(
        colbert.score(QUERY, DOCUMENTS).values, rel=0.05
    )


# Time, threads, life -------------------------------------------------------------


def test_the_timeout_holds_between_batches(colbert: ColBERT) -> None:
    """When the time is up no further batch is started, and the error says how far."""
    colbert.warmup()

    with pytest.raises(BackendTimeoutError) as error:
        colbert.score(QUERY, DOCUMENTS, timeout=1e-9)

    assert str(error.value) == (
        "colbert: 0 of 1 queries were encoded when the timeout of 1e-09 s ran out. "
        "Score fewer (window=...), allow more time, read stored token embeddings "
        "(embeddings=...), or call warmup() before the first request."
    )


def test_the_timeout_holds_for_documents(model: str) -> None:
    """A call with many batches stops in the middle."""
    colbert = ColBERT(model=model, device="cpu", batch_size=1)
    colbert.score(QUERY, DOCUMENTS)

    with pytest.raises(BackendTimeoutError, match=r" of 20000 documents were encoded "):
        colbert.score(QUERY, [f"fox {i}" for i in range(20_000)], timeout=1.0)


def test_waiting_for_another_thread_counts(colbert: ColBERT) -> None:
    """A call that finds the model in use waits no longer than its timeout."""
    encoder = colbert.encoder()
    with encoder._lock, pytest.raises(BackendTimeoutError) as error:
        colbert.score(QUERY, DOCUMENTS, timeout=0.05)

    assert str(error.value).startswith(
        "colbert: another call was using the model when the timeout of 0.05 s ran out. "
    )


def test_threads_share_one_model(model: str) -> None:
    """Many threads load the weights once and all get the right scores."""
    colbert = ColBERT(model=model, device="cpu", batch_size=2)
    expected = ColBERT(model=model, device="cpu").score(QUERY, DOCUMENTS).values
    encoders, failures = set(), []
    barrier = threading.Barrier(8)

    def work() -> None:
        try:
            barrier.wait()
            encoders.add(id(colbert.encoder()))
            for _ in range(5):
                got = colbert.score(QUERY, DOCUMENTS).values
                np.testing.assert_allclose(got, expected, atol=1e-4)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(encoders) == 1


def test_it_pickles_without_weights(colbert: ColBERT) -> None:
    """A copy in another process is as small as its options, and scores the same."""
    expected = colbert.score(QUERY, DOCUMENTS).values

    pickled = pickle.dumps(colbert)

    assert len(pickled) < 1000
    assert pickle.loads(pickled).score(QUERY, DOCUMENTS).values == pytest.approx(
        expected, abs=1e-4
    )


def test_weights_load_on_first_use(model: str) -> None:
    """Building loads nothing, `warmup` loads, `close` lets go, twice if need be."""
    colbert = ColBERT(model=model, device="cpu")
    assert colbert._encoder.loaded is None

    colbert.warmup()
    assert colbert._encoder.loaded is not None

    colbert.close()
    colbert.close()
    assert colbert._encoder.loaded is None


def test_importing_it_is_light() -> None:
    """Finding, showing and building the reranker imports neither torch nor lancedb."""
    code = (
        "import sys, resift; resift.load('colbert', config=None); "
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'lancedb'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_a_progress_bar_is_shown_on_request(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bar goes to standard error, and without a terminal only on request."""
    colbert = ColBERT(model=model, device="cpu", batch_size=1)
    colbert.score(QUERY, DOCUMENTS * 4)
    assert "encoding" not in capsys.readouterr().err

    ColBERT(model=model, device="cpu", show_progress=True).score(QUERY, DOCUMENTS)

    captured = capsys.readouterr()
    assert "colbert: " in captured.err
    assert captured.out == ""


# What cannot work ----------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["batch_size", "query_length", "document_length", "threads"]
)
def test_numbers_start_at_one(name: str) -> None:
    """A size of 0 is refused when the reranker is built."""
    with pytest.raises(ValueError, match=rf"^{name} must be at least 1, got 0\.$"):
        ColBERT(**{name: 0})  # type: ignore[arg-type]


def test_texts_alone_do_not_do_with_a_column(model: str) -> None:
    """Strings cannot be scored where the option embeddings names a column."""
    stored = ColBERT(model=model, device="cpu", embeddings="tokens")
    reranker = resift.Reranker(stored)

    with pytest.raises(InputError, match="needs the column 'tokens'"):
        reranker.rank(QUERY, DOCUMENTS)
    with pytest.raises(InputError) as error:
        stored.score_many([QUERY], [DOCUMENTS])

    assert str(error.value) == (
        "colbert: texts alone cannot be scored, because the option embeddings names a "
        "column ('tokens'). Rerank tables that have it, or unset embeddings to encode "
        "the texts."
    )


def test_vectors_of_another_width_are_refused(model: str) -> None:
    """A column of another width was not written by this model."""
    column = pa.array([[[1.0, 2.0]]], pa.list_(pa.list_(pa.float16(), 2)))
    stored = ColBERT(model=model, device="cpu", embeddings="tokens")

    with pytest.raises(InputError) as error:
        stored.score(QUERY, [""], pa.table({"tokens": column}))

    assert str(error.value) == (
        "colbert: the column 'tokens' (option embeddings) holds vectors of width 2, "
        f"but the model {model!r} makes them 16 wide. Give the model that wrote it, or "
        "write it again with 'resift colbert-index --overwrite'."
    )


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32()], ids=str)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_stored_values_that_are_not_finite_are_refused(
    value: float, kind: pa.DataType, model: str, table: pa.Table
) -> None:
    """NaN among stored values would otherwise pass as *not scored*."""
    vectors = table["tokens"].to_pylist()
    vectors[2][0][3] = value
    column = pa.array(
        [[np.array(v).astype(kind.to_pandas_dtype()) for v in row] for row in vectors],
        pa.list_(pa.list_(kind, 16)),
    )
    stored = ColBERT(model=model, device="cpu", embeddings="tokens")

    with pytest.raises(InputError) as error:
        stored.score(QUERY, [""] * 4, pa.table({"tokens": column}))

    assert str(error.value) == (
        "colbert: the column 'tokens' (option embeddings) has NaN or infinity for 1 of "
        "4 documents, first for document 2. Write it again with 'resift colbert-index "
        "--overwrite'."
    )


def test_a_column_of_another_model_is_refused(
    table: pa.Table, checkpoint: Callable[[str], str], model: str
) -> None:
    """Vectors of the right width, but of another model, are no silent wrong score."""
    other = checkpoint("pylate")
    stored = ColBERT(model=other, device="cpu", embeddings="tokens")

    with pytest.raises(InputError) as error:
        stored.score(QUERY, [""] * 4, table)

    assert str(error.value) == (
        "colbert: the column 'tokens' (option embeddings) was written by the model "
        f"{model!r}, but the option model is {other!r}: their embeddings cannot be "
        "compared. Give the model that wrote it, or write it again with 'resift "
        "colbert-index --overwrite'."
    )
