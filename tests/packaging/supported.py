"""What every supported version must do, run where it is installed: no test itself."""

from __future__ import annotations

import sys
from pathlib import Path

import lancedb
import pyarrow as pa

import resift
import resift.lancedb

TEXTS = [
    "a red fox",
    "a blue whale",
    "the quick red fox runs",
    "green tea",
    "a red hen",
]


def main(folder: Path) -> None:
    """Search by each way in, and print what was used."""
    vectors = pa.array(
        [[float(i), 1.0, 0.0] for i in range(len(TEXTS))], pa.list_(pa.float32(), 3)
    )
    rows = pa.table({"id": range(len(TEXTS)), "text": TEXTS, "vector": vectors})
    table = lancedb.connect(str(folder)).create_table("docs", rows)
    create_index(table)

    for name in ("rrf", "dbsf", "convex", "bm25"):
        hybrid = table.search(query_type="hybrid").vector([0.0, 1.0, 0.0])
        asked = hybrid.text("red fox").limit(3)
        found = asked.rerank(resift.lancedb.load(name)).to_arrow()
        expect(len(found) == 3 and "_relevance_score" in found.schema.names, name)

    nearest = table.search([0.0, 1.0, 0.0]).limit(5)
    vector = nearest.rerank(resift.lancedb.load("bm25"), query_string="red fox")
    expect(vector.to_arrow()["id"].to_pylist()[0] in (0, 2), "a vector query")

    pages = [
        resift.lancedb.search(
            table, "red fox", vectors={"vector": [0.0, 1.0, 0.0]}, limit=2, offset=at
        )["id"].to_pylist()
        for at in (0, 2, 4)
    ]
    expect(sorted(found for page in pages for found in page) == list(range(5)), "pages")
    versions = (resift.__version__, lancedb.__version__, pa.__version__)
    sys.stdout.write("resift {}, lancedb {}, pyarrow {}: ok\n".format(*versions))


def create_index(table: object) -> None:
    """Index the texts, in the words of this LanceDB."""
    try:
        from lancedb.index import FTS

        table.create_index("text", config=FTS(stem=False, remove_stop_words=False))
    except TypeError:  # before 0.36
        table.create_fts_index("text", use_tantivy=False, stem=False)


def expect(holds: object, what: str) -> None:
    """Stop where something does not hold."""
    if not holds:
        sys.exit(f"not as supported: {what}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
