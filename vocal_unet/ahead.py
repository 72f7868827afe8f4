"""Work that is done ahead, in a thread of its own, while somebody else is still busy with what came before."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from typing import TypeVar

T = TypeVar("T")

_PATIENCE = 0.05
"""Seconds between two looks at whether anybody still wants the next item."""


def work_ahead(items: Iterable[T], depth: int = 1) -> Iterator[T]:
    """The same items in the same order, made in a thread that is up to `depth` items ahead.

    An exception of `items` is raised here, after the items before it. When this iterator is closed or its user is
    interrupted, the thread ends after the item it is at, and `items` is closed.

    Args:
        items: gone through in the thread, from its first item to its closing.
        depth: how many finished items may wait; one more is in the making.
    """
    waiting: Queue[tuple[bool, T | BaseException | None]] = Queue(depth)
    unwanted = threading.Event()

    def hand_over(alive: bool, item: T | BaseException | None) -> bool:
        while not unwanted.is_set():
            try:
                waiting.put((alive, item), timeout=_PATIENCE)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                if not hand_over(True, item):
                    break
            hand_over(False, None)
        except BaseException as error:
            hand_over(False, error)
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    worker = threading.Thread(target=work, name="work_ahead", daemon=True)
    worker.start()
    try:
        while True:
            alive, item = waiting.get()
            if not alive:
                if item is not None:
                    raise item  # type: ignore[misc]
                return
            yield item  # type: ignore[misc]
    finally:
        unwanted.set()
        while True:  # makes room for a worker that waits to hand over
            try:
                waiting.get_nowait()
            except Empty:
                break
        worker.join()
