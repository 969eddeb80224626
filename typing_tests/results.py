"""What a user's type checker must see; `assert_type` does nothing when it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import assert_type

import pyarrow as pa

import resift
import resift.lancedb
from resift import RankedDocument, RankedDocuments, Reranker
from resift.lancedb import LanceReranker

Document = str | Mapping[str, object] | None


def strings(reranker: Reranker, texts: list[str]) -> None:
    ranked = reranker.rank("query", texts)

    assert_type(ranked, RankedDocuments[str])
    assert_type(ranked[0], RankedDocument[str])
    assert_type(ranked[0].document, str)
    assert_type(ranked[0].score, float | None)
    assert_type([each.document.upper() for each in ranked], list[str])
    assert_type(ranked.to_list(), list[dict[str, object]])


def mappings(reranker: Reranker, rows: list[dict[str, str]]) -> None:
    assert_type(reranker.rank("query", rows)[0].document, dict[str, str])


def holes(reranker: Reranker, texts: list[str | None]) -> None:
    assert_type(reranker.rank("query", texts)[0].document, str | None)


def many(reranker: Reranker, texts: list[list[str]]) -> None:
    assert_type(reranker.rank_many(["query"], texts), list[RankedDocuments[str]])
    assert_type(
        reranker.rank_many(["query"], texts, on_error="return"),
        list[RankedDocuments[str] | Exception],
    )


def streamed(
    reranker: Reranker, queries: Iterator[str], texts: Iterator[list[str]]
) -> None:
    ranked = reranker.rank_many(queries, texts)

    assert_type(ranked, Iterator[RankedDocuments[str]])
    assert_type(reranker.rank_many(["query"], texts), Iterable[RankedDocuments[str]])


async def awaited_many(
    reranker: Reranker, queries: Iterator[str], texts: list[list[str]]
) -> None:
    ranked = await reranker.arank_many(["query"], texts)
    stream = await reranker.arank_many(queries, texts)

    assert_type(ranked, list[RankedDocuments[str]])
    assert_type(stream, AsyncIterator[RankedDocuments[str]])


async def awaited(reranker: Reranker, texts: list[str]) -> None:
    assert_type(await reranker.arank("query", texts), RankedDocuments[str])


def unparameterised(ranked: RankedDocuments) -> None:
    assert_type(ranked[0].document, Document)


def lance(table: object, built: Reranker) -> None:
    assert_type(resift.load("bm25"), Reranker)
    assert_type(resift.lancedb.load("bm25", k1=1.2), LanceReranker)
    assert_type(resift.lancedb.load(built, return_score="all"), LanceReranker)
    resift.lancedb.load(built, k1=1.2)  # type: ignore[call-overload]  # options need a name
    resift.lancedb.load("bm25", return_score="most")  # type: ignore[call-overload]
    assert_type(resift.lancedb.search(table, "query", limit=5), pa.Table)
