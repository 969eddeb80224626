"""The directory of rerankers: docs/plugins.md, and tables on other pages.

They are made from what the packages say of themselves, from the contract, and from
``docs/contract.json``, its machine-readable result. After a change run::

    python docs/directory.py --run      # the contract of everything, then the pages
    python docs/directory.py            # the pages only
    python docs/directory.py --check    # fails where a page is not what it should be

All of this repository must be installed: ``pip install -r requirements-dev.txt``.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resift import hookspecs
from resift.catalog import COMMANDS, RERANKERS, WRAPPERS, Provider, catalog, normalized
from resift.plugin import HOOKS
from resift.testing.contract import contract
from resift_cli.synopsis import synopsis

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "contract.json"
PAGE = ROOT / "docs" / "plugins.md"
TABLES = {
    "rerankers": ROOT / "README.md",
    "checks": ROOT / "docs" / "authors" / "contract.md",
    "hooks": ROOT / "docs" / "authors" / "hooks.md",
}
"""Pages that hold one generated table or text, between two comments."""
LIGHT = {
    *("resift", "resift-local", "resift-remote"),
    *("numpy", "pyarrow", "pydantic"),
}
"""What a reranker may need without anyone noticing: little more than the core does."""

Report = dict[str, Any]


# What the packages say ---------------------------------------------------------------


def projects() -> list[dict[str, Any]]:
    """Return the ``[project]`` tables of the core and of every plugin."""
    paths = [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]
    return [tomllib.loads(path.read_text("utf-8"))["project"] for path in paths]


def providers(project: Mapping[str, Any], group: str) -> list[Provider]:
    """Return what *project* offers in one group, as it is installed here."""
    names = project.get("entry-points", {}).get(group, {})
    home = normalized(project["name"])
    known = {p.name: p for p in catalog(group).providers if p.distribution == home}
    if missing := sorted(set(names) - set(known)):
        msg = f"{home} is not installed as it is here: {', '.join(missing)} missing."
        raise SystemExit(msg)
    return [known[name] for name in names]


def needs(project: Mapping[str, Any], reports: Sequence[Report]) -> str:
    """Say what a reranker needs beside the core."""
    lines = project["dependencies"] if project["name"] != "resift" else []
    names = [re.split(r"[^\w.-]", line)[0] for line in lines]
    words = [name for name in names if name not in LIGHT]
    if any(report["declares"]["needs_network"] for report in reports):
        words.append("a server")
    if reports and all(report["declares"]["columns"] for report in reports):
        words.append("columns of the results")
    return ", ".join(words)


# The contract ------------------------------------------------------------------------


def suites() -> list[Path]:
    """Return the test modules that run the contract."""
    paths = [*ROOT.glob("tests/*.py"), *ROOT.glob("plugins/*/tests/*.py")]
    suite = re.compile(r"import .*\b(Reranker|Merger|Composite)Suite\b")
    return sorted(path for path in paths if suite.search(path.read_text("utf-8")))


def run_contract(paths: Sequence[Path]) -> dict[str, list[Report]]:
    """Run the contract in some test modules; return the reports by reranker."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-m", "", *map(str, paths)]
        environment = {**os.environ, "RESIFT_CONTRACT_REPORTS": folder}
        subprocess.run(command, check=True, cwd=ROOT, env=environment)  # noqa: S603  # ours
        return reports_in(Path(folder))


def reports_in(folder: Path) -> dict[str, list[Report]]:
    """Return the reports that suites have left in a folder, by reranker."""
    found: dict[str, list[Report]] = {}
    for path in sorted(folder.glob("*.json")):
        report = json.loads(path.read_text("utf-8"))
        suite = path.stem.partition("--")[2]
        found.setdefault(report["reranker"], []).append(brief(report, suite))
    return dict(sorted(found.items()))


def brief(report: Report, suite: str) -> Report:
    """Return a report without the checks that were kept: their number is enough."""
    outcomes = report.pop("outcomes")
    kept = sum(outcome["status"] == "kept" for outcome in outcomes)
    others = [outcome for outcome in outcomes if outcome["status"] != "kept"]
    return {"suite": suite, **report, "kept": kept, "others": others}


def results() -> dict[str, list[Report]]:
    """Return the committed reports by reranker."""
    found: dict[str, list[Report]] = json.loads(RESULTS.read_text("utf-8"))
    return found


def verdict(reports: Sequence[Report]) -> str:
    """Say what came of the contract, all suites of a reranker together."""
    if not reports:
        return "not run"
    if not all(report["ok"] for report in reports):
        return "**broken**"
    excused = {
        outcome["check"]
        for report in reports
        for outcome in report["others"]
        if outcome["status"] in ("expected", "replaced")
    }
    kept = f"{sum(report['kept'] for report in reports)} kept"
    return f"{kept}, {len(excused)} excused" if excused else kept


# The pages ---------------------------------------------------------------------------


def page() -> str:
    """Return docs/plugins.md."""
    lines = [PROSE.strip(), ""]
    for project in projects():
        lines += section(project, results())
    return "\n".join([*lines, *excuses(results())]).rstrip() + "\n"


def section(
    project: Mapping[str, Any], found: Mapping[str, list[Report]]
) -> Iterator[str]:
    """Yield the lines about one distribution."""
    name = project["name"]
    yield f"## {name}"
    yield ""
    yield f"{project['description']}"
    yield ""
    rows = []
    for provider in providers(project, RERANKERS):
        reports = found.get(provider.name, [])
        rows.append(
            [
                f"`{provider.name}`",
                synopsis(provider),
                kinds(reports),
                needs(project, reports),
                verdict(reports),
            ]
        )
    yield from table(["name", "what it does", "scores", "needs", "contract"], rows)
    for group, what in ((COMMANDS, "command"), (WRAPPERS, "wrapper")):
        for provider in providers(project, group):
            shown = f"resift {provider.name}" if group == COMMANDS else provider.name
            about = f": {synopsis(provider)}" if group == WRAPPERS else "."
            yield f"It adds the {what} `{shown}`{about}"
            yield ""


def kinds(reports: Sequence[Report]) -> str:
    """Say what the scores mean, or that there are none."""
    words: dict[str, None] = {}
    for declares in (report["declares"] for report in reports):
        words[declares["score_kind"] if declares["scores"] else "merges"] = None
    return ", ".join(words)


def excuses(found: Mapping[str, list[Report]]) -> Iterator[str]:
    """Yield why a check is expected to break, or was replaced."""
    reasons = {
        f"- `{name}`, {outcome['check'].replace('_', ' ')}: {outcome['reason']}"
        for name, reports in found.items()
        for report in reports
        for outcome in report["others"]
        if outcome["status"] in ("expected", "replaced")
    }
    if reasons:
        yield "## Excused"
        yield ""
        yield from sorted(reasons)


def readme_table() -> str:
    """Return the table in the README: a row per package, the libraries in one."""
    needed = [name for project in projects() for name in project["dependencies"]]
    needed = [re.split(r"[^\w.-]", name)[0] for name in needed]
    rows = []
    libraries = []
    for project in projects():
        package = f"`{project['name']}`"
        offered = providers(project, RERANKERS)
        reports = [r for p in offered for r in results().get(p.name, [])]
        names = [f"`{p.name}`" for p in offered] or [
            f"`resift {p.name}`" if group == COMMANDS else f"`{p.name}`"
            for group in (COMMANDS, WRAPPERS)
            for p in providers(project, group)
        ]
        if names or project["name"] not in needed:
            kept = tick(reports) if offered else ""
            rows.append([package, ", ".join(names), project["description"], kept])
        else:
            libraries.append(package)
    rows.append([", ".join(libraries), "", "Libraries that others are built on.", ""])
    header = ["package", "names", "what it does", "contract"]
    return "\n".join(table(header, rows)).strip()


def tick(reports: Sequence[Report]) -> str:
    """Return a tick where the contract is kept, linked to what it asks."""
    if not reports or not all(report["ok"] for report in reports):
        return verdict(reports)
    return "[✓](docs/authors/contract.md)"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table; none without rows."""
    if not rows:
        return
    for row in (header, ["---"] * len(header), *rows):
        cells = [cell.replace("|", "\\|") for cell in row]
        yield f"| {' | '.join(cells)} |"
    yield ""


def checks_table() -> str:
    """Return the table of every check: what it is, and how it is usually broken."""
    whose = {"any": "any", "scorer": "scores", "merger": "merges"}
    whose["composite"] = "made of others"
    rows = [
        [
            f"`{check.name}`" + (" (optional)" if check.optional else ""),
            whose[check.of],
            marked_up(check.promise),
            marked_up(f"{check.usually[0].upper()}{check.usually[1:]}"),
        ]
        for check in contract()
    ]
    header = ["check", "of", "promise", "how authors usually break it"]
    return "\n".join(table(header, rows)).strip()


def hooks_text() -> str:
    """Return what `resift.hookspecs` says as Markdown, which any forge shows."""
    parts = [_markdown(inspect.getdoc(hookspecs) or "")]
    for name in HOOKS:
        hook = getattr(hookspecs, name)
        source = inspect.getsource(hook)
        signature = source[source.index("def ") : source.index('"""')].rstrip()
        code = f"```text\n{signature.removesuffix(':')}\n```"
        parts += [f"## {name}", code, _markdown(inspect.getdoc(hook) or "")]
    return "\n\n".join(parts)


def _markdown(doc: str) -> str:
    """Return a docstring as Markdown: terms and arguments become lists."""
    doc = doc.replace("``", "`")
    doc = re.sub(r"^(`\w+`)\n    ", r"\n\1\n: ", doc, flags=re.MULTILINE)
    doc = re.sub(r"^(Args|Returns):$", r"**\1**\n", doc, flags=re.MULTILINE)
    doc = re.sub(r"^    (\w+): ", r"- `\1`: ", doc, flags=re.MULTILINE)
    doc = re.sub(r"^ {4,8}(?=\S)", "  ", doc, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", doc)


def marked_up(text: str) -> str:
    """Return a sentence as Markdown: what stands in quotes is code."""
    parts = re.split(r"(?<!\w)'([^']+)'(?!\w)", text)
    for i, part in enumerate(parts):
        parts[i] = f"`{part}`" if i % 2 else re.sub(r"([*_<>{}])", r"\\\1", part)
    return "".join(parts)


def pages() -> dict[Path, str]:
    """Return the text that each generated page should have."""
    made = {"rerankers": readme_table, "checks": checks_table, "hooks": hooks_text}
    found = {PAGE: page()}
    for name, path in TABLES.items():
        start, end = f"<!-- table: {name} -->\n", "<!-- table: end -->"
        head, marked, rest = path.read_text("utf-8").partition(start)
        if not marked or end not in rest:
            msg = f"{path.name} has no place for the table {name!r}."
            raise SystemExit(msg)
        found[path] = f"{head}{start}{made[name]()}\n{end}{rest.partition(end)[2]}"
    return found


PROSE = """
<!-- Made by docs/directory.py; do not edit. -->

# Rerankers and packages

Every reranker here passes the contract: what `resift check NAME` asks of it. The result
is in `contract.json` beside this page, with each check that does not apply and why.
*Scores* says what a score means: a probability from 0 to 1, a bounded similarity, an
unbounded logit, or ordinal, where only the order means anything; *merges* is a merger,
for `merge =`. *Contract* counts the promises that were checked and kept, once for each
way of using it that is tested.
"""


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--run", action="store_true", help="run the contract first")
    parser.add_argument("--check", action="store_true", help="change nothing")
    arguments = parser.parse_args()
    if arguments.run:
        text = json.dumps(run_contract(suites()), indent=1) + "\n"
        if arguments.check and text != RESULTS.read_text("utf-8"):
            sys.exit("docs/contract.json is not what the contract says now.")
        RESULTS.write_text(text, "utf-8")
    stale = [p for p, text in pages().items() if not same(p, text)]
    if arguments.check and stale:
        sys.exit(f"not up to date: {', '.join(path.name for path in stale)}")
    for path in stale:
        path.write_text(pages()[path], "utf-8")


def same(path: Path, text: str) -> bool:
    """Tell whether *path* holds *text* already."""
    return path.is_file() and path.read_text("utf-8") == text


if __name__ == "__main__":
    main()
