"""`resift show`: one reranker, what it implements and the options it takes."""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import click

from resift.errors import ResiftError
from resift_cli.commands.config import settings_of
from resift_cli.output import console, json_option, write_json
from resift_cli.parameters import RerankerName, config_option, find_config
from resift_cli.patience import patience

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import RenderableType
    from rich.table import Table

    from resift.authors import Config

__all__ = ["describe", "show"]

_DEEPEST = 8


@click.command
@click.argument("name", type=RerankerName())
@json_option
@config_option
def show(name: str, *, as_json: bool, config_path: Path | None) -> None:
    """Show what a reranker does, and its options.

    NAME is an installed reranker or wrapper, or one of your own names from the config
    file. Its module is imported, but nothing is built and no model is loaded.

    \b
    Examples:
      resift show rrf
      resift show resift-fusion:borda
      resift show cascade --json
      resift show precise --config search.toml
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from resift.authors import Loader

    config = find_config(config_path)
    entry, path = Loader(config).resolve(name)
    tree: list[str] = []
    known = describe(entry.use)
    if path:
        where = {"name": name, "file": str(config.path)}
        known["configured"] = {**where, **settings_of(entry)}
        tree = _tree(name, config)
    if as_json:
        write_json(known)
    else:
        for part in _page(known):
            console().print(part)
        if len(tree) > 1:
            console().print("\n".join(["", "Built of", *tree]), markup=False)


def _tree(name: object, config: Config, depth: int = 1) -> list[str]:
    """Return a reranker of the config and those that it is built of, indented."""
    entry = config.get(name) if isinstance(name, str) else None
    options: Mapping[str, Any] = {}
    shown, use = str(name), str(name)
    if isinstance(name, Mapping):
        shown = use = str(name.get("use"))
        options = name.get("options") or {}
    elif entry is not None:
        use, options = entry.use, entry.options
        shown = name if use == name else f"{name}  {use}"
    lines = [f"{'  ' * depth}{shown}"]
    if depth > _DEEPEST:
        return lines
    if entry is not None and use != name and config.get(use) is not None:
        return [*lines, *_tree(use, config, depth + 1)]
    for child in _children(use, options):
        lines += _tree(child, config, depth + 1)
    return lines


def _children(use: str, options: Mapping[str, Any]) -> Iterator[object]:
    """Yield what the options give a reranker as rerankers: names and tables."""
    try:
        types = cast("Mapping[str, str]", describe(use)["types"])
    except ResiftError:  # not installed, or broken: its own error says so elsewhere
        return
    for key, value in options.items():
        if "Reranker" in types.get(key, ""):
            yield from value if isinstance(value, list | tuple) else [value]


def describe(name: str) -> dict[str, object]:
    """Return what is known of an installed reranker or wrapper without building it.

    Raises:
        PluginError: If it cannot be found, imported, or breaks a rule.
        OptionsError: If its annotations cannot be resolved.
    """
    from resift.authors import RERANKERS, WRAPPERS, Schema, catalog, implementation

    is_wrapper = name not in catalog() and name in catalog(WRAPPERS)
    provider = catalog(WRAPPERS if is_wrapper else RERANKERS).find(name)
    with patience(str(provider)):
        cls = provider.load()
    implemented = implementation(cls)
    if not is_wrapper:
        implemented.check(str(provider))
    options = Schema(cls, str(provider)).options.values()
    return {
        "name": provider.name,
        "distribution": provider.distribution,
        "version": provider.version,
        "target": provider.target,
        "kind": provider.kind,
        "hooks": sorted(implemented.wraps if is_wrapper else implemented.hooks),
        "documentation": inspect.getdoc(cls) or "",
        "types": {option.name: option.type_name for option in options},
        "schema": {
            "type": "object",
            "properties": {option.name: option.json_schema() for option in options},
            "required": [option.name for option in options if option.required],
            "additionalProperties": False,
        },
    }


def _page(known: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Yield the parts of the page, one below the other."""
    from rich.text import Text

    verb = "wraps" if known["kind"] == "wrapper" else "implements"
    does = f"{verb} {', '.join(known['hooks'])}" if known["hooks"] else known["kind"]
    yield Text.assemble(
        (known["name"], "bold"),
        f"  {known['distribution']} {known['version']}  ",
        (does, "green"),
    )
    yield Text(f"{known['target']}\n", style="dim")
    for paragraph in _prose(known["documentation"]):
        yield Text(f"{paragraph}\n")
    if known["schema"]["properties"]:
        yield Text("Options", style="dim")
        yield _options(known)
    else:
        yield Text("It has no options.", style="dim")
    if configured := known.get("configured"):
        yield Text(
            f"\nConfigured as {configured.pop('name')!r} in {configured.pop('file')}"
        )
        for key, value in configured.items():
            yield Text(f"  {key} = {value!r}")


def _options(known: Mapping[str, Any]) -> Table:
    from rich.table import Table
    from rich.text import Text

    schema = known["schema"]
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, option in schema["properties"].items():
        value = Text("required", style="red")
        if name not in schema["required"]:
            value = Text(f"default {option['default']!r}", style="green")
        text = Text.assemble((known["types"][name], "cyan"), "  ", value)
        if summary := option.get("description"):
            text.append(f"\n{_plain(summary)}")
        table.add_row(Text(name, style="bold"), text)
    return table


def _prose(documentation: str) -> list[str]:
    """Return the paragraphs before the first section, without formulas and markup."""
    section = re.compile(
        r"^(?:Args|Raises|Returns|References|Examples?):", re.MULTILINE
    )
    body = section.split(documentation)[0]
    paragraphs = re.split(r"\n\s*\n", body.strip())
    return [_plain(p) for p in paragraphs if p and not p.startswith(("..", " ", ">>>"))]


def _plain(text: str) -> str:
    """Return reStructuredText as a terminal shows it best: words, no markup."""
    text = re.sub(r":math:`([^`]*)`", lambda found: _formula(found[1]), text)
    text = re.sub(r":\w+:`([^`]*)`|``([^`]*)``|`([^`]*)`", r"\1\2\3", text)
    return " ".join(text.split())


def _formula(tex: str) -> str:
    r"""Return a short formula in Unicode: ``\mu_l`` as ``μ_l``."""

    def letter(found: re.Match[str]) -> str:
        try:
            return unicodedata.lookup(f"GREEK SMALL LETTER {found[1].upper()}")
        except KeyError:
            return found[1]

    return re.sub(r"\\([A-Za-z]+)", letter, tex)
