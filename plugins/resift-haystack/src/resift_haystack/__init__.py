"""What resift's components for Haystack share.

The components stand in `haystack_integrations`, as pipelines in YAML load them from
nowhere else.
"""

from resift_haystack.documents import READER, scored
from resift_haystack.settled import Settled

__all__ = ["READER", "Settled", "scored"]
