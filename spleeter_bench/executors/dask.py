"""Jobs on a Dask cluster: the scheduler hands a lost worker's jobs to another."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from spleeter_bench.evaluate import Evaluator, Job, Outcome, Settings, failed
from vocal_unet.cluster import ClusterError, on_cluster


def do_on_dask(
    jobs: Sequence[Job], settings: Settings, address: str, starting: Callable[[Job], None]
) -> Generator[Outcome, None, None]:
    """Outcomes in the order in which they are done; closing the iterator takes the other jobs back.

    Every worker needs the songs, and what the systems are made of, under the same paths.

    Args:
        jobs: given in this order of priority, so that the workers work on one system at a time.
        settings: of the run.
        address: of the scheduler, like `tcp://HOST:8786`.
        starting: called with a job when its outcome is there, as only the cluster knows when it started.

    Raises:
        ClusterError: as `on_cluster`.
        BenchError: as `Evaluator.do`.
    """
    with closing(on_cluster(Evaluator, settings, jobs, address)) as results:
        for job, outcome in results:
            starting(job)
            yield failed(job, settings, str(outcome)) if isinstance(outcome, ClusterError) else outcome
