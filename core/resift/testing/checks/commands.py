"""Checks of a reranker on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from resift.testing.cases import GRADED
from resift.testing.checks.packaging import not_named
from resift.testing.checks.scores import not_repeatable
from resift.testing.contract import broken, check

if TYPE_CHECKING:
    from resift.testing.subject import Subject


def not_typed(subject: Subject) -> str | None:
    """Tell that the reranker cannot be asked for on a command line."""
    if reason := not_named(subject):
        return reason
    if subject.reranker.columns:
        return "it reads columns, which lines of text do not have"
    try:
        json.dumps(dict(subject.options))
    except TypeError:
        return "its options cannot be typed"
    return None


@check(
    "It ranks the lines of a file on the command line: 'resift rank -r NAME'.",
    usually="something is printed when it is loaded or closed, between the results.",
    of="scorer",
    after=("warms_up_and_closes",),
    unless=(not_typed,),
)
def command_line_ranks(subject: Subject) -> None:
    """Rank some lines, and read the JSON that comes out."""
    from click.testing import CliRunner

    from resift.cli import main

    arguments = ["rank", GRADED.query, "-r", str(subject.target), "--json"]
    for name, value in subject.options.items():
        arguments += ["-o", f"{name}={json.dumps(value)}"]
    lines = "\n".join(GRADED.documents)
    done = CliRunner(env={"RESIFT_CONFIG": ""}).invoke(main, arguments, input=lines)
    typed = "resift " + " ".join(f"{part!r}" for part in arguments)
    if done.exit_code:
        broken(f"exit code {done.exit_code}: {done.stderr.strip()}", typed)
    try:
        rows = [json.loads(line) for line in done.stdout.splitlines()]
    except ValueError:
        broken(f"the output is not JSON: {done.stdout[:80]!r}", typed)
    got = np.full(len(GRADED), np.nan)
    for row in rows:
        if row["score"] is not None:
            got[row["line"] - 1] = row["score"]
    wanted = subject.scores(GRADED)
    if not not_repeatable(subject) and subject.differing(got, wanted) is not None:
        broken(f"the scores are {got.tolist()} instead of {wanted.tolist()}", typed)
