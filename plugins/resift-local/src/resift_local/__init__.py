"""What rerankers that run a model on this machine share."""

from resift_local.deadline import Deadline
from resift_local.device import torch_device
from resift_local.forward import forward, reading, require_finite
from resift_local.loading import first_line, loading
from resift_local.location import located
from resift_local.meter import metered
from resift_local.options import CheckedOptions
from resift_local.positions import learnt_positions, readable, require_positions
from resift_local.precision import Dtype, fast_bfloat16, halve
from resift_local.remembered import Remembered
from resift_local.resident import Resident
from resift_local.telemetry import unreported
from resift_local.truncation import tokens_cut, truncation

__all__ = [
    "CheckedOptions",
    "Deadline",
    "Dtype",
    "Remembered",
    "Resident",
    "fast_bfloat16",
    "first_line",
    "forward",
    "halve",
    "learnt_positions",
    "loading",
    "located",
    "metered",
    "readable",
    "reading",
    "require_finite",
    "require_positions",
    "tokens_cut",
    "torch_device",
    "truncation",
    "unreported",
]
