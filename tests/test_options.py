"""Options: the signature of a constructor is the schema."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pydantic
import pytest

import resift
from resift.building import build
from resift.options import RESERVED, YIELDING, Schema

WHO = "Reranker 'x'"
SECRET = "sk-very-secret-0123"  # noqa: S105  # looked for in everything that is shown


class Plugin:
    """A plugin under test.

    Args:
        model: Which model to
            load, by name.
        k (int): How many.
        path: Where it lies.
        key: The key.
    """

    def __init__(
        self,
        model: str,
        *,
        k: int = 60,
        path: Path | None = None,
        mode: Literal["fast", "exact"] = "fast",
    ) -> None:
        self.given = (model, k, path, mode)


class Keyed:
    def __init__(
        self,
        *,
        key: pydantic.SecretStr | None = None,
        keys: dict[str, pydantic.SecretStr] | None = None,
        k: int = 1,
        region: Annotated[str, pydantic.AfterValidator(lambda v: int(v) and v)] = "",
    ) -> None:
        self.key = key
        if key and key.get_secret_value().startswith("bad"):
            msg = f"the key {key.get_secret_value()!r} is refused"
            raise ValueError(msg)


def never(value: object, option: str) -> resift.Reranker:
    """Build no nested reranker."""
    raise AssertionError(value)


def built(cls: type, **options: object) -> object:
    """Build *cls* from options, as `load` does."""
    return build(cls, options, who=WHO, nest=never).plugin


def refusal(cls: type, **options: object) -> str:
    """Return the whole message that refuses the options, looking for the secret."""
    with pytest.raises(resift.OptionsError) as caught:
        built(cls, **options)
    everything = "".join(traceback.format_exception(caught.value))
    assert SECRET not in everything + repr(caught.value.__context__)
    return str(caught.value)


# The schema ------------------------------------------------------------------------


def test_the_signature_is_the_schema():
    """Names, types, defaults and summaries are read off the class, unbuilt."""
    options = Schema(Plugin, WHO).options

    assert list(options) == ["model", "k", "path", "mode"]
    assert [o.required for o in options.values()] == [True, False, False, False]
    assert options["k"].default == 60
    assert options["model"].summary == "Which model to load, by name."
    assert options["k"].summary == "How many."
    assert options["path"].type_name == "Path | None"
    assert options["mode"].type_name == "Literal['fast', 'exact']"


def test_the_schema_is_json():
    """Each option has a JSON schema with its default and what it is for."""
    options = Schema(Plugin, WHO).options

    assert options["k"].json_schema() == {
        "type": "integer",
        "default": 60,
        "description": "How many.",
    }
    assert options["mode"].json_schema() == {
        "type": "string",
        "enum": ["fast", "exact"],
        "default": "fast",
    }


def test_values_are_coerced_to_the_annotated_types():
    """A config file has strings where Python has paths: both will do."""
    plugin = built(Plugin, model="m", k="7", path="a/b", mode="exact")

    assert plugin.given == ("m", 7, Path("a/b"), "exact")


def test_what_is_not_given_takes_the_default():
    """Only what is given is passed on."""
    assert built(Plugin, model="m").given == ("m", 60, None, "fast")


def test_a_class_without_a_constructor_has_no_options():
    """Plain classes need no `__init__`."""

    class Bare: ...

    assert isinstance(built(Bare), Bare)
    assert refusal(Bare, k=1) == "Reranker 'x' has no option 'k'. Options: none."


def test_a_dataclass_is_a_plugin_class():
    """A generated constructor is read like a written one."""
    assert built(Data, k="3") == Data(3)


def test_a_pydantic_model_is_a_plugin_class():
    """A model's fields are its options."""
    assert built(Model, k="3").k == 3


@dataclass
class Data:
    k: int = 1


class Model(pydantic.BaseModel):
    k: int = 1


def test_an_option_may_be_a_model_or_a_function():
    """Whatever pydantic can check may be an option, and is described in full."""
    assert built(Rich, model={"k": "3"}).model == Model(k=3)
    assert built(Rich, key=len).key is len
    schemas = {n: o.json_schema() for n, o in Schema(Rich, WHO).options.items()}
    assert schemas["model"]["$defs"]["Model"]["properties"]["k"]["type"] == "integer"
    assert schemas["key"] == {"type": "Callable | None", "default": None}


class Rich:
    def __init__(
        self, *, model: Model | None = None, key: Callable | None = None
    ) -> None:
        self.model, self.key = model, key


def test_an_error_of_resift_in_a_constructor_stays_what_it_is():
    """A plugin that raises a typed error of its own is not renamed."""

    class Strict:
        def __init__(self) -> None:
            raise resift.ModelError("no such model")  # noqa: TRY003  # short

    with pytest.raises(resift.ModelError, match=r"^no such model$"):
        built(Strict)


# Wrong options ---------------------------------------------------------------------


def test_an_unknown_option_comes_with_a_near_miss_and_the_list():
    """A misspelt option is met with what it may have meant, and with every option."""
    assert refusal(Plugin, model="m", modell=SECRET) == (
        "Reranker 'x' has no option 'modell'. Did you mean 'model'? Options: 'model', "
        "'k', 'path', 'mode'."
    )


def test_an_unknown_option_like_no_other_is_only_listed():
    """Nothing is suggested where nothing is near, and its value is never shown."""
    assert refusal(Plugin, model="m", api_key=SECRET) == (
        "Reranker 'x' has no option 'api_key'. Options: 'model', 'k', 'path', 'mode'."
    )


def test_a_setting_among_the_options_is_told_to_stand_beside_them():
    """It is not advised to be what it is already."""
    assert refusal(Plugin, model="m", top_k=3) == (
        "Reranker 'x' has no option 'top_k'. It is a setting: give it beside the "
        "options. Options: 'model', 'k', 'path', 'mode'."
    )


def test_a_required_option_must_be_given():
    """A missing option is named."""
    assert refusal(Plugin) == (
        "Reranker 'x': option 'model' is required and was not given."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"k": "many"},
            "option 'k' must be a valid integer, unable to parse string as an integer, "
            "got 'many'.",
        ),
        ({"k": None}, "option 'k' must be a valid integer, got None."),
        ({"model": 5}, "option 'model' must be a valid string, got 5."),
        ({"mode": "slow"}, "option 'mode' must be 'fast' or 'exact', got 'slow'."),
    ],
)
def test_a_wrong_value_is_shown_with_what_it_must_be(options, message):
    """The message says which option, what it must be, and what was given."""
    assert refusal(Plugin, **{"model": "m", **options}) == f"{WHO}: {message}"


def test_a_long_value_is_cut():
    """A value is shown up to 80 characters."""
    message = refusal(Plugin, model="m", mode="x" * 500)

    assert len(message) < 160
    assert message.endswith("xxx....")


def test_what_a_constructor_refuses_is_an_options_error():
    """The constructor's own ValueError is told with who raised it, and chained."""
    with pytest.raises(resift.OptionsError) as caught:
        resift.load("rrf", config=None, k=-1)

    assert str(caught.value) == (
        f"Reranker 'rrf' (resift {resift.__version__}): k must be a finite number of "
        "at least 0, got -1.0. Use 60."
    )
    assert isinstance(caught.value.__cause__, ValueError)


# Constructors that cannot be options -----------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            "**options: int",
            "takes **options: 'int', so that a misspelt option would vanish. Name each "
            "option.",
        ),
        (
            "*names: str",
            "takes *names: 'str', so that a misspelt option would vanish. Name each "
            "option.",
        ),
        (
            "k: int, /",
            "takes 'k' by position only, but options are given by name. Remove the "
            "'/'.",
        ),
        ("*, k=5", "has no annotation for the option 'k'. Annotate it with its type."),
        *(
            (
                f"*, {name}: int = 5",
                f"has an option {name!r}, which is a keyword of resift.load itself. "
                "Rename it.",
            )
            for name in RESERVED
        ),
    ],
)
def test_a_constructor_that_could_hide_a_mistake_is_refused(
    install, parameters, message
):
    """Catch-all, positional, unannotated and reserved parameters are refused."""
    install(
        "class Plugin:\n"
        f"    def __init__(self, {parameters}) -> None: raise AssertionError\n"
        "    @resift.hookimpl\n"
        "    def score(self, query, documents): ...\n"
    )

    with pytest.raises(resift.InvalidRerankerError) as caught:
        resift.load("fake", config=None)

    assert str(caught.value) == (
        f"Reranker 'fake' (resift-fake 1.0): the constructor {message}"
    )


def test_the_reserved_names_are_the_keywords_of_load():
    """Every keyword of `load` is reserved but those that yield to an option."""
    import inspect

    parameters = inspect.signature(resift.load).parameters.values()

    keywords = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert set(RESERVED) == keywords - set(YIELDING)


def test_an_annotation_that_cannot_be_resolved_is_an_options_error(install):
    """A type imported for type checkers only is pointed out."""
    install(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING: from pathlib import Path\n"
        "class Plugin:\n"
        "    def __init__(self, *, path: Path | None = None) -> None: ...\n"
        "    @resift.hookimpl\n"
        "    def score(self, query, documents): ...\n"
    )

    with pytest.raises(resift.OptionsError) as caught:
        resift.load("fake", config=None)

    assert str(caught.value) == (
        "Reranker 'fake' (resift-fake 1.0): the annotations of its constructor cannot "
        "be resolved at run time (NameError: name 'Path' is not defined). Import the "
        "types outside 'if TYPE_CHECKING'."
    )


# Secrets ---------------------------------------------------------------------------


def test_a_secret_is_wrapped():
    """A key given as a string arrives as a `SecretStr`."""
    plugin = built(Keyed, key=SECRET)

    assert plugin.key.get_secret_value() == SECRET
    assert SECRET not in repr(plugin.key)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": [SECRET]}, "option 'key' must be a valid string."),
        (
            {"key": "k", "k": SECRET},
            "option 'k' must be a valid integer, unable to parse string as an integer.",
        ),
        ({"keys": SECRET}, "option 'keys' must be a valid dictionary."),
        ({"region": SECRET}, "option 'region' is wrong."),
    ],
)
def test_no_value_of_a_class_with_a_secret_is_shown(options, message):
    """A key may be put into the wrong option, so none of them is shown."""
    assert refusal(Keyed, **options) == f"{WHO}: {message}"


def test_a_constructor_cannot_leak_the_secret():
    """A secret in the constructor's own words is struck out, and nothing is chained."""
    with pytest.raises(resift.OptionsError) as caught:
        built(Keyed, key=f"bad-{SECRET}")

    assert str(caught.value) == "Reranker 'x': the key '***' is refused"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


class Failing:
    """Fails with whatever it is told to, and the key in its words."""

    def __init__(
        self,
        *,
        error: Callable,
        key: pydantic.SecretStr | pydantic.SecretBytes | None = None,
        keys: list[pydantic.SecretStr] = [],  # noqa: B006  # never changed
    ) -> None:
        secrets = [s for s in (key, *keys) if s is not None]
        msg = f"no GPU {''.join(str(s.get_secret_value()) for s in secrets)}"
        raise error(msg)


@pytest.mark.parametrize("error", [RuntimeError, OSError, ZeroDivisionError])
def test_whatever_a_constructor_raises_is_told_without_the_secret(error):
    """No error is let through raw: it would show the key, and not name the plugin."""
    message = refusal(Failing, error=error, keys=[SECRET])

    assert message == (
        f"Reranker 'x': its constructor raised {error.__name__}: no GPU ***"
    )


def test_a_secret_is_struck_out_in_every_form():
    """Quoted, as a KeyError does, or as bytes."""
    odd = SECRET + "\\\n"

    assert refusal(Failing, error=KeyError, keys=[odd]) == (
        "Reranker 'x': its constructor raised KeyError: 'no GPU ***'"
    )
    key = pydantic.SecretBytes(SECRET.encode())
    assert refusal(Failing, error=ValueError, key=key) == (
        "Reranker 'x': no GPU b'***'"
    )


class Holder(pydantic.BaseModel):
    key: pydantic.SecretStr


class Inner:
    def __init__(self, *, holder: Holder) -> None:
        msg = f"{holder.key.get_secret_value()} is refused"
        raise ValueError(msg)


def test_a_secret_inside_a_model_is_struck_out():
    """However deep it lies."""
    assert refusal(Inner, holder={"key": SECRET}) == "Reranker 'x': *** is refused"


def test_a_secret_is_read_from_the_environment(monkeypatch):
    """`{env = NAME}` stands for the value of a variable."""
    monkeypatch.setenv("A_KEY", SECRET)

    assert built(Keyed, key={"env": "A_KEY"}).key.get_secret_value() == SECRET


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    """A missing variable is an error that says which, and of which option."""
    monkeypatch.delenv("A_KEY", raising=False)

    assert refusal(Keyed, key={"env": "A_KEY"}) == (
        "Reranker 'x': option 'key' reads the environment variable 'A_KEY', which is "
        "not set. Set it."
    )


def test_a_string_may_come_from_the_environment_and_a_number_may_not(monkeypatch):
    """`{env = NAME}` means something for text only."""
    monkeypatch.setenv("A_MODEL", "m")

    assert built(Plugin, model={"env": "A_MODEL"}).given[0] == "m"
    assert refusal(Plugin, model="m", k={"env": "A_MODEL"}) == (
        "Reranker 'x': option 'k' must be a valid integer, got dict."
    )


def test_a_secret_is_in_nothing_that_a_reranker_shows(install, caplog, capsys):
    """Neither its repr, nor its description, nor a log, nor the output has the key."""
    caplog.set_level(logging.DEBUG)
    install(
        "import pydantic\n"
        "class Plugin:\n"
        "    def __init__(self, *, key: pydantic.SecretStr, k: int = 1) -> None: ...\n"
        "    @resift.hookimpl\n"
        "    def score(self, query, documents): return ['x']\n"
    )
    reranker = resift.load("fake", config=None, key=SECRET)

    with pytest.raises(resift.ScoreError) as caught:
        reranker.rank("q", ["d"])

    shown = [reranker, reranker.describe(), vars(reranker), reranker.plugins, caught]
    assert SECRET not in "".join(map(repr, shown))
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in caplog.text + "".join(capsys.readouterr())
    assert reranker.describe() == {
        "use": "resift-fake:fake",
        "version": "1.0",
        "options": {},
    }
