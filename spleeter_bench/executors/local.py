"""Jobs in several processes on this machine; a process that dies costs its job one more try, and no other job anything."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import cast

from spleeter_bench.errors import BenchError
from spleeter_bench.evaluate import Evaluator, Job, Outcome, Settings, failed

TRIES = 2
_GRACE_SECONDS = 10.0


def do_in_processes(
    jobs: Sequence[Job], settings: Settings, count: int, starting: Callable[[Job], None]
) -> Generator[Outcome, None, None]:
    """Outcomes in the order in which they are done; closing the iterator ends the processes at once.

    Args:
        jobs: taken in this order, so that the processes work on one system at a time.
        settings: of the run.
        count: how many processes.
        starting: called before each job.

    Raises:
        BenchError: as `Evaluator.do`.
    """
    waiting = deque(jobs)
    tries: Counter[tuple] = Counter()
    idle = [_Process(settings) for _ in range(min(count, len(jobs)))]
    busy: dict[Connection, _Process] = {}
    try:
        while waiting or busy:
            while idle and waiting:
                process, job = idle.pop(), waiting.popleft()
                starting(job)
                process.start(job)
                busy[process.connection] = process
            for connection in wait(list(busy)):
                process = busy[cast(Connection, connection)]
                job, outcome = process.finish()
                del busy[process.connection]
                if outcome is None:
                    process.end()
                    process = _Process(settings)
                    tries[job.key] += 1
                    if tries[job.key] < TRIES:
                        waiting.appendleft(job)
                    else:
                        outcome = failed(job, settings, f"the process that worked on it died {TRIES} times")
                idle.append(process)
                if outcome is not None:
                    yield outcome
    finally:
        for process in (*idle, *busy.values()):
            process.end()


class _Process:
    """One process and the job it is at."""

    def __init__(self, settings: Settings) -> None:
        # a forked copy would inherit the other processes' pipes, which must close when this process dies
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other, settings), daemon=True)
        self._process.start()
        other.close()
        self._job: Job | None = None

    def start(self, job: Job) -> None:
        self._job = job
        # a process that is dead already is noticed when its answer is waited for
        with suppress(BrokenPipeError):
            self.connection.send(job)

    def finish(self) -> tuple[Job, Outcome | None]:
        """The job and its outcome; None where the process died of it.

        Raises:
            BenchError: the process met one.
        """
        assert self._job is not None
        try:
            answer = self.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._job, None
        if isinstance(answer, BenchError):
            raise answer
        return self._job, answer

    def end(self) -> None:
        """Closing the pipe ends the process, in the middle of a job too."""
        self.connection.close()
        self._process.join(_GRACE_SECONDS)
        self._process.kill()
        self._process.join()
        self._process.close()


def _work(connection: Connection, settings: Settings) -> None:
    """The life of a process: jobs in, outcomes out, gone as soon as the pipe is closed."""
    # Ctrl-C reaches all processes of a terminal; the one that was asked to run decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    inbox: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, inbox), daemon=True).start()
    evaluator = Evaluator(settings)
    while True:
        job = inbox.get()
        try:
            answer: Outcome | BenchError = evaluator.do(job)
        except BenchError as error:
            answer = error
        connection.send(answer)


def _listen(connection: Connection, inbox: queue.SimpleQueue) -> None:
    """Reading in a thread notices the end of the benchmark during a job; systems end when their pipes close with us."""
    try:
        while True:
            inbox.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)
