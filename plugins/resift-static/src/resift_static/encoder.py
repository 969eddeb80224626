"""`Encoder`: a table of vectors, one per token, and the mean of those of a text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resift.errors import ModelError
from resift_local import Deadline, loading, reading, require_finite
from resift_static.checkpoint import checkpoint

if TYPE_CHECKING:
    from resift_static.options import Options

__all__ = ["Encoder"]

_TABLES = ("embeddings", "embedding.weight")  # model2vec; sentence-transformers and kin
_BATCH = 256  # texts that are read at once, between two looks at the clock


class Encoder:
    """A loaded model.

    Raises:
        ModelError: If its files are missing or are not those of a static model.
    """

    def __init__(self, options: Options) -> None:
        found = checkpoint(options)
        self._name = options.model
        self.max_length = options.max_length or found.max_length
        failed = f"static: option 'model': {str(options.model)!r} cannot be loaded"
        with loading("static", str(options.model), local=True, failed=failed):
            from tokenizers import Tokenizer

            self._tokenizer = Tokenizer.from_file(str(found.tokenizer))
            self._tokenizer.no_padding()
            self._tokenizer.no_truncation()
            tensors = _tensors(found.vectors)
        self._table = self._cut(self._vectors(tensors), options.dimensions)
        weights, rows = tensors.get("weights"), tensors.get("mapping")
        self._weights = None if weights is None else weights.astype(np.float32).ravel()
        self._rows = None if rows is None else rows.astype(np.int64)
        self._unknown = _unknown(self._tokenizer)

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        return int(self._table.shape[1])

    def encode(
        self, texts: Sequence[str], deadline: Deadline
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Embed texts.

        Returns:
            Vectors, shape ``(n_texts, dim)``, unit length, zeros for a text without a
            known token; and how many tokens of each text were cut, ``(n_texts,)``.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        cut = np.zeros(len(texts), dtype=np.int64)
        for start in range(0, len(texts), _BATCH):
            deadline.check(f"{start} of {len(texts)} texts were encoded")
            batch = list(texts[start : start + _BATCH])
            for i, ids in enumerate(self._tokens(batch), start=start):
                if self.max_length is not None and len(ids) > self.max_length:
                    cut[i] = len(ids) - self.max_length
                    ids = ids[: self.max_length]  # noqa: PLW2901  # what is read of it
                vectors[i] = self._mean(ids)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors /= np.where(lengths > 0, lengths, 1)
        what = {"what": "vectors", "dtype": "float32"}
        require_finite("static", self._name, vectors, **what)
        return vectors, cut

    def _tokens(self, texts: list[str]) -> list[NDArray[np.int64]]:
        """Return the tokens of each text that have a vector."""
        with reading("static", self._name):
            read = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        found = [np.array(each.ids, dtype=np.int64) for each in read]
        return [ids[(ids != self._unknown) & (ids < self._n_tokens)] for ids in found]

    def _mean(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        if not len(ids):
            return np.zeros(self.dimensions, dtype=np.float32)
        rows = ids if self._rows is None else self._rows[ids]
        found = self._table[rows].astype(np.float32)  # (n_tokens, dim)
        if self._weights is not None:
            found *= self._weights[ids][:, None]
        mean: NDArray[np.float32] = found.mean(axis=0, dtype=np.float32)
        return mean

    @property
    def _n_tokens(self) -> int:
        return len(self._table if self._rows is None else self._rows)

    def _vectors(self, tensors: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        for name in _TABLES:
            if name in tensors:
                return tensors[name]
        msg = (
            f"option 'model': {str(self._name)!r} is no static model: it has "
            f"neither {_TABLES[0]!r} nor {_TABLES[1]!r}. Give a model saved by "
            "model2vec, or a StaticEmbedding of sentence-transformers."
        )
        raise ModelError(msg, who="static")

    def _cut(self, table: NDArray[Any], dimensions: int | None) -> NDArray[Any]:
        if dimensions is not None and dimensions > table.shape[1]:
            msg = (
                f"option 'dimensions' must be at most {table.shape[1]} for "
                f"{str(self._name)!r}, got {dimensions}. Set fewer, or leave it out."
            )
            raise ModelError(msg, who="static")
        return table[:, :dimensions]


def _tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Read what a file holds: vectors, in model2vec's also token weights and rows."""
    from safetensors.numpy import load_file

    tensors: dict[str, NDArray[Any]] = load_file(path)
    return tensors


def _unknown(tokenizer: Any) -> int:  # noqa: ANN401  # tokenizers has no types
    """Return the id of the token for what is unknown; -1 where there is none."""
    model = json.loads(tokenizer.to_str()).get("model", {})
    token = model.get("unk_token")
    found = None if token is None else tokenizer.token_to_id(token)
    if found is None and isinstance(model.get("unk_id"), int):
        found = model["unk_id"]
    return -1 if found is None else int(found)
