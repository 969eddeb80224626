"""The options of a reranker: the signature of its constructor is the schema.

Each annotated parameter is an option, checked and coerced by pydantic. A parameter
annotated `resift.Reranker` (or a list of them) takes a reranker by name; one annotated
`pydantic.SecretStr` takes a secret, which then never shows in an error.
"""

from __future__ import annotations

import difflib
import inspect
import os
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from resift.errors import (
    InvalidRerankerError,
    OptionsError,
    ResiftError,
    UnknownRerankerError,
    UnsetVariableError,
)
from resift.plugin import may_be_reranker
from resift.redaction import Guarded, quoted, redacted, secrets_in
from resift.settings import Settings

if TYPE_CHECKING:
    from pydantic import SecretStr, ValidationError

__all__ = ["RESERVED", "YIELDING", "Nest", "Nested", "Option", "Schema"]

YIELDING = ("weights", "instruction")
"""Settings that an option may be called like; a call then means the option."""

RESERVED = (*(n for n in Settings.names() if n not in YIELDING), "wrappers", "config")
"""Keywords of `resift.load` itself, which no option may be called."""

_MISSING = inspect.Parameter.empty


class Nested(Guarded):
    """Base of what an option may be annotated with to be built by name."""


Nest: TypeAlias = Callable[[object], Nested]


@dataclass(frozen=True)
class Option:
    """One option: what it is called, takes, and is for.

    Args:
        name: The constructor's parameter.
        annotation: Its type, resolved.
        default: Its default, or `inspect.Parameter.empty` where it is required.
        summary: What the docstring's ``Args:`` section says of it.
    """

    name: str
    annotation: Any  # a type, or any other form that pydantic reads
    default: object
    summary: str

    @property
    def required(self) -> bool:
        return self.default is _MISSING

    @cached_property
    def nests(self) -> bool:
        """Whether it takes rerankers."""
        return any(
            isinstance(part, type) and issubclass(part, Nested)
            for part in _parts(self.annotation)
        )

    @cached_property
    def is_secret(self) -> bool:
        from pydantic import SecretBytes, SecretStr

        return any(part in (SecretStr, SecretBytes) for part in _parts(self.annotation))

    @property
    def type_name(self) -> str:
        """The annotation as an author would write it."""
        text = inspect.formatannotation(self.annotation)
        return re.sub(r"\b(?:[a-z_][\w]*\.)+(?=[A-Za-z_])", "", text)

    def validate(self, value: object) -> object:
        """Return *value* in the type of the option; raises pydantic's error."""
        from pydantic import ConfigDict, PydanticUserError, TypeAdapter

        try:
            adapter = TypeAdapter[object](
                self.annotation, config=ConfigDict(arbitrary_types_allowed=True)
            )
        except PydanticUserError:  # a pydantic model or dataclass brings its own
            adapter = TypeAdapter[object](self.annotation)
        return adapter.validate_python(value)

    def json_schema(self) -> dict[str, object]:
        """Return its JSON schema; a reranker is a name or a table with ``use``."""
        from pydantic import ConfigDict, TypeAdapter
        from pydantic.errors import PydanticInvalidForJsonSchema

        schema: dict[str, object] = {"type": self.type_name}
        if not self.nests:
            config = ConfigDict(arbitrary_types_allowed=True)
            try:
                adapter = TypeAdapter[object](self.annotation, config=config)
                schema = adapter.json_schema()
            except PydanticInvalidForJsonSchema:
                pass  # a callable, say: its name is all there is to show
        if not self.required:
            schema["default"] = _plain(self.default)
        if self.summary:
            schema["description"] = self.summary
        return schema


class Schema:
    """The options of one plugin class.

    Args:
        cls: The plugin class, examined without building it.
        who: The reranker, as messages name it.

    Raises:
        InvalidRerankerError: If a parameter cannot be an option.
        OptionsError: If an annotation cannot be resolved.
    """

    def __init__(self, cls: type, who: str) -> None:
        self.cls = cls
        self.who = who
        self._read: list[SecretStr] = []  # from the environment, never to be shown
        parameters = list(inspect.signature(cls).parameters.values())
        for parameter in parameters:
            _refuse(parameter, who)
        hints = _hints(cls, who) if parameters else {}
        summaries = _summaries(cls) if parameters else {}
        self.options = {
            p.name: Option(
                p.name,
                hints.get(p.name, p.annotation),  # a generated __init__ has no hints
                p.default,
                summaries.get(p.name, ""),
            )
            for p in parameters
        }

    @property
    def has_secret(self) -> bool:
        return any(option.is_secret for option in self.options.values())

    def require_known(self, name: str) -> None:
        """Refuse an option that there is not."""
        if name not in self.options:
            raise OptionsError(self._unknown(name))

    def require_complete(self, given: Mapping[str, object]) -> None:
        """Refuse to do without an option that is required."""
        for option in self.options.values():
            if option.required and option.name not in given:
                msg = f"option {option.name!r} is required and was not given."
                raise OptionsError(msg, who=self.who)

    def construct(self, options: Mapping[str, object]) -> object:
        """Build the plugin.

        Raises:
            OptionsError: If its constructor fails, whatever it raises.
        """
        try:
            return self.cls(**options)
        except ResiftError as error:
            if error.parameter:
                error.of(self.who)
            raise
        except Exception as error:
            text = redacted(str(error), [options, self._read])
            if not isinstance(error, TypeError | ValueError):
                text = f"its constructor raised {type(error).__name__}: {text}"
            if not (self.has_secret or any(secrets_in([options, self._read]))):
                raise OptionsError(text, who=self.who) from error
        # with no trace of an error that saw the secret
        raise OptionsError(text, who=self.who)

    def value(self, name: str, value: object, nest: Nest) -> object:
        """Return the value of one option as the constructor takes it."""
        from pydantic import SecretStr, ValidationError

        option = self.options[name]
        hidden = self.has_secret
        if variable := environment_of(option, value):
            value, hidden = self._from_environment(name, variable), True
            self._read.append(SecretStr(value))
        elif option.nests:
            value = _nested(value, option.annotation, self._checking(option, nest))
        try:
            return option.validate(value)
        except ValidationError as error:
            message = self._wrong(option, error, None if hidden else quoted(value))
        raise OptionsError(message)

    def _checking(self, option: Option, nest: Nest) -> Nest:
        """Return *nest*, refusing what can be no reranker."""

        def nested(value: object) -> Nested:
            if may_be_reranker(value):
                return nest(value)
            got = "" if self.has_secret else f", got {quoted(value)}"
            msg = (
                f"option {option.name!r} must be made of rerankers{got}. "
                "Give a name, a table with 'use', or an object that implements a hook."
            )
            raise OptionsError(msg, who=self.who)

        return nested

    def _from_environment(self, name: str, variable: str) -> str:
        try:
            return os.environ[variable]
        except KeyError:
            msg = f"reads the environment variable {variable!r}, which is not set"
        raise UnsetVariableError(msg, who=self.who, parameter=name, remedy="Set it.")

    def _wrong(self, option: Option, error: ValidationError, value: str | None) -> str:
        """Return what is wrong; *value* is shown as it is, None not at all."""
        from pydantic_core.core_schema import ErrorType

        own = {*typing.get_args(ErrorType)} - {"value_error", "assertion_error"}
        details = error.errors(include_url=False)[0]
        requirement = details["msg"].replace("Input should", "must", 1)
        if value is None and details["type"] not in own:
            requirement = "is wrong"  # the validator's own words may quote the value
        elif not requirement.startswith("must"):
            requirement = f"is wrong: {requirement}"
        got = "" if value is None else f", got {value}"
        return f"{self.who}: option {option.name!r} {requirement}{got}."

    def _unknown(self, name: str) -> str:
        known = {other.lower(): other for other in (*RESERVED, *self.options)}
        near = difflib.get_close_matches(str(name).lower(), known, n=1)
        hint = f" Did you mean {known[near[0]]!r}?" if near else ""
        if name in RESERVED:
            hint = " It is a setting: give it beside the options."
        options = ", ".join(map(repr, self.options)) or "none"
        return f"{self.who} has no option {name!r}.{hint} Options: {options}."


def environment_of(option: Option, value: object) -> str | None:
    """Return the variable that ``{ env = "NAME" }`` names, where it may stand."""
    if not isinstance(value, Mapping) or set(value) != {"env"}:
        return None
    parts = _parts(option.annotation)
    takes_table = any(typing.get_origin(part) in (dict, Mapping) for part in parts)
    reads = option.is_secret or (str in parts and not takes_table)
    return str(value["env"]) if reads else None


def _nested(value: object, annotation: object, nest: Nest) -> object:
    """Build every reranker that *value* names, at any depth of lists and tables."""
    words = _literals(annotation)
    if isinstance(value, str) and value in words:
        return value
    if value is None:
        return None
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_nested(item, annotation, nest) for item in value]
    if isinstance(value, Mapping) and "use" not in value:
        for part in _parts(annotation):
            if typing.get_origin(part) in (dict, Mapping):
                inner = typing.get_args(part)[1]
                return {key: _nested(v, inner, nest) for key, v in value.items()}
    try:
        return nest(value)
    except UnknownRerankerError as error:
        if near := difflib.get_close_matches(str(value), map(str, words), n=1):
            error.args = (f"{error.args[0]} Or did you mean {near[0]!r}?",)
        raise


def _parts(annotation: object) -> list[object]:
    """Return the annotation and everything inside it."""
    inner = [p for arg in typing.get_args(annotation) for p in _parts(arg)]
    return [annotation, *inner]


def _literals(annotation: object) -> set[object]:
    return {
        value
        for part in _parts(annotation)
        if typing.get_origin(part) is Literal
        for value in typing.get_args(part)
    }


def _refuse(parameter: inspect.Parameter, who: str) -> None:
    name = parameter.name
    if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
        problem = f"takes {parameter}, so that a misspelt option would vanish"
        remedy = "Name each option."
    elif parameter.kind is parameter.POSITIONAL_ONLY:
        problem = f"takes {name!r} by position only, but options are given by name"
        remedy = "Remove the '/'."
    elif parameter.annotation is _MISSING:
        problem = f"has no annotation for the option {name!r}"
        remedy = "Annotate it with its type."
    elif name in RESERVED:
        problem = f"has an option {name!r}, which is a keyword of resift.load itself"
        remedy = "Rename it."
    else:
        return
    msg = f"the constructor {problem}. {remedy}"
    raise InvalidRerankerError(msg, who=who)


def _hints(cls: type, who: str) -> dict[str, object]:
    try:
        return typing.get_type_hints(_constructor(cls), include_extras=True)
    except Exception as error:
        msg = (
            f"the annotations of its constructor cannot be resolved at run time "
            f"({type(error).__name__}: {error}). Import the types outside "
            "'if TYPE_CHECKING'."
        )
        raise OptionsError(msg, who=who) from error


def _constructor(cls: type) -> Callable[..., None]:
    return cls.__init__  # type: ignore[misc,no-any-return]  # of this very class


def _summaries(cls: type) -> dict[str, str]:
    """Return what the Google-style ``Args:`` sections say of each parameter."""
    text = "\n".join(
        inspect.cleandoc(doc) for doc in (cls.__doc__, _constructor(cls).__doc__) if doc
    )
    found: dict[str, str] = {}
    for section in re.findall(r"^Args:\n((?:[ \t]+.*\n?|\n)+)", text, re.MULTILINE):
        entries = re.findall(
            r"^ {4}\*{0,2}(\w+)(?: \([^)]*\))?: (.*(?:\n(?: {8}.*)?)*)",
            section,
            re.MULTILINE,
        )
        found.update((name, " ".join(body.split())) for name, body in entries)
    return found


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
