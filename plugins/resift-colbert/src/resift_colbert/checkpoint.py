"""Loading a late-interaction model, and refusing what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resift.errors import ModelError
from resift_local import halve, loading, located, readable, torch_device

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Transformer

    from resift_colbert.options import Options

__all__ = ["load_checkpoint"]

_WHO = "colbert: option 'model'"


def load_checkpoint(options: Options) -> MultiVectorEncoder:
    """Load the model that *options* name.

    Raises:
        ModelError: If it cannot be loaded, or is no late-interaction model.
    """
    from sentence_transformers import MultiVectorEncoder

    name, local = located(
        "colbert",
        options.model,
        kind="late-interaction model",
        owner="colbert-ir",
        revision=options.revision,
        local_files_only=options.local_files_only,
    )
    device = torch_device("colbert", options.device)
    asked = options.dtype or "auto"
    dtype = "float32" if asked == "auto" and device == "cpu" else asked
    failed = f"{_WHO}: {name!r} cannot be loaded as a late-interaction model"
    with loading("colbert", name, local=local, failed=failed):
        _require_late_interaction(name, options.revision, local=local)
        model = MultiVectorEncoder(
            name,
            device=device,
            revision=options.revision,
            trust_remote_code=options.trust_remote_code,
            local_files_only=local,
            model_kwargs={"dtype": dtype},
        )
    if asked == "auto" and model.device.type == "cuda":
        halve(model)
    if options.threads is not None and model.device.type == "cpu":
        import torch

        torch.set_num_threads(options.threads)
    _set_lengths(model, options)
    model.eval()
    return model


def _require_late_interaction(name: str, revision: str | None, *, local: bool) -> None:
    """Refuse any other model: its token projection would be made up at random."""
    config = _json(name, "config.json", revision, local=local)
    own = _json(name, "config_sentence_transformers.json", revision, local=local)
    if config is None and own is None:
        msg = (
            f"{name!r} has no config.json. Name a ColBERT, PyLate or "
            "MultiVectorEncoder checkpoint."
        )
        raise ModelError(msg, who=_WHO)
    config, own = config or {}, own or {}
    architectures: list[str] = config.get("architectures") or []
    if (
        own.get("model_type") in ("MultiVectorEncoder", "ColBERT")
        or "query_prefix" in own  # PyLate, before it wrote a model_type
        or any(a.endswith(("HF_ColBERT", "ForRetrieval")) for a in architectures)
    ):
        return
    kind = own.get("model_type") or ", ".join(architectures) or "unknown"
    msg = (
        f"{name!r} ({kind}) has no projection for tokens. Name a ColBERT, "
        "PyLate or MultiVectorEncoder checkpoint; an embedding model works with "
        "'bi-encoder', a model that scores pairs with 'cross-encoder'."
    )
    raise ModelError(msg, who=_WHO)


def _json(
    name: str, filename: str, revision: str | None, *, local: bool
) -> dict[str, Any] | None:
    """Read one of the checkpoint's files; None where it has no such file."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    path = Path(name, filename)
    if not path.parent.is_dir():
        try:
            path = Path(
                hf_hub_download(
                    name, filename, revision=revision, local_files_only=local
                )
            )
        except LocalEntryNotFoundError:
            if filename == "config.json":
                raise  # not in the cache at all, which `loading` has words for
            return None
        except EntryNotFoundError:
            return None
    if not path.is_file():
        return None
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _set_lengths(model: MultiVectorEncoder, options: Options) -> None:
    """Set how many tokens the model reads: as asked, and no more than it can.

    Raises:
        ModelError: If an option asks for more.
    """
    most = readable("colbert", model, None)
    if most != model.max_seq_length:
        model.max_seq_length = most
    transformer: Transformer = model[0]  # type: ignore[assignment]
    for name in ("query_length", "document_length"):
        length = getattr(options, name)
        if length is None:
            continue
        if length > most:
            msg = (
                f"option {name!r} must be at most {most}, the positions of "
                f"this model, got {length}."
            )
            raise ModelError(msg, who="colbert")
        expansion = getattr(transformer, "query_expansion", None)
        if name == "query_length" and expansion is not None:
            expansion["length"] = length
            transformer.query_expansion = expansion  # its setter checks it
        else:
            setattr(transformer, name, length)
