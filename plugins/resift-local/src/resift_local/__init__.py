"""What rerankers that run a model on this machine share."""

from resift_local.deadline import Deadline
from resift_local.loading import first_line, loading
from resift_local.location import located
from resift_local.meter import metered
from resift_local.options import CheckedOptions
from resift_local.positions import learnt_positions, require_positions
from resift_local.precision import fast_bfloat16, halve
from resift_local.telemetry import unreported

__all__ = [
    "CheckedOptions",
    "Deadline",
    "fast_bfloat16",
    "first_line",
    "halve",
    "learnt_positions",
    "loading",
    "located",
    "metered",
    "require_positions",
    "unreported",
]
