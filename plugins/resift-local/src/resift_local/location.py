"""Where a model is: in a folder, on the Hub, or in the cache of the Hub."""

from __future__ import annotations

import os
from pathlib import Path

from resift.errors import ModelError

__all__ = ["located"]


def located(
    who: str,
    model: str | Path,
    *,
    kind: str,
    owner: str,
    revision: str | None,
    local_files_only: bool,
) -> tuple[str, bool]:
    """Return the folder or Hub name, and whether only local files may be read.

    Asks the Hub once, so that a missing network is noticed in seconds, not after the
    many retries of a download, and the files in the cache can still be used.

    Args:
        who: The reranker.
        model: Its option of that name.
        kind: What that is: ``"embedding model"``.
        owner: Whose it is on the Hub where the name does not say.
        revision: The branch, tag or commit on the Hub.
        local_files_only: Whether not to ask the Hub.

    Raises:
        ModelError: If there is no such folder, or the Hub says it has no such model.
    """
    name = os.fspath(model)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(folder), True
    if isinstance(model, Path) or _looks_like_path(name):
        msg = (
            f"option 'model': there is no folder {name!r}. Give the folder of a "
            f"saved {kind}, or a name on the Hub."
        )
        raise ModelError(msg, who=who)
    name = name if "/" in name else f"{owner}/{name}"
    return name, local_files_only or not _on_hub(who, name, revision)


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "~")) or name.count("/") > 1 or "\\" in name


def _on_hub(who: str, name: str, revision: str | None) -> bool:
    """Tell whether the Hub answers for *name*; False where it cannot be reached.

    Raises:
        ModelError: If it answers that there is no such model.
    """
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
    except ModuleNotFoundError as error:
        msg = (
            f"option 'model': {name!r} is a name on the Hub, and "
            "huggingface_hub is not installed. Run: pip install 'resift-local[hub]', "
            "or give the folder of a saved model."
        )
        raise ModelError(msg, who=who) from error
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        get_hf_file_metadata(hf_hub_url(name, "config.json", revision=revision))
    except (GatedRepoError, RepositoryNotFoundError) as error:
        msg = (
            f"option 'model': the Hub has no model {name!r} that you may read. "
            "Check the name; for a private or gated one run 'hf auth login'; for one "
            "that is already in the cache set local_files_only=True."
        )
        raise ModelError(msg, who=who) from error
    except RevisionNotFoundError as error:
        msg = f"option 'revision': {name!r} has no {revision!r}."
        raise ModelError(msg, who=who) from error
    except HFValidationError as error:
        msg = f"option 'model': {name!r} is neither a folder nor a name on the Hub."
        raise ModelError(msg, who=who) from error
    except EntryNotFoundError:
        return True
    except Exception:  # noqa: BLE001  # any failure to reach it means the same
        return False
    return True
