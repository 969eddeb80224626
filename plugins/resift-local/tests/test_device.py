from __future__ import annotations

import pytest

from resift.errors import ModelError
from resift_local import torch_device


def test_a_device_that_there_is():
    """It is taken as it is; by default there is one."""
    assert torch_device("acme", "cpu") == "cpu"
    assert torch_device("acme", None)


def test_a_device_that_there_is_not():
    """A device that torch does not know is named, with what to do."""
    with pytest.raises(ModelError) as caught:
        torch_device("acme", "gpu")

    said = str(caught.value)
    assert said.startswith(
        "acme: option 'device': 'gpu' is not a device of this machine or this build of "
        "torch (RuntimeError: Expected one of cpu, cuda, "
    )
    assert said.endswith("Leave it out to take the fastest there is.")
