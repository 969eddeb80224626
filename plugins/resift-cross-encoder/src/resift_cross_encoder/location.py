"""Where a model is: in a folder, on the Hub, or in the cache of the Hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from resift.errors import ModelError

if TYPE_CHECKING:
    from resift_cross_encoder.reranker import CrossEncoder

__all__ = ["located"]

_WHO = "cross-encoder: option 'model'"


def located(options: CrossEncoder) -> tuple[str, bool]:
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
