"""Everything that resift raises, in one tree.

::

    ResiftError
    ├── PluginError                   finding and loading a reranker by name
    │   ├── UnknownRerankerError      no such name is installed        (LookupError)
    │   ├── AmbiguousRerankerError    several distributions provide it (LookupError)
    │   ├── NotAllowedError           RESIFT_PLUGINS leaves it out     (LookupError)
    │   ├── BrokenRerankerError       its module cannot be imported    (ImportError)
    │   ├── IncompatibleRerankerError written for another hook version (ImportError)
    │   └── InvalidRerankerError      the class is no reranker         (TypeError)
    ├── OptionsError                  an option is unknown or wrong    (ValueError)
    ├── ConfigError                   the config file is wrong         (ValueError)
    ├── InputError                    query, documents or tables wrong (ValueError)
    ├── ScoreError                    a reranker's scores are unusable (ValueError)
    ├── MergeError                    lists that it cannot merge       (ValueError)
    ├── ClosedError                   used after ``close()``           (RuntimeError)
    └── BackendError                  its model or server failed       (RuntimeError)
        ├── ModelError                a model cannot be loaded or used (OSError)
        ├── AuthenticationError       the server refuses the key       (PermissionError)
        ├── RateLimitError            too many requests, retries spent
        ├── BadRequestError           the server rejects the request
        ├── ServerError               the server failed, or answers nonsense
        └── BackendTimeoutError       no answer in time                (TimeoutError)

Plugins raise the `BackendError` branch; the core raises the rest. An error's text
never holds a secret, nor the text of a document.
"""

from __future__ import annotations

__all__ = [
    "AmbiguousRerankerError",
    "AuthenticationError",
    "BackendError",
    "BackendTimeoutError",
    "BadRequestError",
    "BrokenRerankerError",
    "ClosedError",
    "ConfigError",
    "IncompatibleRerankerError",
    "InputError",
    "InvalidRerankerError",
    "MergeError",
    "ModelError",
    "NotAllowedError",
    "OptionsError",
    "PluginError",
    "RateLimitError",
    "ResiftError",
    "ScoreError",
    "ServerError",
    "UnknownRerankerError",
]


class ResiftError(Exception):
    """Anything that resift raises on purpose."""

    place: str = ""
    """The table of the config file, or the variable, that is to be corrected."""

    def __str__(self) -> str:
        return f"{self.place}: {super().__str__()}" if self.place else super().__str__()


class PluginError(ResiftError):
    """A reranker cannot be found or loaded by its name."""


class UnknownRerankerError(PluginError, LookupError):
    """No reranker of that name is installed."""


class AmbiguousRerankerError(PluginError, LookupError):
    """Several distributions provide a reranker of that name."""


class NotAllowedError(PluginError, LookupError):
    """The reranker is installed, but `RESIFT_PLUGINS` does not allow it."""


class BrokenRerankerError(PluginError, ImportError):
    """The reranker is installed, but its module cannot be imported."""


class IncompatibleRerankerError(PluginError, ImportError):
    """The reranker was written for another version of the hooks."""


class InvalidRerankerError(PluginError, TypeError):
    """The object named is no reranker: the message says which rule it breaks."""


class OptionsError(ResiftError, ValueError):
    """An option of a reranker is unknown, missing or of the wrong type."""


class ConfigError(ResiftError, ValueError):
    """The config file is wrong; the message names the file and the key."""


class InputError(ResiftError, ValueError):
    """The query, the documents or the result tables cannot be reranked."""


class ScoreError(ResiftError, ValueError):
    """A reranker returned something that is not one score per document."""


class MergeError(ResiftError, ValueError):
    """The ranked lists cannot be merged by this merger."""


class ClosedError(ResiftError, RuntimeError):
    """The reranker was used after `close()`."""


class BackendError(ResiftError, RuntimeError):
    """The model or server behind a reranker failed."""


class ModelError(BackendError, OSError):
    """A model cannot be loaded, or is not the kind that the reranker needs."""


class AuthenticationError(BackendError, PermissionError):
    """The server refuses the key (HTTP 401, 403)."""


class RateLimitError(BackendError):
    """The server still answers "too many requests" (429) after every retry."""


class BadRequestError(BackendError):
    """The server rejects the request itself (any other 4xx)."""


class ServerError(BackendError):
    """The server failed (5xx), broke the connection, or answers nonsense."""


class BackendTimeoutError(BackendError, TimeoutError):
    """The server or model did not answer in time."""
