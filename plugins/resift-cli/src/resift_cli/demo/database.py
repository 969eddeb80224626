"""The demo's search engine: the corpus in an embedded LanceDB, indexed both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from resift.errors import InputError
from resift_cli.demo.corpus import Docstring, docstrings, parse, source_files

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

__all__ = ["TABLE", "build", "is_demo", "is_static", "read_corpus"]

TABLE = "stdlib"

_LanceTable: TypeAlias = Any  # lancedb types its tables and databases loosely
_Embedding: TypeAlias = Any  # its embedding functions, too
_Progress: TypeAlias = Callable[[int, int], None]
_BATCH = 256  # documents that are embedded between two steps of the progress


def read_corpus(progress: _Progress | None = None) -> list[Docstring]:
    """Read the documentation of the running Python's standard library.

    Args:
        progress: Called with how many files are read, and how many there are.
    """
    paths = source_files()
    modules = []
    for done, path in enumerate(paths, start=1):
        if module := parse(path):
            modules.append(module)
        if progress:
            progress(done, len(paths))
    return docstrings(modules)


def build(
    folder: Path, corpus: list[Docstring], progress: _Progress | None = None
) -> _LanceTable:
    """Write *corpus* into a LanceDB in *folder*: vectors and a full-text index.

    A table of an earlier demo is replaced. The vectors are those of resift-static where
    that is installed, else hashed words.

    Args:
        folder: Where the database goes.
        corpus: The documents.
        progress: Called with how many documents have their vector, and how many there
            are.

    Raises:
        InputError: If another table of that name is there.
    """
    import lancedb
    from lancedb.embeddings import EmbeddingFunctionConfig
    from lancedb.index import FTS

    from resift_cli.demo.embedding import best

    function = best()
    embedding = EmbeddingFunctionConfig(
        source_column="text", vector_column="vector", function=function
    )
    database = lancedb.connect(folder)
    mode = "overwrite" if _has_demo(database, folder) else "create"
    table = database.create_table(
        TABLE,
        _rows(corpus, function, progress),
        mode=mode,
        embedding_functions=[embedding],
    )
    table.create_index("text", config=FTS())
    return table


def is_demo(table: _LanceTable) -> bool:
    """Tell whether a LanceDB table was written by `build`."""
    functions = (table.schema.metadata or {}).get(b"embedding_functions", b"")
    from resift_cli.demo.vectors import EMBEDDING, STATIC

    return any(f'"{name}"'.encode() in functions for name in (EMBEDDING, STATIC))


def is_static(table: _LanceTable) -> bool:
    """Return whether a demo's table has static embeddings, not hashed words."""
    from resift_cli.demo.vectors import STATIC

    functions = (table.schema.metadata or {}).get(b"embedding_functions", b"")
    return f'"{STATIC}"'.encode() in functions


def _rows(
    corpus: list[Docstring], function: _Embedding, progress: _Progress | None
) -> pa.Table:
    """Return the table's content: name, kind, text, vector."""
    import numpy as np
    import pyarrow as pa

    from resift_cli.demo.embedding import HashedWords

    texts = [document.text for document in corpus]
    batch = len(texts) if isinstance(function, HashedWords) else _BATCH  # one idf
    vectors: list[object] = []
    for start in range(0, len(texts), batch):
        vectors += function.compute_source_embeddings(texts[start : start + batch])
        if progress:
            progress(len(vectors), len(texts))
    flat = np.concatenate(vectors).astype(np.float32)  # type: ignore[arg-type]  # arrays
    return pa.table(
        {
            "name": [document.name for document in corpus],
            "kind": [document.kind for document in corpus],
            "text": texts,
            "vector": pa.FixedSizeListArray.from_arrays(flat, function.ndims()),
        }
    )


def _has_demo(database: _LanceTable, folder: Path) -> bool:
    """Tell whether an earlier demo's table is there.

    Raises:
        InputError: If a table of that name is there, but no demo has written it.
    """
    try:
        table = database.open_table(TABLE)
    except ValueError:  # there is none
        return False
    if not is_demo(table):
        msg = (
            f"{str(folder)!r} has a table {TABLE!r} that no demo has written. "
            "Choose another folder."
        )
        raise InputError(msg, who="demo")
    return True
