"""Checks of how a reranker is installed, found and imported."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from resift.catalog import CORE, catalog, normalized
from resift.testing.contract import broken, check

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

_MEASURE = """
import json, sys, time
import resift.loading, resift.pipeline, pydantic, pyarrow.compute
before = set(sys.modules)
start = time.process_time()
__import__(sys.argv[1])
seconds = time.process_time() - start
json.dump([seconds, sorted(set(sys.modules) - before)], sys.stdout)
"""


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
    if state not in ("ok", "hidden by core"):
        found = (
            f"its state is {state!r}: {provider.target!r} of {provider.distribution}"
        )
        broken(found)
    provider.load()
    top = provider.target.partition(":")[0].partition(".")[0]
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
    done = subprocess.run(  # noqa: S603  # our own interpreter, an installed module
        [sys.executable, "-c", _MEASURE, module],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        broken(f"it cannot be imported in a process of its own: {last}", module)
    seconds, modules = json.loads(done.stdout)
    heavy = sorted({name.partition(".")[0] for name in modules} & HEAVY)
    if heavy:
        broken(f"it imports {', '.join(heavy)}", f"import {module}")
    if seconds > MOST_SECONDS:
        found = f"it takes {seconds:.1f} s of CPU, more than {MOST_SECONDS}"
        broken(found, f"import {module}")


def _owners(module: str) -> set[str]:
    """Return the distributions that list *module*; an editable one lists nothing."""
    from importlib_metadata import packages_distributions

    return {normalized(name) for name in packages_distributions().get(module, ())}
