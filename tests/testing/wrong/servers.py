"""Wrong in what they make of a server that fails."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydantic import SecretStr

from resift import errors, hookimpl
from resift.testing import word_overlap


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *args) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        results = [
            {"index": i, "score": word_overlap(asked["query"], text) - len(text) / 1e6}
            for i, text in enumerate(asked["documents"])
        ]
        body = json.dumps({"results": results}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving():
    """Serve word overlaps, and yield the options to reach them."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield {"base_url": f"http://127.0.0.1:{server.server_address[1]}"}
        finally:
            server.shutdown()
            thread.join()


class _Client:
    """Right: what every class below gets wrong in a way of its own.

    Args:
        base_url: Where.
        api_key: The key.
    """

    pointwise = True
    serving = staticmethod(serving)

    def __init__(self, base_url: str, api_key: SecretStr | None = None) -> None:
        self.base_url, self.api_key = base_url, api_key

    def ask(self, query, documents, timeout=5.0):
        body = json.dumps({"query": query, "documents": list(documents)}).encode()
        request = urllib.request.Request(self.base_url, body)  # noqa: S310  # loopback
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:  # noqa: S310
                results = json.load(reply)["results"]
        except urllib.error.HTTPError as error:
            with error:
                msg = f"HTTP {error.code}"
                raise errors.ServerError(msg) from None
        except (OSError, ValueError, KeyError) as error:
            msg = "no answer"
            raise errors.ServerError(msg) from error
        return {result["index"]: result["score"] for result in results}


class AsksRight(_Client):
    """Right. It breaks nothing.

    Args:
        base_url: Where.
        api_key: The key.
    """

    breaks = None

    @hookimpl
    def score(self, query, documents, timeout):
        return self.ask(query, documents, timeout or 5.0)


class GivesTheLastAnswer(_Client):
    """Where the server fails, the last answer is given again.

    Args:
        base_url: Where.
        api_key: The key.
    """

    breaks = "server_that_fails_is_an_error"
    _last = None

    @hookimpl
    def score(self, query, documents):
        try:
            self._last = self.ask(query, documents)
        except errors.BackendError:
            if self._last is None or len(self._last) != len(documents):
                raise
        return self._last


class FillsTheGaps(_Client):
    """What the server leaves out scores 0.

    Args:
        base_url: Where.
        api_key: The key.
    """

    breaks = "spoilt_answers_are_refused"

    @hookimpl
    def score(self, query, documents):
        found = self.ask(query, documents)
        return [found.get(i, 0.0) for i in range(len(documents))]


class NeverGivesUp(_Client):
    """Asks again until there is an answer.

    Args:
        base_url: Where.
        api_key: The key.
    """

    breaks = "retries_come_to_an_end"
    _asked = False

    @hookimpl
    def score(self, query, documents):
        while True:
            try:
                return self.ask(query, documents)
            except errors.ServerError as error:
                if "503" not in str(error):
                    raise


class IgnoresTheTimeout(_Client):
    """Names 'timeout', and has one of its own.

    Args:
        base_url: Where.
        api_key: The key.
    """

    breaks = "timeout_is_kept"

    @hookimpl
    def score(self, query, documents, timeout):
        return self.ask(query, documents, 60.0)


class TellsItsKey(_Client):
    """The error quotes the header.

    Args:
        base_url: Where.
        api_key: The key.
    """

    breaks = "key_is_never_shown"

    @hookimpl
    def score(self, query, documents):
        try:
            return self.ask(query, documents)
        except errors.BackendError as error:
            key = self.api_key.get_secret_value() if self.api_key else ""
            msg = f"refused: Bearer {key}"
            raise errors.ServerError(msg) from error


class TakesAnyIndex(_Client):
    """An index beyond the documents is turned round into them.

    Args:
        base_url: Where.
        api_key: The key.
    """

    breaks = "spoilt_answers_are_refused"

    @hookimpl
    def score(self, query, documents):
        scores = self.ask(query, documents)
        if len(scores) < len(documents):
            msg = "an answer for some of the documents"
            raise errors.ServerError(msg)
        return {index % len(documents): score for index, score in scores.items()}
