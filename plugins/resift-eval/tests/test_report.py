"""The report: who won, what each row is, and contestants that are added later."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from resift_eval.collection import Collection
from resift_eval.journal import Answer
from resift_eval.measures import parsed
from resift_eval.report import as_html, as_markdown
from resift_eval.results import results_of

N = 40
QUERIES = {f"q{i}": f"query {i}" for i in range(N)}
QRELS = {query: {"yes": 1} for query in QUERIES}


def results(**ranks):
    """Return results of contestants that put the answer at these ranks, in turn."""

    def ranking(rank):
        return [*(f"no{i}" for i in range(rank - 1)), "yes"]

    answers = {
        name: {
            query: Answer(query, name, ranking(given[i % len(given)]), seconds=0.01)
            for i, query in enumerate(QUERIES)
        }
        for name, given in ranks.items()
    }
    collection = Collection.of("made", QUERIES, QRELS, {})
    return results_of(answers, collection, parsed(["RR@10"]), next(iter(ranks)), 10)


@pytest.mark.parametrize(
    ("ranks", "headline"),
    [
        (
            {"base": [2], "good": [1]},
            "good wins: RR@10 1.0000, +0.5000 [+0.5000, +0.5000], p < 0.001 against "
            "base.",
        ),
        (
            {"base": [1], "bad": [2]},
            "Nothing beats the baseline, base: RR@10 1.0000; bad comes next, -0.5000 "
            "[-0.5000, -0.5000], p < 0.001.",
        ),
        ({"base": [1]}, "Only base was measured: RR@10 1.0000."),
    ],
)
def test_the_first_sentence_says_who_won(ranks, headline):
    """With the gain, its interval and p; in Markdown and on the page."""
    found = results(**ranks)

    assert found.headline == headline
    assert f"**{headline}**" in as_markdown(found)
    assert f'<p class="headline">{headline.replace("<", "&lt;")}</p>' in as_html(found)


def test_a_lead_that_may_be_chance_is_no_win():
    """Two queries up and one down of forty are no clear difference."""
    values = [2] * N
    values[0] = values[1] = 1
    values[2] = 3

    found = results(base=[2], lucky=values)

    assert found.headline.startswith("No clear winner: lucky leads with RR@10 0.5208, ")


def test_a_clear_winner_below_an_unclear_leader_is_named():
    """Who leads by a few large gains is told from who wins on every query."""
    wild = [1] * 11 + [10] * 29

    found = results(base=[4], steady=[3], wild=wild)

    assert re.fullmatch(
        r"steady is the best that clearly beats base: RR@10 0\.3333, .+\. wild leads "
        r"with RR@10 0\.\d{4}, but not clearly\.",
        found.headline,
    )


def test_rows_are_sorted_and_the_verdict_comes_first():
    """The best row is on top, whatever the order of the command."""
    lines = as_markdown(results(base=[2], bad=[5], good=[1])).splitlines()

    rows = [
        line.split(" | ")[:2] for line in lines if re.match(r"\| (he|HU|the)", line)
    ]
    assert rows == [
        ["| helped", "good"], ["| the baseline", "base"], ["| HURT", "bad"],
    ]  # fmt: skip


def test_every_pair_is_compared():
    """Also those without the baseline, the better one first."""
    found = results(base=[2], bad=[5], good=[1])

    assert [(p.better, p.worse, p.significant) for p in found.pairs] == [
        ("good", "base", True), ("good", "bad", True), ("base", "bad", True),
    ]  # fmt: skip
    assert "| clear | good over bad | +0.8000 [+0.8000, +0.8000], p < 0.001 |" in (
        as_markdown(found)
    )


def test_a_report_says_what_each_row_is(run, beir, tmp_path):
    """The entry that loads it again, versions, date and command."""
    run("--data", beir, "bm25", "-o", "bm25.k1=2", "--out", "out")

    found = json.loads((tmp_path / "out" / "report.json").read_text())
    leg, bm25 = (row["origin"] for row in found["contestants"])
    assert leg["entry"] == ""
    assert bm25["entry"] == (
        '[rerankers.bm25]\nuse = "resift:bm25"\noptions = { k1 = 2 }'
    )
    assert {"Python", "resift", "resift-eval", "lancedb"} <= set(bm25["versions"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", bm25["date"])
    assert bm25["command"] == (f"resift eval --data {beir} bm25 -o bm25.k1=2 --out out")
    assert bm25["entry"] in (tmp_path / "out" / "report.md").read_text()


def test_a_secret_is_in_no_report(run, beir, tmp_path):
    """Neither in the entry nor in the command."""
    pytest.importorskip("resift_http")
    key = "sk-0123456789"

    run(
        "--data", beir, "http", "-o", "http.base_url=http://127.0.0.1:9", "-o",
        f"http.api_key={key}", "-ohttp.max_retries=0", "--out", "out",
    )  # fmt: skip

    kept = [path.read_text() for path in sorted((tmp_path / "out").iterdir())]
    assert len(kept) == 4
    assert [text for text in kept if key in text] == []
    assert "http.api_key=***" in kept[-1]


def test_a_contestant_is_added_without_running_the_others_again(run, beir, tmp_path):
    """Their answers and origins stay what they were."""
    run("--data", beir, "bm25", "--out", "out")
    before = (tmp_path / "out" / "journal.jsonl").read_text().splitlines()

    result = run("--data", beir, "rrf", "--out", "out", "--add", "--json")

    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)["contestants"]
    after = (tmp_path / "out" / "journal.jsonl").read_text().splitlines()
    assert [row["name"] for row in rows] == ["text", "bm25", "rrf"]
    assert [row["origin"]["command"].split()[4:5] for row in rows] == [
        [], ["bm25"], ["rrf"],
    ]  # fmt: skip
    assert after[1 : len(before)] == before[1:]


def test_a_contestant_of_the_same_name_is_replaced(run, beir, tmp_path):
    """It is said, and its old answers are gone."""
    run("--data", beir, "bm25", "rrf", "--out", "out")

    result = run(
        "--data", beir, "bm25", "-o", "bm25.b=0", "--out", "out", "--add", "--json"
    )

    rows = {row["name"]: row for row in json.loads(result.stdout)["contestants"]}
    assert "note: bm25 is not what it was in the report: it was measured again." in (
        result.stderr
    )
    assert "options = { b = 0 }" in rows["bm25"]["origin"]["entry"]
    lines = (tmp_path / "out" / "journal.jsonl").read_text().splitlines()
    assert sum('"contestant": "bm25"' in line for line in lines) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("rrf", "--out", "out"),
            "{journal} holds an evaluation with other rerankers. Add to it, or replace "
            "those of the same name, with --add, or pass --overwrite.",
        ),
        (
            ("rrf", "--out", "out", "--add", "--depth", "3"),
            "{journal} holds an evaluation with other data or depth. Choose another "
            "--out, or pass --overwrite.",
        ),
        (
            ("rrf", "--out", "other", "--add"),
            "{other} is not there: --add needs a finished report in --out.",
        ),
    ],
)
def test_what_cannot_be_added_to(run, beir, arguments, message):
    """Another evaluation, or none, is refused with what to do."""
    run("--data", beir, "bm25", "--out", "out")

    result = run("--data", beir, *arguments)

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "Error: " + message.format(
        journal="out/journal.jsonl", other="other/journal.jsonl"
    )


def test_an_interrupted_contestant_is_not_kept(run, beir, tmp_path):
    """A report must not hold half of an evaluation."""
    run("--data", beir, "bm25", "--out", "out")
    journal = tmp_path / "out" / "journal.jsonl"
    journal.write_text("".join(f"{x}\n" for x in journal.read_text().split("\n")[:-2]))

    result = run("--data", beir, "rrf", "--out", "out", "--add")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: 'bm25' of the report has not answered 1 of 3 queries. Name it in this "
        "command, too."
    )


def _browser(theme):
    """Return a headless Chromium with a theme, or skip."""
    pytest.importorskip("selenium", reason="selenium is not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("there is no Chromium here")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"):
        options.add_argument(f"--{flag}")
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    browser = webdriver.Chrome(options=options, service=Service(driver))
    media = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    return browser


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits_a_browser(theme, tmp_path):
    """At 1280 and 390 px, in both themes, with the keyboard, and with no request."""
    path = tmp_path / "report.html"
    found = results(
        base=[2], **{"a name " * 12: [5]}, **{f"near{i}": [1] for i in range(9)}
    )
    path.write_text(as_html(found), "utf-8")
    browser = _browser(theme)
    try:
        for width in (1280, 390):
            metrics = {
                "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False,
            }  # fmt: skip
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            browser.get(path.as_uri())

            wide = browser.execute_script("return document.body.scrollWidth")
            assert 0 < wide <= width
        overlapping = browser.execute_script(
            """
            const chart = document.querySelectorAll("svg")[1];
            const boxes = [...chart.querySelectorAll("text")]
              .map(text => text.getBoundingClientRect());
            return boxes.filter((a, i) => boxes.some((b, j) => i < j &&
              a.left < b.right && b.left < a.right &&
              a.top + 1 < b.bottom && b.top + 1 < a.bottom)).length;
            """
        )
        background = browser.execute_script(
            "return getComputedStyle(document.body).backgroundColor"
        )
        summary = browser.find_element("css selector", "summary")
        summary.send_keys("\n")
        requests = [
            json.loads(entry["message"])["message"]
            for entry in browser.get_log("performance")
        ]
        asked = {
            message["params"]["request"]["url"]
            for message in requests
            if message["method"] == "Network.requestWillBeSent"
        }

        assert overlapping == 0
        assert background == (
            "rgb(255, 255, 255)" if theme == "light" else "rgb(20, 24, 31)"
        )
        assert browser.find_element("css selector", "details").get_attribute("open")
        assert asked == {path.as_uri()}
        assert [e for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []
    finally:
        browser.quit()
