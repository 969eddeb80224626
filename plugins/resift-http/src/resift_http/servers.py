"""The rerankers of servers that you run yourself, and of any server you describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, fields, replace
from typing import ClassVar

from resift_http.dialect import Dialect, ScoreKind
from resift_http.reranker import DialectReranker
from resift_remote import option_values, options

__all__ = ["Http", "Infinity", "Tei", "Vllm"]


@options
class Tei(DialectReranker):
    """Rerank with Hugging Face's Text Embeddings Inference.

    How many documents it takes in one request is read from its ``/info``.

    Args:
        truncate: Whether it may cut documents that are too long for the model; by
            default it refuses them.
        raw_scores: Whether to get logits instead of probabilities.
    """

    name: ClassVar[str] = "tei"

    truncate: bool | None = None
    raw_scores: bool | None = None

    def _choose_dialect(self) -> Dialect:
        return _raw(super()._choose_dialect(), raw_scores=bool(self.raw_scores))


@options
class Infinity(DialectReranker):
    """Rerank with an infinity server.

    Args:
        model: The model; by default the one it serves.
        raw_scores: Whether to get logits instead of probabilities.
    """

    name: ClassVar[str] = "infinity"

    model: str | None = None
    raw_scores: bool | None = None

    def _choose_dialect(self) -> Dialect:
        return _raw(super()._choose_dialect(), raw_scores=bool(self.raw_scores))


@options
class Vllm(DialectReranker):
    """Rerank with a vLLM server.

    Args:
        model: The model; by default the one it serves.
        truncate_prompt_tokens: Tokens after which query and document are cut; -1 is
            the most that the model takes. By default too long a text is refused.
        use_activation: False for logits; by default the server's own choice, which is
            a probability for models with one label.
    """

    name: ClassVar[str] = "vllm"

    model: str | None = None
    truncate_prompt_tokens: int | None = None
    use_activation: bool | None = None

    def _choose_dialect(self) -> Dialect:
        return _raw(super()._choose_dialect(), raw_scores=self.use_activation is False)


@options
class Http(DialectReranker):
    """Rerank with any server, described by these options.

    The defaults describe the dialect of Jina and Cohere v1, which most servers and
    gateways speak. A name with dots reaches into nested JSON; ``""`` means that there
    is no such field.

    Args:
        base_url: Where the server is.
        path: What follows; segments that `base_url` already has are not repeated, and
            ``{model}`` stands for the model.
        model: The model.
        auth_header: The header for the key.
        auth_scheme: The word before the key in that header.
        headers: Further headers; no place for secrets.
        model_field: Field for the model's name.
        query_field: Field for the query.
        query_per_document: Whether the query is sent once for each document.
        documents_field: Field for the documents.
        document_field: Field for the text inside each document, where a document is an
            object and not a string.
        id_field: Field inside each document that numbers it from ``"0"``, for servers
            that name documents so in `index_field`.
        top_k_field: Field that cuts the answer to the best documents.
        always_top_k: Whether it is always sent, for a server that otherwise leaves
            documents out; by default only where the caller asks for the best few.
        instruction_field: Field for the instruction; by default the server takes none.
        constants: Further fields that are always sent.
        results_path: Where the results are; ``""`` where the answer is the list itself.
        index_field: Field of a result that tells which document it is about.
        score_field: Field of a result that holds its score; ``""`` where the results
            are bare numbers in the order of the documents.
        score_kind: What a score means: ``"probability"``, ``"similarity"``,
            ``"logit"`` or ``"ordinal"``.
        error_paths: Where a message may stand in an error, the first found wins.
        pointwise: Whether a document's score never depends on the other documents of
            its request; if it does, a request is never split.
    """

    name: ClassVar[str] = "http"

    base_url: str = field()
    path: str = "/v1/rerank"
    model: str | None = None
    auth_header: str = "Authorization"
    auth_scheme: str = "Bearer"
    headers: Mapping[str, str] | None = None
    model_field: str = "model"
    query_field: str = "query"
    query_per_document: bool = False
    documents_field: str = "documents"
    document_field: str = ""
    id_field: str = ""
    top_k_field: str = "top_n"
    always_top_k: bool = False
    instruction_field: str = ""
    constants: Mapping[str, object] | None = None
    results_path: str = "results"
    index_field: str = "index"
    score_field: str = "relevance_score"
    score_kind: ScoreKind = "ordinal"
    error_paths: Sequence[str] = ("message", "detail", "error.message", "error")
    pointwise: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        values = option_values(self)
        if "{model}" in self.path and not self.model:
            msg = "option 'model' is needed, because 'path' holds it."
            raise ValueError(msg)
        if self.id_field and not self.document_field:
            msg = (
                "option 'id_field' needs 'document_field': only a document that is an "
                "object has a place for it."
            )
            raise ValueError(msg)
        try:
            self.dialect.url(self.base_url, values)
            self.dialect.body("query", ["document"], 1, values, "instruction")
        except (LookupError, ValueError) as error:
            msg = f"the options describe no request: {error}."
            raise ValueError(msg) from None

    def _too_few(self) -> str:
        """Return which option tells the server how many documents are wanted."""
        if not self.top_k_field or self.always_top_k:
            return ""
        return (
            f"; if the server cuts its answers unless it gets {self.top_k_field!r}, "
            "set 'always_top_k'"
        )

    def _choose_dialect(self) -> Dialect:
        named = {f.name for f in fields(Dialect)} & set(option_values(self))
        values = {name: getattr(self, name) for name in named}
        values["headers"] = {
            name: text.replace("{", "{{").replace("}", "}}")
            for name, text in (self.headers or {}).items()
        }
        values["constants"] = self.constants or {}
        values["error_paths"] = tuple(self.error_paths)
        return Dialect(key_required=False, **values)


def _raw(dialect: Dialect, *, raw_scores: bool) -> Dialect:
    return replace(dialect, score_kind="logit") if raw_scores else dialect
