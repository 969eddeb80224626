"""The page at ``/``: what it sends, and how it is used in a browser."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import tomllib
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import lancedb
import pytest

import resift
from resift_serve.database import Database

HOSTILE = [
    "<img src=x onerror=\"document.title='broken in'\">",
    "<b>red</b> fox",
    "tax law",
]
CONFIG = {
    "default": "words",
    "rerankers": {
        "words": {"use": "bm25"},
        "other": {"use": "bm25", "options": {"b": 0.0}},
        "third": {"use": "fallback", "options": {"rerankers": ["words"]}},
    },
}


@pytest.fixture(name="database", scope="module")
def _database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("db")
    rows = [{"n": i, "text": text} for i, text in enumerate(HOSTILE)]
    table = lancedb.connect(folder).create_table("notes", rows)
    table.create_index("text", config=lancedb.index.FTS())
    return Database(str(folder))


@pytest.fixture(name="site", scope="module")
def _site(running, database):
    with running(CONFIG, database=database) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/favicon.svg"])
def test_the_page_may_load_nothing_but_itself(site, path):
    """No inline script or style, no other server, no frame."""
    answer = site.get(path)

    assert answer.status == 200
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    assert b"http://" not in answer.body.replace(b"http://www.w3.org/2000/svg", b"")
    assert b"https://" not in answer.body


def test_the_page_is_small(site):
    """At most 60 KB, all of it."""
    paths = ["/", "/page.css", "/page.js", "/favicon.svg"]

    assert sum(len(site.get(path).body) for path in paths) <= 60_000


def test_the_tables_can_be_searched(site):
    """The texts come as they are, not reranked."""
    found = site.post("/search", {"query": "fox", "table": "notes", "limit": 5})

    assert site.get("/tables").json == {"tables": ["notes"]}
    assert found.json["documents"] == ["<b>red</b> fox"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "The body must be JSON in UTF-8."),
        (
            {"query": "q"},
            422,
            "The body must have the strings 'query' and 'table', and a number 'limit'.",
        ),
        (
            {"query": "q", "table": "../notes"},
            422,
            "There is no table of that name. Tables: 'notes'.",
        ),
    ],
)
def test_a_wrong_search_is_told_what_is_wrong(site, body, status, message):
    """As every other request is."""
    answer = site.post("/search", body)

    assert (answer.status, answer.json["message"]) == (status, message)


def test_without_a_database_nothing_is_searched(client):
    """The page hides what it cannot do."""
    answer = client.post("/search", {"query": "q", "table": "notes"})

    assert client.get("/tables").json == {"tables": []}
    assert answer.status == 404


def _browser():
    """Return a headless Chromium, or skip."""
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
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


@pytest.fixture(name="browser", scope="module")
def _browser_fixture():
    browser = _browser()
    yield browser
    browser.quit()


def opened(browser, site, rerankers=("words", "other")):
    """Open the page by a deep link, and wait for its rankings."""
    link = {"q": "red fox", "r": list(rerankers), "d": json.dumps(HOSTILE)}
    browser.get("about:blank")
    browser.get(f"{site.base}/#{quote(json.dumps(link))}")
    return browser


def texts(browser, column):
    script = "return [...document.querySelectorAll('article')][arguments[0]].innerText"
    return browser.execute_script(script, column)


@pytest.mark.slow
def test_a_deep_link_shows_rankings_side_by_side(browser, site, until):
    """Query, documents and rerankers are in the hash, which no server sees."""
    opened(browser, site)
    until(lambda: len(browser.find_elements("css selector", "article li")) == 6)

    first = texts(browser, 0)
    assert first.split()[:2] == ["words", "ordinal,"]
    assert first.index("<b>red</b> fox") < first.index("tax law")
    assert texts(browser, 1).startswith("other\n")
    assert browser.find_element("id", "status").text == "3 of the first 3 in all."


@pytest.mark.slow
def test_hostile_documents_are_text(browser, site, until):
    """Nothing in them is run, nor fetched."""
    opened(browser, site)
    until(lambda: len(browser.find_elements("css selector", "article li")) == 6)

    assert browser.title == "resift: compare rerankers"
    assert browser.find_elements("css selector", "li img, li b") == []
    assert [e for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []


@pytest.mark.slow
def test_the_same_document_is_lit_in_every_column(browser, site, until):
    """Focus does it, so that a keyboard is enough."""
    opened(browser, site)
    until(lambda: len(browser.find_elements("css selector", "article li")) == 6)
    browser.execute_script("document.querySelector('li').focus()")

    lit = browser.find_elements("css selector", "li.same")
    assert len(lit) == 2
    assert len({row.get_attribute("data-index") for row in lit}) == 1


@pytest.mark.slow
def test_the_keyboard_is_enough(browser, site, until):
    """Slash, typing, Ctrl+Enter, j, Enter."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    opened(browser, site)
    until(lambda: len(browser.find_elements("css selector", "article li")) == 6)
    ActionChains(browser).send_keys("/").perform()
    ActionChains(browser).send_keys(" tax law").perform()
    keys = ActionChains(browser).key_down(Keys.CONTROL).send_keys(Keys.ENTER)
    keys.key_up(Keys.CONTROL).perform()
    until(lambda: texts(browser, 0).index("tax law") < texts(browser, 0).index("fox"))
    browser.execute_script("document.querySelector('li').focus()")
    ActionChains(browser).send_keys("j").send_keys(Keys.ENTER).perform()

    assert browser.switch_to.active_element.get_attribute("class") == "same open"


@pytest.mark.slow
def test_judging_measures_every_column(browser, site, until):
    """One click is relevant; then nDCG stands in each column, and qrels are there."""
    opened(browser, site)
    until(lambda: len(browser.find_elements("css selector", "article li")) == 6)
    browser.find_element("id", "judge").click()
    browser.find_element("css selector", 'li[data-index="1"]').click()

    assert "nDCG@10 1.000" in texts(browser, 0)
    assert browser.find_element("id", "qrels").is_displayed()
    assert browser.find_element("id", "status").text.endswith("1 judged.")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_is_accessible_and_fits(browser, site, until, scheme, width):
    """In both schemes and at the width of a telephone."""
    if find_spec("axe_core_python") is None:
        pytest.skip("axe-core-python is not installed")
    import axe_core_python

    command = browser.execute_cdp_cmd
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    command("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    command("Emulation.setDeviceMetricsOverride", size)
    opened(browser, site, ("words", "other", "third"))
    until(lambda: len(browser.find_elements("css selector", "article li")) == 9)
    (source,) = Path(axe_core_python.__file__).parent.glob("axe*.js")
    command("Runtime.evaluate", {"expression": source.read_text("utf-8")})
    script = "const done = arguments[0]; axe.run().then((r) => done(r.violations))"
    violations = browser.execute_async_script(script)
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    if folder := os.environ.get("RESIFT_SCREENSHOTS"):
        with suppress(OSError):
            browser.save_screenshot(f"{folder}/{scheme}-{width}.png")

    assert [(v["id"], v["nodes"][0]["html"]) for v in violations] == []
    assert wide <= width


def copied(browser, kind):
    """Press one of the buttons; return what it puts on the clipboard."""
    browser.execute_script(
        "navigator.clipboard.writeText = async (text) => { window.copied = text; };"
        f"window.copied = ''; document.querySelector('[data-copy={kind}]').click()"
    )
    return browser.execute_script("return window.copied")


@pytest.mark.slow
def test_what_is_copied_asks_the_same(browser, site, until):
    """As a command of curl, as Python, and as an entry of a config."""
    opened(browser, site)
    until(lambda: len(browser.find_elements("css selector", "article li")) == 6)
    expected = [1, 0, 2]

    curl = shlex.split(copied(browser, "curl"))
    header, _, kind = curl[curl.index("-H") + 1].partition(": ")
    sent = site.send("POST", "/v1/rerank", curl[-1].encode(), {header: kind})
    *lines, last = copied(browser, "python").strip().splitlines()
    names: dict[str, object] = {}
    exec("\n".join([*lines, f"ranked = {last}"]), names)  # noqa: S102  # the page's own
    names["reranker"].close()
    with resift.Registry(tomllib.loads(copied(browser, "toml"))) as registry:
        ranked = registry.get("served").rank("red fox", HOSTILE)

    assert curl[:2] == ["curl", f"{site.base}/v1/rerank"]
    assert [r["index"] for r in sent.json["results"]] == expected
    assert [d.index for d in names["ranked"]] == expected
    assert [d.index for d in ranked] == expected


@pytest.mark.slow
def test_judgements_are_downloaded_as_qrels(browser, site, until, tmp_path):
    """In the columns that TREC's tools and `resift eval` read."""
    where = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    opened(browser, site)
    until(lambda: len(browser.find_elements("css selector", "article li")) == 6)
    browser.find_element("id", "judge").click()
    for document, clicks in ((1, 1), (2, 2)):
        for _ in range(clicks):
            browser.find_element("css selector", f'li[data-index="{document}"]').click()
    browser.find_element("id", "qrels").click()
    until((tmp_path / "judged.qrels").exists)

    assert (tmp_path / "judged.qrels").read_text() == "q1\t0\td1\t1\nq1\t0\td2\t0\n"
    collection = pytest.importorskip("resift_eval.collection")
    read = collection.read_qrels(tmp_path / "judged.qrels")
    assert read == {"q1": {"d1": 1, "d2": 0}}
