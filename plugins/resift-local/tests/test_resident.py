from __future__ import annotations

import gc
import threading
import weakref

import pytest

from resift.errors import BackendTimeoutError
from resift_local import Deadline, Resident


class Late(Deadline):
    who = "acme"
    remedy = "Wait."


class Model:
    """Something that can be referred to weakly."""


def test_a_model_loads_once_until_it_is_released():
    """The same model is handed out until it is released; then it is loaded anew."""
    resident = Resident()

    first = resident.get(Model, Late())
    assert resident.get(Model, Late()) is first
    assert resident.loaded is first

    resident.release()
    assert resident.loaded is None
    assert resident.get(Model, Late()) is not first


def test_a_failed_load_is_tried_again():
    """An error leaves nothing behind, neither a model nor a held lock."""
    resident = Resident()

    with pytest.raises(OSError, match=r"^no file$"):
        resident.get(_fail, Late())

    assert isinstance(resident.get(Model, Late()), Model)


def test_a_call_waits_for_anothers_load_no_longer_than_it_has_time():
    """A deadline holds also while another thread loads the model."""
    resident, loading, done = Resident(), threading.Event(), threading.Event()

    def slow():
        loading.set()
        done.wait(60)
        return Model()

    other = threading.Thread(target=resident.get, args=(slow, Late()))
    other.start()
    loading.wait(60)
    with pytest.raises(BackendTimeoutError) as caught:
        resident.get(Model, Late(0.01))
    done.set()
    other.join()

    assert str(caught.value) == (
        "acme: another call was still loading the model when the timeout of 0.01 s "
        "ran out. Wait."
    )
    assert resident.loaded is not None


def test_a_model_goes_with_its_owner():
    """Without a cycle between them, the model is freed when its owner is dropped."""
    gc.disable()
    try:
        resident = Resident()
        model = weakref.ref(resident.get(Model, Late()))
        del resident

        assert model() is None
    finally:
        gc.enable()


def _fail():
    msg = "no file"
    raise OSError(msg)
