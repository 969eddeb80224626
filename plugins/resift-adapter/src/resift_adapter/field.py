"""`Chosen`: the reranker as a field of a pydantic model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, PrivateAttr

from resift_adapter.choice import Choice, Given, checked, written

if TYPE_CHECKING:
    import resift

    _Field: TypeAlias = Given
else:
    _Field = Annotated[
        Any,
        PlainValidator(lambda given: checked(given, "")),
        PlainSerializer(lambda given: written(given, "")),
    ]

__all__ = ["Chosen"]


class Chosen(BaseModel):
    """Base of a model with a reranker: dumped as plain data, or refused.

    Args:
        reranker: A name, a table with ``use``, or a `resift.Reranker`.
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,  # a table may hold a key
    )

    reranker: _Field
    _choice: Choice | None = PrivateAttr(default=None)

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401  # pydantic's
        super().model_post_init(context)
        self._choice = Choice(self.reranker, type(self).__name__)

    def loaded(self) -> resift.Reranker:
        """Return the reranker, loaded at first use, once for all threads."""
        choice = self._choice
        if choice is None or choice.given is not self.reranker:
            choice = self._choice = Choice(self.reranker, type(self).__name__)
        return choice.reranker()
