"""What rerankers behind a server share, whatever they speak to it with."""

from resift_remote.address import base_address, join, plain_address
from resift_remote.answer import Answer, Found, WrongAnswerError, checked_scores
from resift_remote.client import check_ca_file, lost_to, new_client, proxy_for
from resift_remote.complaints import (
    decoded,
    message_in,
    status_meant,
    with_meaning,
    words_in,
)
from resift_remote.connection import Connection, Request, payload
from resift_remote.deadline import Deadline
from resift_remote.failures import failure
from resift_remote.keys import KeySource
from resift_remote.options import option_values, options
from resift_remote.parts import ask_together, split
from resift_remote.paths import put_at, value_at
from resift_remote.pool import Pool
from resift_remote.redaction import blanked, redacted
from resift_remote.reranker import RemoteReranker
from resift_remote.retries import Reply, backoff, retried, retry_after
from resift_remote.usage import Tally, usage_in

__all__ = [
    "Answer",
    "Connection",
    "Deadline",
    "Found",
    "KeySource",
    "Pool",
    "RemoteReranker",
    "Reply",
    "Request",
    "Tally",
    "WrongAnswerError",
    "ask_together",
    "backoff",
    "base_address",
    "blanked",
    "check_ca_file",
    "checked_scores",
    "decoded",
    "failure",
    "join",
    "lost_to",
    "message_in",
    "new_client",
    "option_values",
    "options",
    "payload",
    "plain_address",
    "proxy_for",
    "put_at",
    "redacted",
    "retried",
    "retry_after",
    "split",
    "status_meant",
    "usage_in",
    "value_at",
    "with_meaning",
    "words_in",
]
