"""`KeySource`: where a key comes from, and whether it can be one."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pydantic import SecretStr

from resift.errors import AuthenticationError

__all__ = ["KeySource"]


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where a key comes from: the option ``api_key``, else the environment.

    Args:
        variables: Environment variables that may hold it, the first set wins.
        required: Whether there is no use in asking without a key.
    """

    variables: tuple[str, ...] = ()
    required: bool = True

    @property
    def remedy(self) -> str:
        """What to do about a key that is refused."""
        *others, last = ("'api_key'", *self.variables)
        return f"Check {', '.join(others)} or {last}." if others else f"Check {last}."

    def find(self, who: str, given: SecretStr | None) -> str:
        """Return the key: the one given, else the environment's, else ``""``.

        Args:
            who: The reranker.
            given: The option, which beats the environment.

        Raises:
            AuthenticationError: If a key is needed and there is none, or if no HTTP
                header can hold it.
        """
        if given is not None:
            key = given.get_secret_value()
        else:
            key = next(filter(None, map(os.environ.get, self.variables)), "")
        key = key.strip()
        if not key and self.required:
            others = " or ".join(self.variables)
            hint = f"Give 'api_key', or set {others}." if others else "Give 'api_key'."
            msg = f"there is no key. {hint}"
            raise AuthenticationError(msg, who=who)
        if not (key.isascii() and key.isprintable()):
            msg = (
                "the key holds a character that no HTTP header can hold. Copy it again."
            )
            raise AuthenticationError(msg, who=who)
        return key

    def refuse_to_pickle(self, who: str, given: SecretStr | None) -> None:
        """Raise where there is a key that was given as an option.

        Raises:
            TypeError: If there is.
        """
        if given is None:
            return
        variables = " or ".join(self.variables)
        elsewhere = (
            f"Set {variables} in the environment"
            if variables
            else f"Load {who!r} over there"
        )
        msg = f"{who}: a key given as an option is not pickled. {elsewhere} instead."
        raise TypeError(msg)
