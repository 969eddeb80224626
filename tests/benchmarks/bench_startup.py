"""Start-up: what `import resift` and `resift list` cost, whatever is installed.

    python tests/benchmarks/bench_startup.py

Prints the CPU time of `import resift` above a bare interpreter, the modules it must not
pull in, and the wall time of `resift list` with 30 made-up distributions more than are
installed, each with a module that would take a second to import.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from resift.testing.distributions import install

ROUNDS = 9
HEAVY = ("numpy", "pyarrow", "pydantic", "lancedb", "torch")
PROBE = """
import json, sys, time
start = time.process_time()
import resift
print(json.dumps([time.process_time() - start, sorted(sys.modules)]))
"""
SLOW = """
import time

time.sleep(1)


class Slow:
    \"\"\"Take a second to import.\"\"\"
"""


def main() -> None:
    """Measure both, medians of several runs."""
    seconds, modules = [], []
    for _ in range(ROUNDS):
        answer = subprocess.run(
            [sys.executable, "-c", PROBE], check=True, capture_output=True
        )
        spent, modules = json.loads(answer.stdout)
        seconds.append(spent)
    pulled = [name for name in HEAVY if name in modules]
    print(f"import resift: {statistics.median(seconds) * 1000:.1f} ms CPU")
    print(f"  of {', '.join(HEAVY)} it imports: {', '.join(pulled) or 'none'}")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(30):
            install(
                Path(folder),
                f"resift-made-up-{number}",
                modules={f"made_up_{number}": SLOW},
                entry_points={
                    "resift.rerankers": {f"slow-{number}": f"made_up_{number}:Slow"}
                },
            )
        environment = {**os.environ, "PYTHONPATH": folder}
        command = [str(Path(sys.executable).parent / "resift"), "list"]
        walls, lines = [], 0
        for _ in range(ROUNDS):
            start = time.perf_counter()
            answer = subprocess.run(
                command, check=True, capture_output=True, env=environment
            )
            walls.append(time.perf_counter() - start)
            lines = len(answer.stdout.splitlines())
    best, middle = min(walls) * 1000, statistics.median(walls) * 1000
    print(f"resift list, {lines} names: {middle:.0f} ms wall (best {best:.0f})")


if __name__ == "__main__":
    main()
