"""`AccessToken`: the short-lived token that IBM Cloud gives for an API key."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace

from resift.errors import BackendError, ServerError
from resift_remote import (
    Connection,
    Deadline,
    KeySource,
    Reply,
    Request,
    blanked,
    decoded,
    failure,
    message_in,
    plain_address,
    redacted,
)

__all__ = ["AccessToken"]

_GRANT = "urn:ibm:params:oauth:grant-type:apikey"
_SPARE = 60.0  # seconds before its end from which a token is not used any more


class AccessToken:
    """A token, fetched when there is none and again when it is about to end.

    Args:
        who: The reranker, as messages name it.
        url: Where to fetch it.
        keys: Where the key comes from.
    """

    def __init__(self, who: str, url: str, keys: KeySource) -> None:
        self._who = who
        self._keys = keys
        self._url = url
        self._lock = threading.Lock()
        self._token = ""
        self._ends = 0.0

    def get(self, api_key: str, connection: Connection, deadline: Deadline) -> str:
        """Return a token that is still good for a minute.

        Raises:
            BackendError: If there is none to be had.
        """
        with deadline.holding(self._lock, self._who):
            if time.monotonic() >= self._ends - _SPARE:
                self._fetch(api_key, connection, deadline)
            return self._token

    def forget(self, token: str) -> None:
        """Fetch another one next time, if *token* is still the current one."""
        with self._lock:
            if token == self._token:
                self._ends = 0.0

    def _fetch(self, key: str, connection: Connection, deadline: Deadline) -> None:
        form = {"grant_type": _GRANT, "apikey": key}
        headers = {"Accept": "application/json"}
        reply = connection.send(Request(self._url, headers, form=form), deadline)
        told = decoded(reply)
        if not reply.succeeded:
            raise self._failure(reply, told, key)
        token = told.get("access_token") if isinstance(told, Mapping) else None
        if not isinstance(token, str) or not isinstance(told, Mapping):
            msg = f"the answer of {self._url} holds no 'access_token'."
            raise ServerError(msg, who=self._who)
        seconds = told.get("expires_in")
        self._token = token
        self._ends = time.monotonic() + (
            seconds if isinstance(seconds, int | float) else 0
        )

    def _failure(self, reply: Reply[bytes], told: object, key: str) -> BackendError:
        said = redacted(message_in(told, ("errorMessage", "message")), [key], [])
        if reply.status == 400:  # IBM's word for a wrong key
            reply = replace(reply, status=401)
        url = blanked(plain_address(self._url), [key])
        who = f"{self._who}: no access token from {url}"
        return failure(who, reply, said, self._keys.remedy, secrets=[key])
