"""`Dialect`: all that sets one rerank server apart from the next, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import quote

from resift_remote import join, put_at

__all__ = ["Dialect", "ScoreKind"]

ScoreKind: TypeAlias = Literal["probability", "similarity", "logit", "ordinal"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to ask one kind of server, and how to read what it answers.

    A name with dots reaches into nested JSON (``"error.message"``); ``""`` means that
    there is no such field. ``{option}`` in `path` and `headers` stands for the value of
    an option of the reranker.

    Args:
        base_url: Where the server is unless the user says otherwise.
        path: What follows; segments that the user's address already has are not
            repeated.
        slug: What to replace in the model's name where it stands in `path`.
        key_variables: Environment variables that may hold the key, the first set wins.
        key_required: Whether there is no use in asking without a key.
        auth_header: The header for the key.
        auth_scheme: The word before the key in that header.
        headers: Further headers.
        model_field: Field for the model's name.
        query_field: Field for the query.
        query_per_document: Whether the query is sent once for each document.
        documents_field: Field for the documents.
        document_field: Field for the text inside each document, where a document is an
            object and not a string.
        id_field: Field inside each document that numbers it, as a string of digits,
            for servers that name documents so in their results.
        top_k_field: Field that cuts the answer to the best documents.
        always_top_k: Whether that is always sent, and not only when the caller cuts.
        instruction_field: Field for the instruction, where the server takes one.
        instruction_in_query: Whether the instruction goes before the query instead.
        without_instruction: Models that take none, all the same.
        constants: Fields that are always sent, such as a "do not echo the documents".
        options: Options of the reranker that are sent when set, and their fields.
        results_path: Where the results are; ``""`` where the answer is the list itself.
        index_field: Field of a result that tells which document it is about.
        score_field: Field of a result that holds its score; ``""`` where the results
            are bare numbers in the order of the documents.
        score_kind: What a score means; see `resift.hookspecs`.
        usage: Where an answer may tell what it cost, by name, the first found wins;
            by default where most servers tell it.
        error_paths: Where a message may stand in an error, the first found wins.
        max_documents: The most documents the server takes in one request, if known.
        info_path: Path that tells this limit, if the server has one.
        info_field: Field of that answer.
        pointwise: Whether a document's score never depends on the other documents of
            its request, so that the answers to several requests can be merged.
        listwise: Models for which it depends on them, all the same.
    """

    base_url: str = ""
    path: str = "/v1/rerank"
    slug: Mapping[str, str] = field(default_factory=dict)
    key_variables: tuple[str, ...] = ()
    key_required: bool = True
    auth_header: str = "Authorization"
    auth_scheme: str = "Bearer"
    headers: Mapping[str, str] = field(default_factory=dict)
    model_field: str = "model"
    query_field: str = "query"
    query_per_document: bool = False
    documents_field: str = "documents"
    document_field: str = ""
    id_field: str = ""
    top_k_field: str = "top_n"
    always_top_k: bool = False
    instruction_field: str = ""
    instruction_in_query: bool = False
    without_instruction: tuple[str, ...] = ()
    constants: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    results_path: str = "results"
    index_field: str = "index"
    score_field: str = "relevance_score"
    score_kind: ScoreKind = "probability"
    usage: Mapping[str, Sequence[str]] | None = None
    error_paths: tuple[str, ...] = ("message", "detail", "error.message", "error")
    max_documents: int | None = None
    info_path: str = ""
    info_field: str = ""
    pointwise: bool = True
    listwise: tuple[str, ...] = ()

    def url(self, base_url: str, options: Mapping[str, object]) -> str:
        """Return the address to post to.

        Args:
            base_url: Where the server is.
            options: The reranker's options, for the placeholders of `path`.
        """
        values = {name: quote(str(value)) for name, value in options.items()}
        for old, new in self.slug.items():
            values["model"] = values["model"].replace(old, new)
        return join(base_url, self.path.format_map(values))

    def body(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None,
        options: Mapping[str, object],
        instruction: str | None = None,
    ) -> dict[str, object]:
        """Return the request's JSON: the fields of this dialect and no others.

        Args:
            query: The query.
            documents: The documents of this request.
            top_k: How many of the best are wanted; None for all.
            options: The reranker's options; those that are None are not sent.
            instruction: What counts as relevant, in words; None where the dialect
                does not take it.
        """
        if instruction is not None and self.instruction_in_query:
            query = f"{instruction}\n{query}"
        body: dict[str, object] = {}
        put_at(body, self.model_field, options.get("model"))
        put_at(
            body,
            self.query_field,
            [query] * len(documents) if self.query_per_document else query,
        )
        sent = [self._document(i, text) for i, text in enumerate(documents)]
        put_at(body, self.documents_field, sent)
        put_at(body, self.instruction_field, instruction)
        for name, value in self.constants.items():
            put_at(body, name, value)
        for option, name in self.options.items():
            put_at(body, name, options.get(option))
        if top_k is None and self.always_top_k:
            top_k = len(documents)
        put_at(body, self.top_k_field, top_k)
        return body

    def _document(self, index: int, text: str) -> str | dict[str, object]:
        if not self.document_field:
            return text
        document: dict[str, object] = {}
        put_at(document, self.id_field, str(index))
        put_at(document, self.document_field, text)
        return document
