"""The store: what is found again, for how long, how much, and by whom."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from resift_cache.store import Entry, Store, StoreError, default_directory


class Clock:
    """Seconds since the epoch that can be set."""

    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def key(i: int) -> bytes:
    return i.to_bytes(16, "little")


def entries(*numbers: int) -> dict[bytes, Entry]:
    return {key(i): Entry(float(i)) for i in numbers}


def test_what_is_put_is_found(tmp_path: Path) -> None:
    """Numbers and bytes come back exactly, from another store on the same file too."""
    kept = {
        key(1): Entry(0.1 + 0.2),
        key(2): Entry(-0.0, b"\x00more"),
        key(3): Entry(math.nan, b""),
    }
    store = Store(tmp_path)
    store.put(kept, "mine")
    store.close()

    found = Store(tmp_path).get([key(i) for i in range(5)])

    assert found.keys() == kept.keys()
    assert found[key(1)] == kept[key(1)]
    assert found[key(2)] == kept[key(2)]
    assert math.isnan(found[key(3)].score)


def test_nothing_is_made_before_it_is_used(tmp_path: Path) -> None:
    """A store that nobody asks leaves no folder behind."""
    Store(tmp_path / "deep" / "folder").close()

    assert list(tmp_path.iterdir()) == []


def test_a_newer_entry_replaces_an_older_one(tmp_path: Path) -> None:
    """One key has one entry."""
    store = Store(tmp_path)
    store.put({key(1): Entry(1.0)}, "mine")
    store.put({key(1): Entry(2.0)}, "mine")

    assert store.get([key(1)]) == {key(1): Entry(2.0)}
    assert store.usage()[0].entries == 1


def test_more_keys_than_a_statement_takes(tmp_path: Path) -> None:
    """Thousands of keys are asked for in one call."""
    store = Store(tmp_path)
    store.put(entries(*range(2500)), "mine")

    assert len(store.get([key(i) for i in range(3000)])) == 2500


def test_an_entry_is_not_used_beyond_its_time(tmp_path: Path) -> None:
    """After `ttl` seconds it is a miss."""
    clock = Clock()
    store = Store(tmp_path, ttl=60, clock=clock)
    store.put(entries(1), "mine")

    clock.now += 60
    assert store.get([key(1)])
    clock.now += 1
    assert not store.get([key(1)])


def test_a_clock_that_jumps_back_costs_hits_only_while_it_is_wrong(
    tmp_path: Path,
) -> None:
    """Entries from the future are not trusted, and found again when time is right."""
    clock = Clock()
    store = Store(tmp_path, ttl=3600, clock=clock)
    store.put(entries(1), "mine")

    clock.now -= 86_400
    assert not store.get([key(1)])

    clock.now += 86_400
    assert store.get([key(1)])


def test_a_clock_that_jumps_ahead_loses_nothing(tmp_path: Path) -> None:
    """Entries seem too old for a while, and are found again."""
    clock = Clock()
    store = Store(tmp_path, ttl=3600, clock=clock)
    store.put(entries(1), "mine")

    clock.now += 10 * 365 * 86_400
    assert not store.get([key(1)])

    clock.now -= 10 * 365 * 86_400
    assert store.get([key(1)])


def test_clocks_of_two_machines_may_differ_a_little(tmp_path: Path) -> None:
    """An entry half a minute from the future is fine."""
    clock = Clock()
    store = Store(tmp_path, ttl=3600, clock=clock)
    store.put(entries(1), "mine")
    clock.now -= 30

    assert store.get([key(1)])


def test_without_a_time_limit_the_clock_does_not_matter(tmp_path: Path) -> None:
    """No `ttl`, no reason to look at the clock."""
    clock = Clock()
    store = Store(tmp_path, clock=clock)
    store.put(entries(1), "mine")
    clock.now = 0.0

    assert store.get([key(1)])


def test_the_oldest_make_room(tmp_path: Path) -> None:
    """The file stays near its limit, and the newest entries are there."""
    store = Store(tmp_path, max_bytes=400_000)
    for start in range(0, 30_000, 500):
        store.put(entries(*range(start, start + 500)), "mine")
        assert store.size() < 500_000

    assert not store.get([key(i) for i in range(1000)])
    assert len(store.get([key(i) for i in range(29_000, 30_000)])) == 1000
    assert store.path.stat().st_size < 1_000_000


def test_usage_counts_by_reranker(tmp_path: Path) -> None:
    """Entries, hits and misses add up for each description."""
    store = Store(tmp_path)
    store.put(entries(1), "one", hits=2, misses=1)
    store.put(entries(2, 3), "two", misses=2)
    store.put({}, "one", hits=5)

    two, one = store.usage()

    assert (two.description, two.entries, two.hits, two.misses) == ("two", 2, 0, 2)
    assert (one.description, one.entries, one.hits, one.misses) == ("one", 1, 7, 1)


def test_clear_drops_all_or_those_of_one(tmp_path: Path) -> None:
    """It says how many there were, and the file shrinks."""
    store = Store(tmp_path)
    store.put(entries(*range(5000)), "one")
    store.put(entries(9999), "two")
    store.close()
    size = store.path.stat().st_size

    assert store.clear(["two", "unknown"]) == 1
    assert store.clear() == 5000

    assert not store.get([key(i) for i in range(5000)])
    assert store.usage() == []
    store.close()
    assert store.path.stat().st_size < size


def test_a_file_that_vanishes_is_made_anew(tmp_path: Path) -> None:
    """Someone removes the folder under a running program: it goes on."""
    store = Store(tmp_path / "cache")
    store.put(entries(1), "mine")
    for file in (tmp_path / "cache").iterdir():
        file.unlink()
    (tmp_path / "cache").rmdir()

    assert not store.get([key(1)])
    store.put(entries(2), "mine")
    assert Store(tmp_path / "cache").get([key(2)])


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    """It is neither read wrongly nor overwritten."""
    store = Store(tmp_path)
    store.put(entries(1), "mine")
    store.close()
    connection = sqlite3.connect(store.path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()

    with pytest.raises(StoreError) as caught:
        store.get([key(1)])

    assert str(caught.value) == (
        f"{store.path} has version 7, but this resift-cache writes version 1. Choose "
        "another directory."
    )


def test_threads_share_a_store(tmp_path: Path) -> None:
    """Sixteen threads write and read at once; each finds its own."""
    store = Store(tmp_path)
    wrong = []

    def work(number: int) -> None:
        for i in range(20):
            mine = [number * 1000 + i * 10 + j for j in range(10)]
            store.put(entries(*mine), "mine")
            found = store.get([key(m) for m in mine])
            if found != entries(*mine):
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert store.usage()[0].entries == 16 * 200


WRITE = """
import sys
from pathlib import Path

from resift_cache.store import Entry, Store

number = int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
store = Store(Path(sys.argv[1]))
for i in range(30):
    first = number * 10_000 + i * 100
    keys = range(first, first + 100)
    store.put({k.to_bytes(16, "little"): Entry(float(k)) for k in keys}, "mine")
store.close()
"""


def test_processes_share_a_file(tmp_path: Path) -> None:
    """Four processes make the file and write at once; nothing is lost."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, str(tmp_path), str(i)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(4)
    ]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 4
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)

    assert [process.returncode for process in processes] == [0] * 4
    store = Store(tmp_path)
    assert store.usage()[0].entries == 4 * 3000
    assert len(store.get([key(10_000 + i) for i in range(3000)])) == 3000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_forked_process_opens_the_file_itself(tmp_path: Path) -> None:
    """A connection must not cross a fork: parent and child both go on writing."""
    store = Store(tmp_path)
    store.put(entries(1), "mine")
    child = os.fork()
    if child == 0:
        found = store.get([key(1)]) == entries(1)
        store.put(entries(2), "mine")
        os._exit(0 if found else 1)
    _, status = os.waitpid(child, 0)
    store.put(entries(3), "mine")

    assert os.waitstatus_to_exitcode(status) == 0
    assert store.get([key(i) for i in (1, 2, 3)]) == entries(1, 2, 3)


def test_the_directory_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`RESIFT_CACHE_DIR` comes before the user's cache directory."""
    monkeypatch.setenv("RESIFT_CACHE_DIR", str(tmp_path))
    assert default_directory() == tmp_path

    monkeypatch.delenv("RESIFT_CACHE_DIR")
    assert default_directory().name == "resift"
