"""Jobs on a Dask cluster: the scheduler hands a lost worker's jobs to another."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Sequence

from spleeter_bench.errors import BenchError
from spleeter_bench.evaluate import Evaluator, Job, Outcome, Settings, failed

CONNECT_SECONDS = 20
ADDRESS = re.compile(r"(\w+://)?[^/\s]+:\d+")

_evaluators: dict[int, tuple[Settings, Evaluator]] = {}
"""Thread of a Dask worker -> the evaluator it keeps, so that a model is loaded once and not once per song."""


def do_on_dask(
    jobs: Sequence[Job], settings: Settings, address: str, starting: Callable[[Job], None]
) -> Generator[Outcome, None, None]:
    """Outcomes in the order in which they are done; closing the iterator takes the other jobs back.

    Every worker needs this package, and the songs (and, to keep estimates, the run's folder) under the same paths.
    One thread per worker (`dask worker --nthreads 1`) keeps timings honest.

    Args:
        jobs: given in this order of priority, so that the workers work on one system at a time.
        settings: of the run.
        address: of the scheduler, like `tcp://host:8786`.
        starting: called with a job when its outcome is there, as only the cluster knows when it started.

    Raises:
        BenchError: no address, the package distributed is missing, or the cluster cannot be reached or was lost.
    """
    if not ADDRESS.fullmatch(address):
        raise BenchError(f"{address}: no address of a Dask scheduler; one looks like tcp://HOST:8786")
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError:
        raise BenchError(
            "running on a Dask cluster needs the package distributed; install it: pip install 'vocal-unet[dask]'"
        ) from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BenchError(f"{address}: no Dask scheduler answers there ({' '.join(str(error).split())[:200]})") from None
    try:
        waiting = {
            # the same job of a later run is new work, hence impure
            client.submit(_do, job, settings, pure=False, priority=-number): job
            for number, job in enumerate(jobs)
        }
        for future in as_completed(list(waiting), loop=client.loop):
            job = waiting.pop(future)
            starting(job)
            try:
                yield future.result()
            except KilledWorker as error:
                yield failed(job, settings, f"the workers that were given it died: {error}")
            except (OSError, RuntimeError) as error:
                raise BenchError(f"{address}: the cluster was lost ({error}); the same command goes on") from error
            finally:
                future.release()
    finally:
        if client.status == "running":
            client.cancel(list(waiting))
            client.run(_close_all, on_error="ignore")
        client.close()


def _do(job: Job, settings: Settings) -> Outcome:
    """One job, on a worker."""
    thread = threading.get_ident()
    known = _evaluators.get(thread)
    if known is None or known[0] != settings:
        if known is not None:
            known[1].close()
        known = _evaluators[thread] = (settings, Evaluator(settings))
    return known[1].do(job)


def _close_all() -> None:
    """End the systems a worker still holds; of a worker in the middle of a song, that song's too."""
    while _evaluators:
        _, (_, evaluator) = _evaluators.popitem()
        evaluator.close()
