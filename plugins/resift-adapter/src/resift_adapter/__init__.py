"""What adapters of resift for frameworks share; it knows no framework."""

from resift_adapter.answer import Answer
from resift_adapter.asking import aask, ask
from resift_adapter.choice import Choice, Given, Table, checked, mapped, written
from resift_adapter.fusion import fuse
from resift_adapter.ranking import fields_read, picked, rank
from resift_adapter.reader import Reader

__all__ = [
    "Answer",
    "Choice",
    "Given",
    "Reader",
    "Table",
    "aask",
    "ask",
    "checked",
    "fields_read",
    "fuse",
    "mapped",
    "picked",
    "rank",
    "written",
]
