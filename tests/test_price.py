"""`price`: what an answer costs in money, of the rerankers that are paid."""

from __future__ import annotations

import pyarrow as pa
import pytest

import resift
from resift.errors import ConfigError, InputError

TEXTS = ["one", "three", "seven"]
PRICE = {"search_units": 0.002, "input_tokens": 0.0001}


class Paid:
    """Score by length, for a search unit and ten tokens."""

    @resift.hookimpl
    def score(self, documents):
        usage = {"search_units": 1, "input_tokens": 10}
        return resift.Scores([float(len(text)) for text in documents], usage=usage)


def test_an_answer_says_what_it_costs():
    """The price of each thing counts as often as it was used."""
    reranker = resift.Reranker(Paid(), price=PRICE)

    assert reranker.rank("q", TEXTS).usage == {
        "search_units": 1,
        "input_tokens": 10,
        "cost": pytest.approx(0.003),
    }
    table = reranker.rerank("q", pa.table({"_rowid": [1, 2, 3], "text": TEXTS}))
    assert resift.usage_of(table)["cost"] == pytest.approx(0.003)


def test_costs_are_added_up_and_bounded():
    """A composite costs what its rerankers cost, and a budget can be money."""
    stages = [resift.Reranker(Paid(), name=name, price=PRICE) for name in "abc"]
    reranker = resift.load(
        "cascade", config=None, stages=stages, keep=[3, 3], budget={"cost": 0.005}
    )

    ranked = reranker.rank("q", TEXTS)

    assert ranked.usage["cost"] == pytest.approx(0.006)
    assert list(ranked.notes) == [
        "cascade: c was not asked: the budget is spent (0.006 of 0.005 cost)"
    ]


def test_many_queries_are_priced_each():
    """`rank_many` prices every answer."""
    reranker = resift.Reranker(Paid(), price={"search_units": 2})

    found = reranker.rank_many(["q", "r"], [TEXTS, TEXTS])

    assert [ranked.usage["cost"] for ranked in found] == [2, 2]


def test_a_price_stands_in_the_config():
    """In TOML, and in the table that a reranker is written down as."""
    entry = {"use": "bm25", "price": {"calls": 1}}
    config = resift.Config.of({"rerankers": {"mine": entry}})

    reranker = resift.load("mine", config=config)

    assert reranker.defaults.price == {"calls": 1}
    assert reranker.settings()["price"] == {"calls": 1}


def test_a_price_of_what_is_not_counted_is_said():
    """bm25 counts no calls, so that its answers are not paid by them."""
    ranked = resift.load("bm25", config=None, price={"calls": 1}).rank("one", TEXTS)

    assert ranked.usage == {"cost": 0}
    assert list(ranked.notes) == ["bm25: its price of 'calls' counts nothing"]


def test_a_composite_has_no_price_of_its_own():
    """Its rerankers are paid: a price beside theirs would count twice."""
    with pytest.raises(InputError) as error:
        resift.load(
            "cascade", config=None, stages=["bm25"], keep=[], price={"calls": 1}
        )

    assert str(error.value) == (
        "Reranker 'cascade' (resift 0.1.0): price must be given to the rerankers "
        "inside, which are paid."
    )


@pytest.mark.parametrize(
    "price",
    [{}, {"calls": -1}, {"calls": "1"}, {"calls": float("nan")}, {"cost": 1}, 3],
)
def test_a_wrong_price_is_refused(price):
    """A number of at least 0 for each thing; money has no price."""
    with pytest.raises(ConfigError) as error:
        resift.Config.of({"rerankers": {"mine": {"use": "bm25", "price": price}}})

    assert "price must give a number of at least 0 for each thing that is paid" in str(
        error.value
    )
