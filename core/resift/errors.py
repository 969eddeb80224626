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
    │   └── UnsetVariableError        its environment variable is missing
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

from typing import TYPE_CHECKING, TypeVar

from resift.redaction import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

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
    "UnsetVariableError",
]

_NOT_GIVEN = object()
_Error = TypeVar("_Error", bound="ResiftError")


class ResiftError(Exception):
    """Anything that resift raises on purpose: data, of which `str` makes a sentence.

    Args:
        message: What is wrong, a sentence; or, beside *parameter*, what that must be.
        who: The reranker, command or file that refuses.
        parameter: The option, setting or argument that is wrong.
        value: What was given for it. Kept only as a message may show it: numbers and
            short texts as they are, tables by their type.
        place: The table of the config file, or the variable, that is to be corrected.
        remedy: What to do about it, a sentence.
        arguments: The arguments that the remedy names, in braces, and how Python
            spells them: whoever has flags for them spells them as flags.

    Example:
        >>> str(InputError("must be at least 1", parameter="top_k", value=0))
        'top_k must be at least 1, got 0.'
    """

    def __init__(
        self,
        message: str = "",
        *,
        who: str = "",
        parameter: str = "",
        value: object = _NOT_GIVEN,
        place: str = "",
        remedy: str = "",
        arguments: Mapping[str, str] = {},
    ) -> None:
        super().__init__(message)
        self.who = who
        self.parameter = parameter
        self.value = None if value is _NOT_GIVEN else quoted(value)
        self.place = place
        self.advice = remedy
        self.arguments = dict(arguments)

    @property
    def remedy(self) -> str:
        """What to do about it, the arguments that it names spelt out."""
        advice = self.advice
        return advice.format_map(self.arguments) if self.arguments else advice

    @property
    def message(self) -> str:
        """What is wrong, without who says so, and where."""
        return str(self.args[0]) if self.args else ""

    def of(self, who: str) -> Self:
        """Return it as *who*'s, unless it is somebody's."""
        self.who = self.who or who
        return self

    def recast(self, kind: type[_Error], *, who: str = "") -> _Error:
        """Return it as an error of another kind, *who*'s unless it is somebody's."""
        other = kind(self.message)
        other.__dict__.update(self.__dict__)
        other.who = self.who or who
        return other

    def __str__(self) -> str:
        text = " ".join(filter(None, (self._subject(), self.message)))
        if self.value is not None:
            text = f"{text}, got {self.value}."
        elif (self.remedy or self.parameter) and not text.endswith((".", "?")):
            text = f"{text}."
        text = " ".join(filter(None, (text, self.remedy)))
        who = "" if text.startswith(f"{self.who} ") else self.who  # "X must ..."
        return ": ".join(filter(None, (self.place, who, text)))

    def _subject(self) -> str:
        return self.parameter


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

    def _subject(self) -> str:
        return self.parameter and f"option {self.parameter!r}"


class UnsetVariableError(OptionsError):
    """An option is to be read from an environment variable that is not set."""


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

    retry_after: float | None = None
    """Seconds after which the server wants to be asked again, where it says so."""


class BadRequestError(BackendError):
    """The server rejects the request itself (any other 4xx)."""


class ServerError(BackendError):
    """The server failed (5xx), broke the connection, or answers nonsense."""


class BackendTimeoutError(BackendError, TimeoutError):
    """The server or model did not answer in time."""
