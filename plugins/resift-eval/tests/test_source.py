"""Where an evaluation gets its parts from, and what it says of those it cannot use."""

from __future__ import annotations

import json

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from lancedb.index import FTS

from resift_eval.beir import BeirFolder
from resift_eval.first_stage import Lance, built

TEXTS = {
    "d1": "the quick red fox",
    "d2": "a red hen and a blue hen",
    "d3": "green tea in the morning",
    "d4": "a fox and a hen met",
    "d5": "black coffee",
}


@pytest.fixture
def files(tmp_path):
    """Return a function that writes run, judgements, queries and documents.

    Given as keyword arguments; it returns the options that name them.
    """
    given = {
        "queries": "1\tqueen of a hive\n2\toil for cars\n3\tswim like fish\n",
        "documents": "d1\ta hive has one queen\nd2\tcars need oil\nd3\tfish swim\n",
        "qrels": "1 0 d1 1\n2 0 d2 1\n3 0 d3 1\n",
        "run": "1 Q0 d3 1 3 m\n1 Q0 d1 2 2 m\n2 Q0 d3 1 3 m\n2 Q0 d2 2 2 m\n"
        "3 Q0 d1 1 3 m\n3 Q0 d3 2 2 m\n",
    }

    def written(**changed):
        options = []
        for name, text in {**given, **changed}.items():
            path = tmp_path / f"{name}.tsv"
            path.write_text(text)
            options += [f"--{name}", path]
        return options

    return written


def notes(result):
    """Return what was said on the screen beside the result."""
    lines = result.stderr.splitlines()
    return [n.removeprefix("note: ") for n in lines if n.startswith("note: ")]


def test_files_that_meet_leave_nothing_to_say(run, files):
    """Run, judgements, queries and documents of the same ids."""
    result = run(*files(), "bm25", "-m", "nDCG@2", "--depth", 2, "--json")

    assert result.exit_code == 0, result.stderr
    assert notes(result) == []
    assert json.loads(result.stdout)["notes"] == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"run": "1 Q0 d1 1 3 m\n9 Q0 d1 1 3 m\n1 Q0 d2 2 2 m\n"},
            [
                "Not answered by the run: 2 of 3 queries, '2', '3'; they count 0.",
                "Not used: 1 of 2 queries of the run, '9'; they are not counted.",
            ],
        ),
        (
            {"run": "1 Q0 x 1 3 m\n1 Q0 d2 2 2 m\n2 Q0 d2 2 2 m\n3 Q0 d3 2 2 m\n"},
            [
                "Without text: 1 of 3 ranked documents, 'x'; rerankers cannot read "
                "them, and put them last."
            ],
        ),
        (
            {"documents": "d1\t \nd2\tcars\nd3\tfish\n"},
            [
                "Without text: 1 of 3 ranked documents, 'd1'; rerankers cannot read "
                "them, and put them last."
            ],
        ),
        (
            {"qrels": "1 0 d1 1\n2 0 d2 1\n3 0 d3 1\n3 0 gone 1\n"},
            [
                "Not in the collection: 1 of 4 relevant documents, 'gone'; they count "
                "as never found."
            ],
        ),
        (
            {"run": "1 Q0 d2 1 3 m\n1 Q0 d3 2 2 m\n2 Q0 d1 1 3 m\n3 Q0 d1 1 3 m\n"},
            ["The run ranks no relevant document of any query: all count 0."],
        ),
        (
            {"run": "".join(f"{q} Q0 d{i} {i} {9 - i} m\n" for q in "123"
                            for i in (1, 2, 3))},
            [
                "The run holds up to 3 documents for a query; on 3 queries only the "
                "first 2 are used (--depth)."
            ],
        ),
        (
            {"qrels": "1 0 d1 1\n"},
            [
                "Not counted (not judged): 2 of 3 queries, '2', '3'.",
                "Not used: 2 of 3 queries of the run, '2', '3'; they are not counted.",
                "One query is counted: it says nothing about others.",
            ],
        ),
    ],
)  # fmt: skip
def test_what_does_not_meet_is_said(run, files, changed, said):
    """Each gap between run, queries, judgements and documents is a note."""
    options = files(**changed)

    result = run(*options, "bm25", "-m", "nDCG@2", "--depth", 2, "--json")

    assert result.exit_code == 0, result.stderr
    assert notes(result) == said
    assert json.loads(result.stdout)["notes"] == said


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"run": "q1 Q0 d1 1 3 m\nq2 Q0 d1 1 3 m\n"},
            "The run answers none of the 3 queries. Queries: '1', '2', '3'; the run's: "
            "'q1', 'q2'. Do the ids agree?",
        ),
        (
            {"run": "1 Q0 D1 1 3 m\n2 Q0 D2 1 3 m\n"},
            "None of the 2 documents that the run ranks has a text. The run's: 'D1', "
            "'D2'; documents: 'd1', 'd2', 'd3'. Do the ids agree?",
        ),
        (
            {"qrels": "1 0 D1 1\n2 0 D2 1\n"},
            "None of the 2 relevant documents is known. Judged: 'D1', 'D2'; documents: "
            "'d1', 'd2', 'd3'. Do the ids agree?",
        ),
        (
            {"qrels": "q1 0 d1 1\n"},
            "run: none of the 3 queries is judged. Queries: '1', '2', '3'; judged: "
            "'q1'. Do the ids agree?",
        ),
    ],
)
def test_nothing_that_meets_is_an_error(run, files, changed, message):
    """Ids that agree nowhere are shown from both sides."""
    result = run(*files(**changed), "bm25")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"Error: {message}"


@pytest.mark.parametrize(
    ("depth", "measures", "said"),
    [
        (
            100, ("nDCG@2", "R@50"),
            "Deeper than there are documents: R@50; the run holds 2 for a query at "
            "most.",
        ),
        (
            1, ("P@1", "P@2"),
            "Deeper than there are documents: P@2; --depth is 1.",
        ),
    ],
)  # fmt: skip
def test_a_measure_that_looks_too_deep_is_said(run, files, depth, measures, said):
    """A cutoff beyond the depth, or beyond the run, measures what is not there."""
    asked = [part for name in measures for part in ("-m", name)]

    result = run(*files(), "bm25", "--depth", depth, *asked)

    assert result.exit_code == 0, result.stderr
    assert said in notes(result)


def test_a_topic_with_negative_grades_only_is_not_counted(run, files):
    """A topic of junk pages (-2) is said, and ends in no fault."""
    result = run(*files(qrels="1 0 d1 1\n2 0 d2 -2\n3 0 d3 1\n3 0 d1 -2\n"), "bm25")

    assert result.exit_code == 0, result.stderr
    assert "Not counted (nothing relevant): 1 of 3 queries, '2'." in notes(result)


def test_fractional_grades_count_when_scaled(run, files):
    """Gains of 1.0 and 0.1 give the same nDCG as 10 and 1."""
    fractions = "1 0 d1 1.0\n1 0 d3 0.1\n2 0 d2 1\n3 0 d3 1\n"
    whole = "1 0 d1 10\n1 0 d3 1\n2 0 d2 10\n3 0 d3 10\n"

    scaled = run(*files(qrels=fractions), "bm25", "--json", "--scale-grades", 10)
    exact = run(*files(qrels=whole), "bm25", "--json")

    first, second = (
        json.loads(r.stdout)["contestants"][0]["measures"]["nDCG@10"]["values"]
        for r in (scaled, exact)
    )
    assert first == second
    assert first[0] == pytest.approx((1 + 10 / np.log2(3)) / (10 + 1 / np.log2(3)))


def test_files_beside_a_folder_stand_in_for_its_own(run, beir, tmp_path):
    """Queries, judgements and documents of one's own, each alone."""
    (tmp_path / "q.tsv").write_text("q2\tcoffee\n")
    (tmp_path / "qrels").write_text("q2 0 d5 1\n")
    (tmp_path / "d.tsv").write_text("d3\tgreen tea\nd1\tfox\nd4\thens\n")

    def ranked(*options):
        result = run("--data", beir, *options, "--json", "-m", "RR")
        found = json.loads(result.stdout)
        return found["queries"], found["contestants"][0]["measures"]["RR"]["mean"]

    assert ranked() == (["q1", "q2", "q3"], pytest.approx(2.5 / 3))
    assert ranked("--qrels", tmp_path / "qrels") == (["q2"], 0.0)
    assert ranked("--queries", tmp_path / "q.tsv") == (["q2"], 0.0)
    assert ranked("--documents", tmp_path / "d.tsv")[1] == 1.0
    mine = ("--queries", tmp_path / "q.tsv", "--qrels", tmp_path / "qrels")
    assert ranked(*mine) == (["q2"], 1.0)


def test_a_run_beside_a_folder_is_reranked(run, beir, tmp_path):
    """The folder gives texts, queries and judgements; it is not searched."""
    (tmp_path / "mine.tsv").write_text("q1\td5\t1\nq1\td1\t2\nq2\td3\t1\nq3\td4\t1\n")

    result = run("--data", beir, "--run", tmp_path / "mine.tsv", "bm25", "--json",
                 "-m", "RR")  # fmt: skip

    found = json.loads(result.stdout)
    assert [row["name"] for row in found["contestants"]] == ["run", "bm25"]
    means = [row["measures"]["RR"]["mean"] for row in found["contestants"]]
    assert means == pytest.approx([2.5 / 3, 1.0])


def test_a_split_of_a_folder_is_measured(run, beir):
    """`--split dev` measures the queries of dev."""
    (beir / "qrels").mkdir()
    (beir / "qrels" / "dev.tsv").write_text("q2\td3\t1\n")

    result = run("--data", beir, "--split", "dev", "bm25", "--json")

    assert json.loads(result.stdout)["queries"] == ["q2"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--data", "--db", "--table=t"), "--data has no effect here: --db says what "
         "to search."),
        (("--db", "--table=t", "--queries", "--qrels", "--documents"),
         "--documents has no effect here: the table holds the texts."),
        (("--data", "--table=t"), "--table has no effect here: it is about a table of "
         "--db."),
        (("--data", "--text=body"), "--text has no effect here: it is about a table of "
         "--db."),
        (("--data", "--run", "--vectors"), "--vectors has no effect here: a run is not "
         "searched."),
        (("--data", "--vectors", "--embed=bm25"), "--embed has no effect here: "
         "--vectors holds the vectors."),
        (("--data", "--distance=dot"), "--distance has no effect here: there are no "
         "vectors."),
        (("--db", "--table=t", "--queries", "--qrels", "--vector-column=v"),
         "--vector-column has no effect here: it goes with --vectors or --embed."),
        (("--data", "--qrels", "--split=dev"), "--split has no effect here: --qrels "
         "names the judgements."),
        (("--run", "--documents", "--queries", "--qrels", "--split=dev"),
         "--split has no effect here: it is about the folder of --data."),
        (("--run", "--queries", "--qrels"), "--run needs --documents: rerankers read "
         "the texts."),
        (("--db", "--queries", "--qrels"), "--db needs --table."),
        (("--data", "--grid=1"), "--grid has no effect here: it holds values for "
         "--tune."),
        (("--data", "--overwrite"), "--overwrite has no effect here: it needs --out."),
        (("--data", "--tune=k1", "--baseline=rrf"), "--baseline has no effect here: "
         "values are compared with not set."),
        (("--data", "--tune=k1", "--out"), "--out has no effect here: --tune writes no "
         "report."),
        (("--data", "--tune=k1", "-obm25.b=1"), "--option has no effect here: set it "
         "in the config, under a name of its own, and tune that name."),
        (("--data", "--tune=k1", "-mRR", "-mAP"), "--measure has no effect here: "
         "--tune decides by one measure."),
    ],
)  # fmt: skip
def test_an_option_without_effect_is_refused(run, beir, tmp_path, options, message):
    """What is given is used, or the command says why it is not."""
    file = tmp_path / "file.tsv"
    file.write_text("1\t2\n")
    paths = {
        "--data": beir, "--db": tmp_path, "--run": file, "--documents": file,
        "--queries": file, "--qrels": file, "--vectors": file, "--out": tmp_path / "o",
    }  # fmt: skip
    given = [part for o in options for part in ([o, paths[o]] if o in paths else [o])]

    result = run(*given, "bm25")

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"Error: {message}"


@pytest.fixture
def stored(tmp_path):
    """Return a function that makes a table of texts and of vectors."""

    def made(index=None, **vectors):
        rows = {"id": list(TEXTS), "Body Text": list(TEXTS.values())}
        for name, values in vectors.items():
            flat = pa.array(np.asarray(values, np.float32).ravel())
            rows[name] = pa.FixedSizeListArray.from_arrays(flat, len(values[0]))
        connection = lancedb.connect(tmp_path / "db")
        table = connection.create_table("docs", pa.table(rows), mode="overwrite")
        if index:
            table.create_index(index, config=FTS())
        return table

    return made


def over(beir, tmp_path):
    """Return the options of an evaluation of the stored table."""
    return (
        "--db", tmp_path / "db", "--table", "docs", "--text", "Body Text",
        "--queries", beir / "queries.jsonl", "--qrels", beir / "qrels.tsv",
    )  # fmt: skip


def test_a_hybrid_table_with_stored_vectors_is_evaluated(run, beir, tmp_path, stored):
    """Query vectors come by id, whatever their order in the file."""
    stored("Body Text", vector=np.eye(5))
    np.savez(
        tmp_path / "q.npz", queries=np.eye(5)[[2, 0, 3]], query_ids=["q2", "q1", "q3"]
    )

    result = run(
        *over(beir, tmp_path), "--vectors", tmp_path / "q.npz", "dbsf", "--json",
        "-m", "RR",
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)["contestants"]
    assert [row["name"] for row in found] == ["vector", "Body Text", "rrf", "dbsf"]
    assert found[0]["measures"]["RR"]["values"] == [1.0, 1.0, 1.0]
    assert notes(result) == ["Not counted (not judged): 1 of 4 queries, 'unjudged'."]


def test_vectors_that_are_not_searched_are_said(run, beir, tmp_path, stored):
    """A table that cannot embed is not searched by text alone without a word."""
    stored("Body Text", vector=np.eye(5))

    result = run(*over(beir, tmp_path), "bm25")

    assert (
        "Column 'vector' is not searched: the table cannot embed queries for it. Give "
        "--vectors, or --embed."
    ) in notes(result)


def test_nothing_to_search_by_names_the_vectors(run, beir, tmp_path, stored):
    """A table with vectors only says how their queries are given."""
    stored(vector=np.eye(5))

    result = run(*over(beir, tmp_path), "bm25")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: The table has neither a full-text index nor vectors to search by. "
        "Vector columns: vector; their query vectors come from --vectors or --embed."
    )


def test_one_of_several_vector_columns_is_named(run, beir, tmp_path, stored):
    """Which column the query vectors are for must be said where there are two."""
    stored(a=np.eye(5), b=np.eye(5)[::-1])
    np.savez(tmp_path / "q.npz", queries=np.eye(5)[[0, 2, 3, 4]])
    options = (*over(beir, tmp_path), "--vectors", tmp_path / "q.npz", "--json")

    unnamed = run(*options)
    named = run(*options, "--vector-column", "a", "-m", "RR")

    assert unnamed.stderr.splitlines()[-1] == (
        "Error: Vector columns of the table: 'a', 'b'; --vector-column is needed."
    )
    (leg,) = json.loads(named.stdout)["contestants"]
    assert (leg["name"], leg["measures"]["RR"]["mean"]) == ("a", 1.0)


def test_the_distance_decides_the_order(beir, stored):
    """Vectors of other lengths are near by one distance and far by another."""
    table = stored(vector=[[9, 1], [0, 1], [0, 3], [0, 5], [0, 7]])
    asked = {"q1": np.array([1.0, 0.0])}

    first = {
        distance: Lance(
            table, id="id", text="Body Text", vectors=asked, distance=distance
        ).candidates("q1", "red fox", 1)[0]["id"].to_pylist()
        for distance in ("l2", "cosine")
    }  # fmt: skip

    assert first == {"l2": ["d2"], "cosine": ["d1"]}


def test_only_what_embeds_can_embed(run, beir):
    """A reranker without vectors is named, with one that has them."""
    result = run("--data", beir, "--embed", "bm25", "rrf")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: --embed must name a reranker that embeds texts, as 'bi-encoder' does, "
        "got 'bm25'."
    )


@pytest.mark.slow
def test_an_installed_encoder_makes_the_vectors(run, beir, tmp_path, stored, encoder):
    """`--embed` serves a table with stored vectors, and a folder without any."""
    from resift_bi_encoder import BiEncoder

    texts = list(TEXTS.values())
    stored("Body Text", vector=BiEncoder(model=encoder).embed("a", texts)[1])
    made = ("--embed", "bi-encoder", "-o", f"bi-encoder.model={encoder}", "--json")

    table = run(*over(beir, tmp_path), *made, "rrf")
    folder = run("--data", beir, *made, "rrf")

    assert table.exit_code == 0, table.stderr
    legs = [[row["name"] for row in json.loads(r.stdout)["contestants"]]
            for r in (table, folder)]  # fmt: skip
    assert legs == [["vector", "Body Text", "rrf"], ["vector", "text", "rrf"]]


@pytest.fixture
def encoder(tmp_path):
    """Return the folder of a tiny embedding model with random weights."""
    pytest.importorskip("resift_bi_encoder")
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    tokens += [f"##{letter}" for letter in letters]
    tokenizer = BertTokenizer(
        vocab={token: i for i, token in enumerate(tokens)}, model_max_length=32
    )
    tokenizer.save_pretrained(tmp_path / "parts")
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=32, max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path / "parts")
    transformer = Transformer(str(tmp_path / "parts"))
    pooling = Pooling(transformer.get_embedding_dimension())
    SentenceTransformer(modules=[transformer, pooling], device="cpu").save(
        str(tmp_path / "model")
    )
    return tmp_path / "model"


def test_query_vectors_reach_their_query(beir):
    """Vectors are matched with queries by their ids."""
    collection = BeirFolder(beir).read()
    documents = dict(
        zip(collection.documents, np.eye(5, dtype=np.float32), strict=True)
    )
    asked = dict(zip(["q1", "q2", "q3"], np.eye(5, dtype=np.float32)[1:], strict=False))

    with built(collection, (documents, asked)) as stage:
        first = stage.candidates("q2", "green tea", 1)[0]

    assert first["id"].to_pylist() == ["d3"]
