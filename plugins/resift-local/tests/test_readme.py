from __future__ import annotations

import pickle
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import resift
import resift_local

README = Path(__file__).parents[1] / "README.md"


class Model:
    """What the library has: a model that counts letters."""

    def __init__(self, name, *, offline):
        if not Path(name, "weights").exists():
            msg = f"There are no weights in {name}."
            raise FileNotFoundError(msg)

    def score(self, query, documents):
        return [len(text) for text in documents]


@pytest.fixture
def acme(monkeypatch):
    """The README's example, its library one that counts letters."""
    library, example = ModuleType("acme"), ModuleType("acme_example")
    library.Model = Model
    monkeypatch.setitem(sys.modules, "acme", library)
    monkeypatch.setitem(sys.modules, "acme_example", example)
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    exec(code, vars(example))  # noqa: S102  # ours
    return example.Acme


def test_the_example_reranks_in_batches(acme, tmp_path):
    """What the README shows is a whole reranker, which pickles without its model."""
    (tmp_path / "weights").touch()
    documents = ["aaa", "a", "aaaaa", "aa"]

    with resift.Reranker(acme(model=str(tmp_path), batch_size=2)) as reranker:
        ranked = reranker.rank("q", documents)
        copy = pickle.loads(pickle.dumps(reranker.plugin))
    assert [document.index for document in ranked] == [2, 0, 3, 1]
    assert copy._model.loaded is None
    assert list(copy.score("q", documents)) == [3, 1, 5, 2]


def test_the_example_fails_in_words(acme, tmp_path):
    """A model that does not load, a number that is none, and a timeout are named."""
    with pytest.raises(resift.ModelError) as no_weights:
        acme(model=str(tmp_path)).score("q", ["a"])
    with pytest.raises(ValueError, match=r"^batch_size must be at least 1, got 0\.$"):
        acme(batch_size=0)
    (tmp_path / "weights").touch()
    with pytest.raises(resift.BackendTimeoutError) as late:
        acme(model=str(tmp_path)).score("q", ["a"], timeout=1e-9)

    assert str(no_weights.value) == (
        f"acme: option 'model': {str(tmp_path)!r} cannot be loaded "
        f"(FileNotFoundError: There are no weights in {tmp_path})."
    )
    assert str(late.value) == (
        "acme: 0 of 1 texts were scored when the timeout of 1e-09 s ran out. Score "
        "fewer."
    )


def test_the_table_names_everything():
    """What the package exports is sorted, and the README says what it is for."""
    text = README.read_text("utf-8")
    exported = resift_local.__all__

    assert exported == sorted(exported)
    assert [name for name in exported if f"`{name}`" not in text] == []


def test_importing_it_is_light():
    """It imports none of what its functions need."""
    code = (
        "import sys, resift_local; heavy = {'torch', 'transformers', 'tqdm', "
        "'huggingface_hub', 'sentence_transformers', 'numpy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
