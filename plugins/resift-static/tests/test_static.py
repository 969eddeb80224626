"""`static` on real weights, and on tiny models in the formats that others save."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

import resift
from resift.errors import ModelError
from resift_static import StaticEmbeddings

WORDS = {"[UNK]": 0, "fox": 1, "red": 2, "whale": 3}
VECTORS = np.array([[9, 9], [1, 0], [0, 1], [-1, 0]], dtype=np.float32)


@pytest.fixture
def save(tmp_path):
    """Return a function that saves a tiny model, tensors by name."""

    def write(folder="", config=None, **tensors):
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        tokenizer = Tokenizer(WordLevel(WORDS, unk_token="[UNK]"))  # noqa: S106  # a word
        tokenizer.pre_tokenizer = Whitespace()
        tokenizer.save(str(place / "tokenizer.json"))
        named = {name.replace("__", "."): value for name, value in tensors.items()}
        save_file(named, place / "model.safetensors")
        if config is not None:
            (tmp_path / "config.json").write_text(json.dumps(config))
        return tmp_path

    return write


def scores(model, query, documents, **options):
    """Return the raw scores of some documents."""
    reranker = resift.load("static", config=None, model=str(model), **options)
    return reranker.score(query, documents).values


def test_mean_of_tokens(save):
    """A text is the mean of its known tokens' vectors; the score is the cosine."""
    model = save(embeddings=VECTORS)

    found = scores(model, "fox", ["fox", "red fox", "whale", "red", "fox unheard"])

    assert found == pytest.approx([1, 2**-0.5, -1, 0, 1])


def test_text_without_known_words(save):
    """A text of unknown words has no direction: its score is 0."""
    model = save(embeddings=VECTORS)

    assert scores(model, "fox", ["nothing known"]).tolist() == [0.0]


def test_weights_and_mapping(save):
    """Model2vec's token weights and its map from tokens to rows are honoured."""
    model = save(
        embeddings=VECTORS[1:],
        weights=np.array([1, 1, 3, 1], dtype=np.float32),
        mapping=np.array([0, 0, 1, 2], dtype=np.int64),
    )

    found = scores(model, "fox", ["red fox", "whale"])

    assert found == pytest.approx([10**-0.5, -1])  # of (1, 3)


def test_layout_of_sentence_transformers(save):
    """A `StaticEmbedding` lies in a folder of its own, under another tensor's name."""
    model = save("0_StaticEmbedding", embedding__weight=VECTORS)

    assert scores(model, "fox", ["fox", "red"]).tolist() == [1.0, 0.0]


def test_dimensions(save):
    """The first dimensions alone are compared."""
    model = save(embeddings=VECTORS)

    assert scores(model, "fox", ["red fox"], dimensions=1).tolist() == [1.0]


def test_too_many_dimensions(save):
    """More dimensions than there are is an error that says how many there are."""
    model = save(embeddings=VECTORS)

    with pytest.raises(ModelError) as caught:
        scores(model, "fox", ["red"], dimensions=3)

    assert str(caught.value) == (
        f"static: option 'dimensions' must be at most 2 for {str(model)!r}, got 3. Set "
        "fewer, or leave it out."
    )


def test_what_is_cut_is_said(save):
    """Tokens beyond the model's own limit are counted in a note and a column."""
    model = save(embeddings=VECTORS, config={"seq_length": 2})
    reranker = resift.load("static", config=None, model=str(model))

    found = reranker.score("fox", ["fox red red red", "fox"])

    assert found.columns["tokens_cut"].tolist() == [2, 0]
    assert found.notes == (
        "static: 1 of 2 documents do not fit into the 2 tokens that the model reads: 2 "
        "tokens were cut (option 'max_length').",
    )


def test_other_models_are_refused(save):
    """A model without a table of vectors is refused by the tensors that it has."""
    model = save(encoder=VECTORS)

    with pytest.raises(ModelError) as caught:
        scores(model, "fox", ["red"])

    assert str(caught.value) == (
        f"static: option 'model': {str(model)!r} is no static model: it has neither "
        "'embeddings' nor 'embedding.weight'. Give a model saved by model2vec, or a "
        "StaticEmbedding of sentence-transformers."
    )


def test_empty_folder(tmp_path):
    """A folder without a model is refused by what is missing."""
    with pytest.raises(ModelError) as caught:
        scores(tmp_path, "fox", ["red"])

    assert str(caught.value) == (
        f"static: option 'model': {str(tmp_path)!r} has no model.safetensors and "
        "tokenizer.json. Give a model saved by model2vec, or a StaticEmbedding of "
        "sentence-transformers."
    )


def test_without_wordllama(monkeypatch):
    """Where the package with the weights is missing, the message says what to do."""
    monkeypatch.setattr("resift_static.checkpoint.find_spec", lambda name: None)

    with pytest.raises(ModelError) as caught:
        scores("wordllama", "fox", ["red"])

    assert str(caught.value) == (
        "static: option 'model': 'wordllama' are the weights inside the package "
        "wordllama, which is not installed. Run: pip install wordllama, or give "
        "another model."
    )


def test_meaning_without_shared_words():
    """With wordllama's weights, a folder is like a directory, with no word shared."""
    documents = ["Fetch a web page.", "Remove a directory tree."]

    first = resift.load("static", config=None).rank("delete this folder", documents)[0]

    assert first.document == "Remove a directory tree."


def test_nothing_heavy_is_imported():
    """Neither torch nor wordllama is imported to score."""
    code = (
        "import sys, resift; resift.load('static', config=None).rank('a', ['b', 'c']); "
        "print({'torch', 'wordllama', 'transformers'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout == "set()\n"


def test_embedding_function_of_lancedb(save, tmp_path):
    """LanceDB embeds rows and queries with the same model, also after reopening."""
    lancedb = pytest.importorskip("lancedb")
    from lancedb.pydantic import LanceModel, Vector

    from resift_static.lancedb import StaticVectors

    function = StaticVectors.create(model=str(save(embeddings=VECTORS)))

    class Animal(LanceModel):
        text: str = function.SourceField()
        vector: Vector(function.ndims()) = function.VectorField()

    lancedb.connect(tmp_path / "db").create_table("animals", schema=Animal).add(
        [{"text": "whale"}, {"text": "red fox"}]
    )
    table = lancedb.connect(tmp_path / "db").open_table("animals")

    assert table.search("fox").limit(1).to_list()[0]["text"] == "red fox"


def test_options_travel():
    """A pickle has the options and not the model."""
    import pickle

    reranker = StaticEmbeddings(dimensions=64)
    reranker.encode(["a"])

    assert len(pickle.dumps(reranker)) < 500
