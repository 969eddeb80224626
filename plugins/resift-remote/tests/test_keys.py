from __future__ import annotations

import pytest
from pydantic import SecretStr

from resift.errors import AuthenticationError
from resift_remote import KeySource

BOTH = KeySource(("ACME_KEY", "ACME_TOKEN"))


def test_the_option_beats_the_environment(monkeypatch):
    """Then the variables count in their order, and a final newline does no harm."""
    monkeypatch.delenv("ACME_KEY", raising=False)
    monkeypatch.setenv("ACME_TOKEN", "from the token\n")
    second = BOTH.find("acme", None)
    monkeypatch.setenv("ACME_KEY", "from the key")

    assert second == "from the token"
    assert BOTH.find("acme", None) == "from the key"
    assert BOTH.find("acme", SecretStr("given")) == "given"


@pytest.mark.parametrize(
    ("variables", "hint"),
    [
        ((), "Give 'api_key'."),
        (("NO_KEY",), "Give 'api_key', or set NO_KEY."),
        (("NO_KEY", "NO_TOKEN"), "Give 'api_key', or set NO_KEY or NO_TOKEN."),
    ],
)
def test_no_key_is_an_error_only_where_one_is_needed(variables, hint):
    """The error names the variables that are read, and no others."""
    with pytest.raises(AuthenticationError) as caught:
        KeySource(variables).find("acme", None)

    assert str(caught.value) == f"acme: there is no key. {hint}"
    assert KeySource(variables, required=False).find("acme", None) == ""


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        (KeySource(), "Check 'api_key'."),
        (KeySource(("ACME_KEY",)), "Check 'api_key' or ACME_KEY."),
        (BOTH, "Check 'api_key', ACME_KEY or ACME_TOKEN."),
    ],
)
def test_the_remedy_lists_where_a_key_may_be(source, remedy):
    """A refused key is looked for where it was read."""
    assert source.remedy == remedy


@pytest.mark.parametrize("wrong", ["sk-geheim\nX-Evil: 1", "sk-schlüssel", "sk-\x00"])
def test_a_key_that_no_header_can_hold_is_not_told(wrong):
    """It may be a key all the same, with one character too many."""
    with pytest.raises(AuthenticationError) as caught:
        KeySource().find("acme", SecretStr(wrong))

    assert str(caught.value) == (
        "acme: the key holds a character that no HTTP header can hold. Copy it again."
    )


@pytest.mark.parametrize(
    ("source", "elsewhere"),
    [
        (KeySource(), "Load 'acme' over there"),
        (BOTH, "Set ACME_KEY or ACME_TOKEN in the environment"),
    ],
)
def test_a_key_given_as_an_option_is_not_pickled(source, elsewhere):
    """The error says how the other process gets it; without a key there is none."""
    source.refuse_to_pickle("acme", None)

    with pytest.raises(TypeError) as caught:
        source.refuse_to_pickle("acme", SecretStr("sk"))
    assert str(caught.value) == (
        f"acme: a key given as an option is not pickled. {elsewhere} instead."
    )
