"""Checks of how a reranker is installed, found and imported."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from resift.catalog import CORE, catalog, normalized
from resift.testing.contract import broken, check
from resift.testing.importer import importer

if TYPE_CHECKING:
    from resift.testing.subject import Subject

HEAVY = frozenset({
    "aiohttp", "anthropic", "boto3", "botocore", "catboost", "cohere", "faiss",
    "fastembed", "flashrank", "flax", "google", "httpx", "huggingface_hub", "jax",
    "keras", "lancedb", "langchain", "lightgbm", "llama_cpp", "llama_index",
    "mistralai", "nltk", "numba", "onnxruntime", "openai", "openvino", "pandas",
    "polars", "pylate", "requests", "scipy", "sentence_transformers", "sklearn",
    "spacy", "tensorflow", "tiktoken", "tokenizers", "torch", "transformers", "vllm",
    "voyageai", "xgboost",
})  # fmt: skip
"""Modules that take long to import, or open the way to a network."""
MOST_SECONDS = 0.5


def not_named(subject: Subject) -> str | None:
    """Tell that a reranker has no distribution that could be looked at."""
    return None if isinstance(subject.target, str) else "it was not given by name"


def of_the_core(subject: Subject) -> str | None:
    """Tell that a reranker is part of resift itself."""
    if subject.provider and subject.provider.distribution == CORE:
        return "it is part of resift itself"
    return None


@check(
    "The name leads to exactly one class, in a module of its own distribution.",
    usually="the entry point's target is misspelt, the distribution was not installed "
    "again after it changed, or another distribution took the name.",
    unless=(not_named,),
    essential=True,
)
def entry_point_resolves(subject: Subject) -> None:
    """Look the name up, import what it names, and see whose module that is."""
    provider = subject.provider
    if provider is None:  # pragma: no cover  # not_named tells
        return
    state = catalog().state(provider)
    chosen = state == "clash" and ":" in str(subject.target)  # by its qualified name
    if state not in ("ok", "hidden by core") and not chosen:
        found = (
            f"its state is {state!r}: {provider.target!r} of {provider.distribution}"
        )
        broken(found)
    provider.load()
    top = provider.target.partition(":")[0].partition(".")[0]
    if _owns(provider.distribution, top):
        return
    owners = _owners(top)
    if owners and normalized(provider.distribution) not in owners:
        found = f"the module {top!r} belongs to {', '.join(sorted(owners))}"
        broken(found, f"the entry point {provider.target!r}")


@check(
    "The distribution says that it needs resift.",
    usually="the line 'resift>=0.1' is missing from the dependencies in "
    "pyproject.toml, so that installing the reranker alone gives an import error.",
    after=("entry_point_resolves",),
    unless=(not_named, of_the_core),
)
def distribution_needs_resift(subject: Subject) -> None:
    """Read the requirements in the distribution's metadata."""
    from importlib_metadata import requires

    if subject.provider is None:  # pragma: no cover  # not_named tells
        return
    home = subject.provider.distribution
    requirements = requires(home) or []
    names = {
        normalized(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in requirements
    }
    if CORE not in names:
        listed = ", ".join(map(repr, requirements)) or "nothing"
        broken(f"{home} requires {listed}")


@check(
    "Importing the module that the entry point names is cheap: no model library, no "
    "SDK, no HTTP client.",
    usually="'import torch' or an SDK stands at the top of the module, or of one that "
    "it imports. Import it inside the function that uses it.",
    after=("entry_point_resolves",),
    unless=(not_named,),
)
def import_is_light(subject: Subject) -> None:
    """Import the module in a process of its own, and see what came with it."""
    if subject.provider is None:  # pragma: no cover  # not_named tells
        return
    module = subject.provider.target.partition(":")[0]
    imported = importer().load(module)
    if imported.error:
        found = f"it cannot be imported in a process of its own: {imported.error}"
        broken(found, module)
    heavy = sorted({name.partition(".")[0] for name in imported.modules} & HEAVY)
    if heavy:
        broken(f"it imports {', '.join(heavy)}", f"import {module}")
    if imported.seconds > MOST_SECONDS:
        found = f"it takes {imported.seconds:.1f} s of CPU, more than {MOST_SECONDS}"
        broken(found, f"import {module}")


def _owns(home: str, module: str) -> bool:
    """Return whether the distribution *home* says that *module* is its own.

    One that is installed to be edited lists no modules, but the folder they are in.
    """
    from importlib_metadata import distribution

    found = distribution(home)
    record = found.read_text("RECORD") or ""
    if re.search(rf"^{re.escape(module)}(/|\.)", record, re.MULTILINE):
        return True
    url = json.loads(found.read_text("direct_url.json") or "{}")
    spec = find_spec(module)
    if not url.get("dir_info", {}).get("editable") or not spec or not spec.origin:
        return False
    folder = Path(url2pathname(urlsplit(url["url"]).path)).resolve()
    return Path(spec.origin).resolve().is_relative_to(folder)


def _owners(module: str) -> set[str]:
    """Return the distributions that list *module*; an editable one lists nothing."""
    from importlib_metadata import packages_distributions

    return {normalized(name) for name in packages_distributions().get(module, ())}
