"""Where a torch model runs."""

from __future__ import annotations

from resift.errors import ModelError
from resift_local.loading import first_line

__all__ = ["torch_device"]


def torch_device(who: str, device: str | None) -> str:
    """Return the device to load a model of sentence-transformers on.

    Args:
        who: The reranker.
        device: Its option of that name; None for the fastest there is.

    Raises:
        ModelError: If torch does not know it, or this machine does not have it.
    """
    import torch
    from sentence_transformers.util import get_device_name

    name = str(device or get_device_name())
    try:
        torch.empty(0, device=torch.device(name))
    except (AssertionError, RuntimeError, NotImplementedError) as error:
        msg = (
            f"option 'device': {name!r} is not a device of this machine or this "
            f"build of torch ({type(error).__name__}: {first_line(error)}). Leave it "
            "out to take the fastest there is."
        )
        raise ModelError(msg, who=who) from error
    return name
