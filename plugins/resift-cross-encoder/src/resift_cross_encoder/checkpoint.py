"""Loading a cross-encoder's files, and saying clearly why one cannot be loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from resift.errors import ModelError

if TYPE_CHECKING:
    import sentence_transformers
    import torch

    from resift_cross_encoder.reranker import CrossEncoder

__all__ = ["Dtype", "load_checkpoint", "longest_pair"]

Dtype = Literal["auto", "float32", "float16", "bfloat16"]

_WHO = "cross-encoder: option 'model'"
_HEADS = ("ForSequenceClassification", "ForCausalLM", "ForConditionalGeneration")


def load_checkpoint(
    options: CrossEncoder, device: str | None
) -> sentence_transformers.CrossEncoder:
    """Load the model that *options* name.

    Args:
        options: The reranker's options.
        device: Where it will run; None for the fastest device at hand.

    Raises:
        ModelError: If it cannot be loaded, or has no head that scores pairs.
    """
    import sentence_transformers

    name, local = _located(options)
    dtype = "float32" if options.dtype == "auto" and device == "cpu" else options.dtype
    if dtype == "bfloat16" and device == "cpu":
        dtype = "float32"  # computed in bfloat16, kept in float32: faster and closer
    with _quiet():
        try:
            model: sentence_transformers.CrossEncoder = (
                sentence_transformers.CrossEncoder(
                    name,
                    device=device,
                    revision=options.revision,
                    trust_remote_code=options.trust_remote_code,
                    local_files_only=local,
                    model_kwargs={"dtype": dtype},
                )
            )
        except Exception as error:
            raise ModelError(_reason(name, error, local=local)) from error
    _require_head(model, name)
    if options.dtype == "auto" and model.device.type == "cuda":
        _halve(model)
    model.eval()
    return model


def longest_pair(
    model: sentence_transformers.CrossEncoder, max_length: int | None
) -> int:
    """Return how many tokens of a pair the model reads.

    Raises:
        ModelError: If *max_length* asks for more than it has positions for.
    """
    positions = _positions(model)
    if max_length is not None and positions is not None and max_length > positions:
        msg = (
            f"cross-encoder: option 'max_length' must be at most {positions}, the "
            f"positions of this model, got {max_length}."
        )
        raise ModelError(msg)
    known = (max_length or model.max_seq_length, positions)
    return min((n for n in known if n is not None), default=512)


def _located(options: CrossEncoder) -> tuple[str, bool]:
    """Return the folder or Hub name, and whether only local files may be read.

    Asks the Hub once, so that a missing network is noticed in seconds, not after the
    many retries of a download, and the files in the cache can still be used.
    """
    name = os.fspath(options.model)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(folder), True
    if isinstance(options.model, Path) or _looks_like_path(name):
        msg = (
            f"{_WHO}: there is no folder {name!r}. Give the folder of a saved "
            "cross-encoder, or a name on the Hub."
        )
        raise ModelError(msg)
    name = name if "/" in name else f"cross-encoder/{name}"
    return name, options.local_files_only or not _on_hub(name, options.revision)


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "~")) or name.count("/") > 1 or "\\" in name


def _on_hub(name: str, revision: str | None) -> bool:
    """Tell whether the Hub answers for *name*; False where it cannot be reached.

    Raises:
        ModelError: If it answers that there is no such model.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        url = hf_hub_url(name, "config.json", revision=revision)
        get_hf_file_metadata(url)
    except (GatedRepoError, RepositoryNotFoundError) as error:
        msg = (
            f"{_WHO}: the Hub has no model {name!r} that you may read. Check the name; "
            "for a private or gated one run 'hf auth login'; for one that is already "
            "in the cache set local_files_only=True."
        )
        raise ModelError(msg) from error
    except RevisionNotFoundError as error:
        msg = f"cross-encoder: option 'revision': {name!r} has no {revision!r}."
        raise ModelError(msg) from error
    except HFValidationError as error:
        msg = f"{_WHO}: {name!r} is neither a folder nor a name on the Hub."
        raise ModelError(msg) from error
    except EntryNotFoundError:
        return True
    except Exception:  # noqa: BLE001  # any failure to reach it means the same
        return False
    return True


def _reason(name: str, error: Exception, *, local: bool) -> str:
    if "trust_remote_code" in str(error):
        return (
            f"{_WHO}: {name!r} comes with code of its own. Read it, and if you trust "
            "it, set trust_remote_code=True."
        )
    if local and not Path(name).is_dir():
        return (
            f"{_WHO}: {name!r} is not in the local cache, and the Hub was not asked or "
            "cannot be reached. Load it once with a network, or give the folder of a "
            "saved model."
        )
    return (
        f"{_WHO}: {name!r} cannot be loaded as a cross-encoder "
        f"({type(error).__name__}: {_first_line(error)})."
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _require_head(model: sentence_transformers.CrossEncoder, name: str) -> None:
    """Refuse a model whose head would be made up: its scores would be noise."""
    from sentence_transformers.base.modules import Transformer

    module = model[0]
    if len(model) > 1 or not isinstance(module, Transformer):
        return
    architectures = module.config.architectures or []
    if any(architecture.endswith(_HEADS) for architecture in architectures):
        return
    kind = architectures[0] if architectures else "an unnamed architecture"
    msg = (
        f"{_WHO}: {name!r} ({kind}) has no head that scores pairs. Name a "
        "cross-encoder; an embedding model works with 'bi-encoder', a late "
        "interaction model with 'colbert'."
    )
    raise ModelError(msg)


def _positions(model: sentence_transformers.CrossEncoder) -> int | None:
    """Return how many absolute positions the model has learnt, None if not bounded."""
    from torch import nn

    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            padding = module.padding_idx
            return module.num_embeddings - (0 if padding is None else padding + 1)
    return None


def _halve(model: sentence_transformers.CrossEncoder) -> None:
    """Compute in 16 bits on a GPU, in the kind the weights were saved in."""
    import torch

    sixteen: set[torch.dtype | None] = {torch.float16, torch.bfloat16}
    if model.dtype not in sixteen:
        model.half()


@contextmanager
def _quiet() -> Iterator[None]:
    """Show the loader's progress bar on a terminal only."""
    from transformers.utils import logging

    hide = not sys.stderr.isatty() and logging.is_progress_bar_enabled()
    if hide:
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if hide:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
