"""Work on a Dask cluster: the scheduler hands what a lost worker was given to another."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol, TypeVar

from vocal_unet.errors import ClusterError

CONNECT_SECONDS = 20
_ADDRESS = re.compile(r"(\w+://)?[^/\s]+:\d+")

_kept: dict[int, tuple[Any, Doer]] = {}
"""Thread of a worker -> the doer it keeps and what that was made of: a model is loaded once, not once per song."""

Item = TypeVar("Item")


class Doer(Protocol):
    """What a worker makes once and does all its items with."""

    def do(self, item: Any, /) -> Any: ...

    def close(self) -> None: ...


def on_cluster(
    make: Callable[[Any], Doer], settings: Any, items: Sequence[Item], address: str
) -> Generator[tuple[Item, Any], None, None]:
    """`(item, make(settings).do(item))` of every item, in the order in which they are done.

    Every worker needs this package, and all files under the same paths. One thread per worker
    (`dask worker --nthreads 1`) keeps timings honest. Closing the iterator takes back what has not begun.

    Args:
        make: a class or function of a module, called once per worker thread.
        settings: what it is called with; equal settings keep what was made.
        items: given out in this order of priority.
        address: of the scheduler, like `tcp://HOST:8786`.

    Yields:
        A `ClusterError` in place of the result where all workers died that an item was given to.

    Raises:
        ClusterError: no address, the package distributed is missing, or the cluster cannot be reached or was lost.
        VocalUnetError: what `make` or `do` raised.
    """
    if not _ADDRESS.fullmatch(address):
        raise ClusterError(f"{address}: no address of a Dask scheduler; one looks like tcp://HOST:8786")
    try:
        from distributed import CancelledError, Client, KilledWorker, as_completed
        from distributed.comm import CommClosedError
    except ImportError:
        raise ClusterError(
            "a Dask cluster needs the package distributed; install it: pip install 'vocal-unet[dask]'"
        ) from None
    # it logs tracebacks of connections it loses; what they mean is said below
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ClusterError(f"{address}: no Dask scheduler answers there ({reason})") from None
    try:
        waiting = {
            # the same item of a later run is new work, hence impure
            client.submit(_do, make, settings, item, pure=False, priority=-number): item
            for number, item in enumerate(items)
        }
        for future in as_completed(list(waiting), loop=client.loop):
            item = waiting.pop(future)
            try:
                result = future.result()
            except KilledWorker as error:
                result = ClusterError(f"the workers that were given it died: {error}")
            except (CancelledError, CommClosedError) as error:
                raise ClusterError(f"{address}: the cluster was lost; see to it and run the command again") from error
            finally:
                future.release()
            yield item, result
    finally:
        if client.status == "running":
            client.cancel(list(waiting))
            client.run(_close_all, on_error="ignore")
        client.close()


def _do(make: Callable[[Any], Doer], settings: Any, item: Any) -> Any:
    """One item, on a worker."""
    thread = threading.get_ident()
    known = _kept.get(thread)
    if known is None or known[0] != (make, settings):
        if known is not None:
            known[1].close()
        known = _kept[thread] = ((make, settings), make(settings))
    return known[1].do(item)


def _close_all() -> None:
    """End what a worker still keeps; of a worker in the middle of an item, that item's too."""
    while _kept:
        _, (_, doer) = _kept.popitem()
        doer.close()
