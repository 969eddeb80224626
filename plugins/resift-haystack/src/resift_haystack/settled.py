"""`Settled`: the reranker of a component, its life, and the pipeline's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from haystack import default_from_dict, default_to_dict
from haystack.utils import Secret

from resift.errors import InputError
from resift_adapter import Choice, Given, mapped

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Settled"]


class Settled:
    """Base of a component with a reranker.

    Args:
        reranker: A name, a table with ``use``, in which a key may be a `Secret`, or a
            `resift.Reranker`.
        settings: The other parameters of the component's constructor.
    """

    def _settle(self, reranker: Given, **settings: object) -> None:
        who = type(self).__name__
        if isinstance(reranker, Mapping):
            reranker = mapped(reranker, lambda value: _native(value, who))
        self._choice = Choice(reranker, who)
        self._settings = settings

    @property
    def reranker(self) -> Given:
        """What stands for the reranker; as a table, its `repr` shows no secret."""
        return self._choice.given

    def warm_up(self) -> None:
        """Load the reranker, and its weights or its client."""
        self._choice.reranker().warmup()

    def close(self) -> None:
        """Release what was loaded here; it is loaded again when it is needed."""
        self._choice.close()

    def to_dict(self) -> dict[str, Any]:
        """Return the component as a pipeline's file holds it.

        Raises:
            InputError: If the reranker holds a secret in the open, or was not built by
                name.
        """
        parameters = {"reranker": self._choice.written(), **self._settings}
        return default_to_dict(self, **parameters)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Build the component from what `to_dict` returned."""
        return default_from_dict(cls, data)


def _native(value: object, who: str) -> object:
    """Return a value as resift's tables hold it: a `Secret` as its variable.

    Raises:
        InputError: If a `Secret` names several variables, or one that may be missing.
    """
    if not isinstance(value, Secret):
        return value
    written = value.to_dict() if value.type.value == "env_var" else None
    if written is None:  # a token: in memory only
        from pydantic import SecretStr  # Haystack itself does without pydantic

        return SecretStr(str(value.resolve_value()))
    if len(written["env_vars"]) != 1 or not written["strict"]:
        msg = "must name the one variable that holds a Secret, which must be set"
        remedy = "Give it as Secret.from_env_var('NAME')."
        raise InputError(msg, who=who, parameter="reranker", remedy=remedy)
    return {"env": written["env_vars"][0]}
