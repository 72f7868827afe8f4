"""One job after the other in this process; the systems themselves still have processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from spleeter_bench.evaluate import Evaluator, Job, Outcome, Settings
from spleeter_bench.systems.base import System


def do_here(
    jobs: Sequence[Job], settings: Settings, starting: Callable[[Job], None], make_system: Callable[..., System]
) -> Generator[Outcome, None, None]:
    """Outcomes in the order of the jobs; `starting` is called before each."""
    with Evaluator(settings, make_system) as evaluator:
        for job in jobs:
            starting(job)
            yield evaluator.do(job)
