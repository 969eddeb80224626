"""A checkpoint: where the weights are, how to load them, and what can go wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from resift.errors import ModelError
from resift_local import first_line

if TYPE_CHECKING:
    import torch
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Transformer

__all__ = ["Checkpoint", "Dtype"]

Dtype: TypeAlias = Literal["float32", "float16", "bfloat16"]

_DOWNLOAD = (
    "Download it where there is a network ('hf download {}'), or give the option model "
    "the path of a folder."
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What to load; the fields are the options of `ColBERT` of the same names."""

    model: str
    revision: str | None = None
    device: str | None = None
    dtype: Dtype | None = None
    query_length: int | None = None
    document_length: int | None = None
    trust_remote_code: bool = False
    local_files_only: bool = False
    threads: int | None = None

    def load(self) -> MultiVectorEncoder:
        """Load the weights.

        Raises:
            ModelError: If they cannot be loaded, or are no late-interaction model.
        """
        import torch
        from sentence_transformers import MultiVectorEncoder

        self._require_folder()
        try:
            self._require_late_interaction()
            device = self._device()
            encoder = MultiVectorEncoder(
                self._name,
                device=str(device),
                revision=self.revision,
                trust_remote_code=self.trust_remote_code,
                local_files_only=self.local_files_only,
                model_kwargs={"dtype": self._dtype(device)},
            )
        except ModelError:
            raise
        except Exception as error:
            msg = f"colbert: the model {self.model!r} {self._problem(error)}"
            raise ModelError(msg) from error
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        self._set_lengths(encoder)
        return encoder

    @property
    def _name(self) -> str:
        """The model with ``~`` expanded."""
        return str(Path(self.model).expanduser())

    def _require_folder(self) -> None:
        path = Path(self._name)
        is_path = self.model.startswith((".", "/", "~")) or len(path.parts) > 2
        if is_path and not path.is_dir():
            msg = (
                f"colbert: the option model names the folder {self.model!r}, which "
                "does not exist. Give the path of a checkpoint's folder, or a name on "
                "the Hugging Face Hub."
            )
            raise ModelError(msg)

    def _require_late_interaction(self) -> None:
        """Refuse any other model: its token projection would be made up at random."""
        config = self._json("config.json")
        options = self._json("config_sentence_transformers.json")
        if config is None and options is None:
            msg = f"colbert: the model {self.model!r} {self._nothing_found()}"
            raise ModelError(msg)
        config, options = config or {}, options or {}
        architectures: list[str] = config.get("architectures") or []
        if not (
            options.get("model_type") in ("MultiVectorEncoder", "ColBERT")
            or "query_prefix" in options  # PyLate, before it wrote a model_type
            or any(
                name.endswith(("HF_ColBERT", "ForRetrieval")) for name in architectures
            )
        ):
            kind = options.get("model_type") or ", ".join(architectures) or "unknown"
            msg = (
                f"colbert: the model {self.model!r} is no late-interaction model "
                f"({kind}): it has no projection for tokens. Name a ColBERT, PyLate or "
                "MultiVectorEncoder checkpoint with the option model, or use the "
                "reranker 'bi-encoder' or 'cross-encoder'."
            )
            raise ModelError(msg)

    def _json(self, filename: str) -> dict[str, Any] | None:
        """Read one of the checkpoint's files; None where it has no such file."""
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        path = Path(self._name, filename)
        if not path.parent.is_dir():
            try:
                found = hf_hub_download(
                    self.model,
                    filename,
                    revision=self.revision,
                    local_files_only=self.local_files_only,
                )
            except EntryNotFoundError as error:
                if isinstance(error, LocalEntryNotFoundError) and error.__cause__:
                    raise  # no network: asking for the next file would take as long
                return None
            path = Path(found)
        if not path.is_file():
            return None
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return loaded

    def _device(self) -> torch.device:
        import torch
        from sentence_transformers.util import get_device_name

        try:
            device = torch.device(self.device or get_device_name())
            torch.empty(0, device=device)
        except (AssertionError, RuntimeError, NotImplementedError) as error:
            msg = (
                f"colbert: the option device is {self.device!r}, which this machine or "
                f"this build of torch does not have ({first_line(error)}). Leave it "
                "unset to take the best there is."
            )
            raise ModelError(msg) from error
        return device

    def _dtype(self, device: torch.device) -> torch.dtype:
        import torch

        name = self.dtype or ("float16" if device.type == "cuda" else "float32")
        dtype: torch.dtype = getattr(torch, name)
        return dtype

    def _set_lengths(self, encoder: MultiVectorEncoder) -> None:
        """Set how many tokens the model reads, where the options say so."""
        transformer: Transformer = encoder[0]  # type: ignore[assignment]
        most = encoder.max_seq_length or float("inf")
        for name in ("query_length", "document_length"):
            length = getattr(self, name)
            if length is None:
                continue
            if length > most:
                msg = (
                    f"colbert: the option {name} must be at most {most}, which is what "
                    f"the model {self.model!r} can read, got {length}."
                )
                raise ModelError(msg)
            expansion = getattr(transformer, "query_expansion", None)
            if name == "query_length" and expansion is not None:
                expansion["length"] = length
                transformer.query_expansion = expansion  # its setter checks it
            else:
                setattr(transformer, name, length)

    def _nothing_found(self) -> str:
        if Path(self._name).is_dir():
            return "has no config.json in its folder. Name a checkpoint's folder."
        where = "on this machine" if self.local_files_only else "there"
        return f"is not {where}, or has no config.json. " + _DOWNLOAD.format(self.model)

    def _problem(self, error: Exception) -> str:
        """Say what went wrong, and what to do about it."""
        from huggingface_hub import errors as hub

        causes = _causes(error)
        if any(isinstance(e, hub.GatedRepoError) for e in causes):
            return (
                "asks for its terms to be accepted on the Hugging Face Hub. Do so, and "
                "log in with 'hf auth login'."
            )
        if any(isinstance(e, hub.RevisionNotFoundError) for e in causes):
            return f"has no revision {self.revision!r}. Correct the option revision."
        if any(isinstance(e, hub.RepositoryNotFoundError) for e in causes):
            return (
                "is not on the Hugging Face Hub, or is private. Correct the option "
                "model, or log in with 'hf auth login'."
            )
        if any(isinstance(e, hub.LocalEntryNotFoundError) for e in causes):
            return "is not on this machine, and there is no network. " + (
                _DOWNLOAD.format(self.model)
            )
        if any("trust_remote_code" in str(e) for e in causes):
            return (
                "comes with code of its own, which is not run. Read it, then set "
                "trust_remote_code=True."
            )
        return f"cannot be loaded ({type(error).__name__}: {first_line(error)})."


def _causes(error: BaseException | None) -> list[BaseException]:
    found = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
