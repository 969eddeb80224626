"""What rerankers behind a server share, whatever they speak to it with."""

from resift_remote.address import checked, join, shown
from resift_remote.answer import Found, WrongAnswerError, checked_scores
from resift_remote.connection import Connection, Request, payload
from resift_remote.deadline import Deadline
from resift_remote.failures import failure
from resift_remote.keys import KeySource
from resift_remote.options import option_values, options
from resift_remote.parts import ask_together, split
from resift_remote.redaction import blanked, redacted
from resift_remote.reranker import RemoteReranker
from resift_remote.retries import Reply, backoff, retried, retry_after

__all__ = [
    "Connection",
    "Deadline",
    "Found",
    "KeySource",
    "RemoteReranker",
    "Reply",
    "Request",
    "WrongAnswerError",
    "ask_together",
    "backoff",
    "blanked",
    "checked",
    "checked_scores",
    "failure",
    "join",
    "option_values",
    "options",
    "payload",
    "redacted",
    "retried",
    "retry_after",
    "shown",
    "split",
]
