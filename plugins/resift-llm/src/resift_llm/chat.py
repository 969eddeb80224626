"""`Chat`: one chat server, and what it was found not to take."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from resift_llm.completion import has_message
from resift_llm.prompts import Prompt
from resift_remote import (
    Connection,
    Deadline,
    Reply,
    Request,
    redacted,
    with_meaning,
    words_in,
)

__all__ = ["Chat"]

T = TypeVar("T")

_SIGNS = {
    "response_format": (
        *("response format", "json schema", "json mode", "json object", "json output"),
        *("structured output", "grammar", "guided", "schema"),
    ),
    "logprobs": ("logprob", "log probabilit"),
    "max_tokens": ("max completion tokens",),
    "temperature": ("temperature",),
}
"""Fields that not every server or model takes, and words by which it says so."""
_VAGUE = (
    *("requested parameter", "unsupported parameter", "unknown parameter"),
    *("unrecognized request argument", "extra inputs", "extra fields"),
)
"""Words by which a server refuses a field without saying which."""
_REFUSALS = (400, 403, 404, 405, 415, 422, 500, 501)


class Chat:
    """A chat server. Many threads may use it.

    A field that the server refuses, and that is not needed, is left out from then on.

    Args:
        url: Where to post.
        fields: What is sent with every prompt; None is not sent.
        constants: Further fields, which replace any of the others.
        max_retries: How often a request that may succeed later is sent again.
        ca_file: Certificates to trust instead of the usual ones.
    """

    def __init__(
        self,
        url: str,
        fields: Mapping[str, object],
        constants: Mapping[str, object],
        max_retries: int,
        ca_file: Path | None = None,
    ) -> None:
        self.url = url
        self.connection = Connection(max_retries, ca_file)
        self.refused: frozenset[str] = frozenset()
        self._fields = {k: v for k, v in fields.items() if v is not None}
        self._constants = dict(constants)
        self._lock = threading.Lock()

    def ask(
        self, prompt: Prompt[T], headers: Mapping[str, str], deadline: Deadline
    ) -> Reply[bytes]:
        """Send a prompt, once more for each field that the server refuses.

        What helped is remembered. Never raises for what a server or a network does: the
        reply tells.
        """
        refused = self.refused
        while True:
            body = self._body(prompt, refused)
            reply = self._send(body, prompt.user, headers, deadline)
            more = self._refused_by(reply, body, prompt.user)
            if not more:
                break
            refused |= more
        if reply.succeeded:
            with self._lock:
                self.refused |= refused
        return reply

    def _send(
        self,
        body: Mapping[str, object],
        sent: str,
        headers: Mapping[str, str],
        deadline: Deadline,
    ) -> Reply[bytes]:
        def judged(reply: Reply[bytes]) -> Reply[bytes]:
            reply = with_meaning(reply, has_message)
            refused = self._refused_by(reply, body, sent)
            return replace(reply, hopeless=True) if refused else reply

        return self.connection.send(Request(self.url, headers, body), deadline, judged)

    def _body(self, prompt: Prompt[T], refused: frozenset[str]) -> dict[str, object]:
        schema = {
            "type": "object",
            "properties": {prompt.field: prompt.schema},
            "required": [prompt.field],
            "additionalProperties": False,
        }
        named = {"name": prompt.field, "strict": True, "schema": schema}
        body: dict[str, object] = {
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            **self._fields,
            "response_format": {"type": "json_schema", "json_schema": named},
        }
        if prompt.logprobs:
            body |= {"logprobs": True, "top_logprobs": 5}  # 5: what most servers give
        for name in refused:
            value = body.pop(name, None)
            if name == "max_tokens":  # what newer models call it
                body["max_completion_tokens"] = value
        body |= self._constants
        if not body.get("logprobs"):
            body.pop("top_logprobs", None)
        return body

    def _refused_by(
        self, reply: Reply[bytes], body: Mapping[str, object], sent: str
    ) -> frozenset[str]:
        """Return the fields of *body* that a reply says the server does not take.

        What it repeats of the text that was *sent* says nothing about fields.
        """
        status = reply.status if reply.meant is None else reply.meant
        if reply.succeeded or status not in _REFUSALS:
            return frozenset()
        said = redacted(words_in(reply), (), [sent])
        said = said.casefold().replace("_", " ")
        ours = [name for name in _SIGNS if name in body and name not in self._constants]
        named = [name for name in ours if any(sign in said for sign in _SIGNS[name])]
        if not named and any(sign in said for sign in _VAGUE):
            named = [n for n in ours if n in ("response_format", "logprobs")][:1]
        return frozenset(named)
