"""LlamaIndex's nodes: how they are read, and copied with a score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llama_index.core.schema import MetadataMode, NodeWithScore

from resift_adapter import Answer

__all__ = ["NodeReader", "scored"]

_KEY = "resift"


@dataclass(frozen=True, slots=True)
class NodeReader:
    """Reads nodes; their embedding is the field ``embedding``.

    Args:
        metadata_mode: Which of the metadata belongs to the text.
    """

    metadata_mode: MetadataMode

    def text(self, found: NodeWithScore, /) -> str | None:
        return found.node.get_content(metadata_mode=self.metadata_mode)

    def id(self, found: NodeWithScore, /) -> str | None:
        return found.node.node_id

    def score(self, found: NodeWithScore, /) -> float | None:
        return None if found.score is None else float(found.score)

    def fields(self, found: NodeWithScore, /) -> Mapping[str, object]:
        node = found.node
        if node.embedding is None:
            return node.metadata
        return {"embedding": node.embedding, **node.metadata}


def scored(answer: Answer[NodeWithScore], *, explain: bool) -> list[NodeWithScore]:
    """Return copies of the nodes, of their own class, with the score.

    Evidence is put into the metadata of a copy, and kept out of what models read.
    """
    copies = []
    for found, score, evidence in answer:
        update: dict[str, object] = {"score": score}
        if explain:
            node = found.node
            told = {**evidence, "notes": list(map(str, answer.notes))}
            hidden = {
                name: [*getattr(node, name), _KEY]
                for name in (
                    "excluded_embed_metadata_keys",
                    "excluded_llm_metadata_keys",
                )
            }
            metadata = {**node.metadata, _KEY: told}
            changes = {"metadata": metadata, **hidden}
            update["node"] = node.model_copy(update=changes)
        copies.append(found.model_copy(update=update))
    return copies
