"""Working ahead changes when things happen, not what."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from vocal_unet.ahead import work_ahead


def counting(made: list[int], closed: list[str], fail_at: int | None = None) -> Iterator[int]:
    try:
        for number in range(100):
            if number == fail_at:
                raise ValueError(f"no {number}")
            made.append(number)
            yield number
    finally:
        closed.append(threading.current_thread().name)


def workers() -> int:
    return sum(thread.name == "work_ahead" for thread in threading.enumerate())


def test_the_same_items_in_the_same_order() -> None:
    made: list[int] = []
    closed: list[str] = []
    assert list(work_ahead(counting(made, closed))) == list(range(100)) == made
    assert closed == ["work_ahead"] and workers() == 0
    assert list(work_ahead([])) == []


def test_it_is_ahead_but_not_far() -> None:
    made: list[int] = []
    ahead = work_ahead(counting(made, []), depth=2)
    assert next(ahead) == 0
    deadline = time.monotonic() + 5
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert made == [0, 1, 2, 3]  # one was taken, two wait, one is in the worker's hand
    ahead.close()


def test_an_error_comes_after_the_items_before_it() -> None:
    ahead = work_ahead(counting([], [], fail_at=3))
    assert [next(ahead) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="no 3"):
        next(ahead)
    assert workers() == 0


def test_whoever_stops_early_leaves_nothing_running() -> None:
    made: list[int] = []
    closed: list[str] = []
    ahead = work_ahead(counting(made, closed))
    next(ahead)
    ahead.close()
    assert workers() == 0 and closed == ["work_ahead"] and len(made) <= 3
