"""`CheckedOptions`: numbers that are checked, and options that are all that travels."""

from __future__ import annotations

from dataclasses import fields
from typing import ClassVar

__all__ = ["CheckedOptions"]


class CheckedOptions:
    """What a dataclass of options inherits; it is pickled without its model.

    Attributes:
        positive: The options that, where they are set, must be at least 1.
        neutral_options: The options that change no score, but where and how fast it is
            computed, so that `cache` finds scores whatever they are.

    Raises:
        ValueError: If one is not; the core says of which reranker.
    """

    positive: ClassVar[tuple[str, ...]] = ()
    neutral_options: ClassVar[tuple[str, ...]] = (
        "batch_size",
        "device",
        "local_files_only",
        "remember",
        "show_progress",
        "threads",
    )

    def __post_init__(self) -> None:
        for name in self.positive:
            value = getattr(self, name)
            if value is not None and value < 1:
                msg = f"{name} must be at least 1, got {value}."
                raise ValueError(msg)

    def __getstate__(self) -> dict[str, object]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}  # type: ignore[arg-type]  # a dataclass inherits it

    def __setstate__(self, state: dict[str, object]) -> None:
        type(self).__init__(self, **state)
