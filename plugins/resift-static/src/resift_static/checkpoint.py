"""Where the two files of a static model are: its vectors and its tokenizer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from resift.errors import ModelError
from resift_local import loading, located

if TYPE_CHECKING:
    from resift_static.options import Options

__all__ = ["WORDLLAMA", "Checkpoint", "checkpoint"]

WORDLLAMA = "wordllama"
"""The model whose weights come inside the package of that name."""
_FILES = ("model.safetensors", "tokenizer.json")
_FOLDERS = ("", "0_StaticEmbedding")  # model2vec, sentence-transformers


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The files of one model.

    Args:
        vectors: A safetensors file with one row per token.
        tokenizer: A file of the *tokenizers* library.
        max_length: The most tokens of a text that it is made for.
    """

    vectors: Path
    tokenizer: Path
    max_length: int | None = None


def checkpoint(options: Options) -> Checkpoint:
    """Find the files of the model that *options* name.

    Raises:
        ModelError: If they are not there.
    """
    if options.model == WORDLLAMA and not Path(WORDLLAMA).is_dir():
        return _packaged()
    name, local = located(
        "static",
        options.model,
        kind="static embedding model",
        owner="minishlab",
        revision=options.revision,
        local_files_only=options.local_files_only,
    )
    folder = Path(name)
    if not folder.is_dir():
        folder = _downloaded(name, options.revision, local=local)
    for place in (folder / sub for sub in _FOLDERS):
        vectors, tokenizer = (place / file for file in _FILES)
        if vectors.is_file() and tokenizer.is_file():
            return Checkpoint(vectors, tokenizer, _reach(folder))
    msg = (
        f"option 'model': {name!r} has no {' and '.join(_FILES)}. Give a model "
        "saved by model2vec, or a StaticEmbedding of sentence-transformers."
    )
    raise ModelError(msg, who="static")


def _packaged() -> Checkpoint:
    """Return the files inside the package `wordllama`, which is not imported."""
    spec = find_spec(WORDLLAMA)
    for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
        vectors = folder / "weights" / "l2_supercat_256.safetensors"
        tokenizer = folder / "tokenizers" / "l2_supercat_tokenizer_config.json"
        if vectors.is_file() and tokenizer.is_file():
            return Checkpoint(vectors, tokenizer)
    msg = (
        "option 'model': 'wordllama' are the weights inside the package "
        "wordllama, which is not installed. Run: pip install wordllama, or give "
        "another model."
    )
    raise ModelError(msg, who="static")


def _downloaded(name: str, revision: str | None, *, local: bool) -> Path:
    from huggingface_hub import snapshot_download

    failed = f"static: option 'model': {name!r} cannot be loaded"
    with loading("static", name, local=local, failed=failed):
        wanted = [f"{sub}/{file}".lstrip("/") for sub in _FOLDERS for file in _FILES]
        patterns = [*wanted, "config.json"]
        return Path(
            snapshot_download(
                name, revision=revision, allow_patterns=patterns, local_files_only=local
            )
        )


def _reach(folder: Path) -> int | None:
    """Return how many tokens of a text the model's own config lets it read."""
    path = folder / "config.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_text(encoding="utf-8")).get("seq_length")
    return found if isinstance(found, int) and found > 0 else None
