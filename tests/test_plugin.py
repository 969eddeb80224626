"""What a plugin implements, and the rules it is held to when it is loaded."""

from __future__ import annotations

import functools

import pytest

import resift
from resift.hookspecs import API_VERSION, hookimpl
from resift.plugin import HOOKS, implementation


def refusal(cls: type) -> str:
    """Return the whole message that refuses *cls*."""
    with pytest.raises(resift.InvalidRerankerError) as caught:
        implementation(cls).check("Reranker 'x'")
    return str(caught.value)


def test_the_hooks_are_those_of_the_specification():
    """The table of hooks and their arguments is read from `resift.hookspecs`."""
    assert HOOKS == {
        "score": (
            "query",
            "documents",
            "candidates",
            "top_k",
            "timeout",
            "instruction",
        ),
        "score_many": ("queries", "documents", "timeout", "instruction"),
        "merge": ("rankings", "n_documents", "query"),
        "warmup": (),
        "check": (),
        "close": (),
    }


def test_a_class_is_examined_without_being_built():
    """What a class implements is known from the class, whatever its constructor."""

    class Plugin:
        def __init__(self) -> None:
            raise AssertionError

        @hookimpl
        def score(self, query, documents): ...

        @property
        def merge(self):
            raise AssertionError

    found = implementation(Plugin)

    assert found.can_score
    assert not found.can_merge
    assert found.hooks == {"score": "score"}


def test_an_implementation_names_only_what_it_needs():
    """Which arguments an implementation asks for is known before it is called."""

    class Plugin:
        @hookimpl
        def score(self, documents, candidates): ...

    found = implementation(Plugin)

    assert found.names("score", "candidates")
    assert not found.names("score", "timeout")
    assert not found.names("merge", "query")


def test_specname_and_inheritance_are_followed():
    """A hook may be inherited, or implemented under another name."""

    class Base:
        @hookimpl
        def score(self, query, documents): ...

    class Plugin(Base):
        @hookimpl(specname="merge")
        def fuse(self, rankings, n_documents): ...

    assert implementation(Plugin).hooks == {"score": "score", "merge": "fuse"}


@pytest.mark.parametrize("kind", [staticmethod, classmethod, lambda function: function])
def test_any_kind_of_method_may_implement_a_hook(kind):
    """Static and class methods count, and `self` may have any name."""

    class Plugin:
        if kind is staticmethod:

            @staticmethod
            @hookimpl
            def score(query, documents):
                return [1.0] * len(documents)

        elif kind is classmethod:

            @classmethod
            @hookimpl
            def score(cls, query, documents):
                return [1.0] * len(documents)

        else:

            @hookimpl
            def score(this, query, documents, /):  # noqa: N805
                return [1.0] * len(documents)

    assert len(resift.Reranker(Plugin()).rank("q", ["a", "b"])) == 2


def test_a_class_without_hooks_is_refused():
    """A class that implements nothing is told what it must implement."""

    class Plugin:
        @hookimpl
        def close(self): ...

    assert refusal(Plugin) == (
        "Reranker 'x' must implement 'score', 'score_many' or 'merge', "
        "and implements none of them. Decorate a method of that name with "
        "@resift.hookimpl."
    )


@pytest.mark.parametrize("hook", ["score", "score_many", "merge"])
def test_a_forgotten_mark_is_refused(hook):
    """A method that has the name of a hook but not its mark is pointed out."""
    cls = type("Plugin", (), {hook: lambda self: None})

    assert refusal(cls) == (
        f"Reranker 'x' has a method {hook!r} that is not marked as a "
        "hook. Decorate it with @resift.hookimpl, or rename it."
    )


@pytest.mark.parametrize("hook", ["merge", "warmup", "close"])
def test_a_forgotten_mark_beside_others_is_refused(hook):
    """That one would never be called, and nobody would notice."""
    marked = hookimpl(lambda self, documents: [])
    cls = type("Plugin", (), {"score": marked, hook: lambda self: None})

    assert refusal(cls) == (
        f"Reranker 'x' has a method {hook!r} that is not marked as a "
        "hook. Decorate it with @resift.hookimpl, or rename it."
    )


def test_a_forgotten_self_is_refused():
    """The instance would arrive as the query."""

    class Plugin:
        @hookimpl
        def score(query, documents): ...  # noqa: N805  # the mistake

    assert refusal(Plugin) == (
        "Reranker 'x': 'score' must take 'self' first, as every method does. Add it."
    )


def test_a_wrapper_for_other_hooks_is_refused():
    """The versions of hooks hold for those who wrap them, too."""

    class Wrapper:
        resift_api = 2

        @hookimpl(wrapper=True)
        def score(self):
            return (yield)

    with pytest.raises(resift.IncompatibleRerankerError, match="hooks of version 2"):
        implementation(Wrapper).check_wrapper("Wrapper 'x'")


def test_a_class_that_only_wraps_is_not_a_reranker():
    """A wrapper is told that it implements nothing, not that its mark is forgotten."""

    class Plugin:
        @hookimpl(wrapper=True)
        def score(self):
            return (yield)

    assert "implements none of them" in refusal(Plugin)


def test_a_misspelt_hook_is_refused():
    """A marked method that is no hook is refused, with a near miss and all hooks."""

    class Plugin:
        @hookimpl
        def score(self, query, documents): ...

        @hookimpl
        def warm_up(self): ...

    assert refusal(Plugin) == (
        "Reranker 'x' implements 'warm_up', which is not a hook. Did you "
        "mean 'warmup'? Hooks: 'score', 'score_many', 'merge', 'warmup', 'check', "
        "'close'."
    )


def test_a_keyword_only_argument_is_refused():
    """pluggy would never fill it, so it is refused."""

    class Plugin:
        @hookimpl
        def score(self, query, documents, *, top_k=None): ...

    assert refusal(Plugin) == (
        "Reranker 'x': 'score' takes 'top_k' as a keyword-only argument, "
        "which the hook call cannot fill. Remove the '*'."
    )


def test_catch_all_arguments_are_refused():
    """`*args` and `**kwargs` would stay empty, so they are refused."""

    class Plugin:
        @hookimpl
        def merge(self, rankings, n_documents, **kwargs): ...

    assert refusal(Plugin) == (
        "Reranker 'x': 'merge' takes **kwargs, which the hook call "
        "cannot fill. Name the arguments you need: rankings, n_documents, query."
    )


def test_an_argument_that_the_hook_lacks_is_refused():
    """A misspelt argument is refused with a near miss and the arguments there are."""

    class Plugin:
        @hookimpl
        def score(self, query, document): ...

    assert refusal(Plugin) == (
        "Reranker 'x': 'score' takes 'document', which the hook does not "
        "have. Did you mean 'documents'? It has: query, documents, candidates, top_k, "
        "timeout, instruction."
    )


@pytest.mark.parametrize("default", [10, 0, "a", [], float("nan")])
def test_a_default_other_than_none_is_refused(default):
    """The hook call would overrule it, so it is refused."""

    class Plugin:
        @hookimpl
        def score(self, query, documents, top_k=default): ...

    assert refusal(Plugin) == (
        f"Reranker 'x': 'score' gives 'top_k' the default {default!r}, "
        "which the hook call overrules. Make it None and fill it in inside."
    )


def test_a_default_of_none_is_fine():
    """None says the same as the specification."""

    class Plugin:
        @hookimpl
        def score(
            self, query, documents, candidates=None, top_k=None, timeout=None
        ): ...

    implementation(Plugin).check("x")


def test_an_async_hook_is_refused():
    """pluggy would hand out a coroutine that nobody awaits, so it is refused."""

    class Plugin:
        @hookimpl
        async def score(self, query, documents): ...

    assert refusal(Plugin) == (
        "Reranker 'x': 'score' is async, but hooks are synchronous. Make "
        "it a plain def."
    )


@pytest.mark.parametrize("version", [1, "1", "1.7", API_VERSION])
def test_the_same_major_version_of_the_hooks_is_accepted(version):
    """A plugin that says which hooks it was written for must match the major only."""

    class Plugin:
        resift_api = version

        @hookimpl
        def score(self, query, documents): ...

    implementation(Plugin).check("x")


@pytest.mark.parametrize("version", [2, "2.0", 0])
def test_another_major_version_of_the_hooks_is_refused(version):
    """A plugin written for other hooks is incompatible, before anything else."""

    class Plugin:
        resift_api = version

    with pytest.raises(resift.IncompatibleRerankerError) as caught:
        implementation(Plugin).check("Reranker 'x'")

    assert str(caught.value) == (
        f"Reranker 'x' was written for hooks of version {version}, but "
        "this resift has version 1. Install a release of one that fits the other."
    )


# Through load and Reranker ---------------------------------------------------------


def test_load_checks_the_class_before_it_is_built(install):
    """Every rule is checked at load, and names plugin, distribution and version."""
    install(
        "class Plugin:\n"
        "    def __init__(self): raise AssertionError\n"
        "    def score(self, query, documents): ...\n"
    )

    with pytest.raises(resift.InvalidRerankerError) as caught:
        resift.load("fake", config=None)

    assert str(caught.value) == (
        "Reranker 'fake' (resift-fake 1.0) has a method 'score' that is not marked as "
        "a hook. Decorate it with @resift.hookimpl, or rename it."
    )


def test_a_class_given_to_reranker_is_refused():
    """`Reranker` takes an instance."""

    class WordOverlap:
        @hookimpl
        def score(self, query, documents): ...

    with pytest.raises(resift.InvalidRerankerError) as caught:
        resift.Reranker(WordOverlap)

    assert str(caught.value) == (
        "Reranker 'WordOverlap' must be an instance, got a class. Call it."
    )


def test_an_async_function_given_to_reranker_is_refused():
    """A coroutine function cannot score."""

    async def overlap(query, documents): ...

    with pytest.raises(resift.InvalidRerankerError) as caught:
        resift.Reranker(overlap)

    assert str(caught.value) == (
        "Reranker 'overlap' is async, but hooks are synchronous. Make it a plain def."
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda query, documents: [len(d) for d in documents],
        functools.partial(lambda scale, q, ds: [scale * len(d) for d in ds], 1),
    ],
    ids=["lambda", "partial"],
)
def test_a_plain_function_is_a_reranker(function):
    """A function `(query, documents) -> scores` needs no class."""
    ranked = resift.Reranker(function).rank("q", ["a", "ccc", "bb"])

    assert [d.document for d in ranked] == ["ccc", "bb", "a"]


def test_a_reranker_is_not_a_plugin():
    """A `Reranker` around a `Reranker` is refused, as it is one already."""
    with pytest.raises(resift.InvalidRerankerError) as caught:
        resift.Reranker(resift.load("bm25", config=None))

    assert str(caught.value) == "'bm25' is a resift.Reranker already. Use it as it is."


def test_one_string_of_columns_is_refused():
    """`columns = "vector"` would mean six columns of one letter."""

    class Plugin:
        columns = "vector"

        @hookimpl
        def score(self, query, documents): ...

    with pytest.raises(resift.InvalidRerankerError) as caught:
        resift.Reranker(Plugin())

    assert str(caught.value) == (
        "Reranker 'Plugin': columns must be a list of names, got 'vector'."
    )
