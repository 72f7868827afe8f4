"""A system in its own process: results, and one clear line for every way a process can go wrong."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from spleeter_bench import sidecar
from spleeter_bench.errors import SystemFailedError, SystemUnavailableError
from spleeter_bench.systems.process import Launch, ProcessSystem

SIDECAR = Path(sidecar.__path__[0])
MIXTURE = np.random.default_rng(0).standard_normal((3000, 2)).astype(np.float32)

WORKER = """
import os, signal, sys, time
sys.path.insert(0, {sidecar!r})
from protocol.streams import claim_pipe
requests, answers = claim_pipe()
import numpy as np
from protocol.serve import Failure, Model, Unavailable, serve
WARM_UP = 44100

def separate(mixture, sample_rate, references):
    if len(mixture) != WARM_UP:
{separate}
    return dict(vocals=0.25 * mixture, accompaniment=0.75 * mixture)

def load():
{load}
    return Model(separate, "made up", dict(fake="1"))

serve(load, requests, answers)
"""

Make = Callable[..., ProcessSystem]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a system from the Python lines its worker runs for a song and when it loads, or from a whole script."""
    made = []

    def system(separate: str = "pass", load: str = "pass", script: str = "", timeout: float = 30) -> ProcessSystem:
        code = script or WORKER.format(
            sidecar=str(SIDECAR),
            separate=textwrap.indent(textwrap.dedent(separate), " " * 8),
            load=textwrap.indent(textwrap.dedent(load), " " * 4),
        )
        path = tmp_path / f"worker{len(made)}.py"
        path.write_text(code, encoding="utf-8")
        made.append(ProcessSystem("fake", lambda: Launch([sys.executable, str(path)], os.environ), timeout=timeout))
        return made[-1]

    yield system
    for one in made:
        one.close()


def worker_pid(system: ProcessSystem) -> int:
    assert system._connection is not None
    return system._connection.pid


def is_gone(pid: int, seconds: float = 10) -> bool:
    """Whether the process ends within the time; a zombie counts as there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def hold_lock(folder: Path) -> str:
    """Lines that hold a lock until the process, and every child that inherits it, has ended; zombies hold nothing."""
    return (
        f"import fcntl; lock = open({str(folder / 'lock')!r}, 'w'); fcntl.flock(lock, fcntl.LOCK_EX)\n"
        f"open({str(folder / 'held')!r}, 'w')\n"
    )


def lock_is_free(folder: Path, seconds: float = 10) -> bool:
    assert (folder / "held").exists()
    deadline = time.monotonic() + seconds
    with open(folder / "lock", "w") as lock:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.02)
            else:
                return True
    return False


def test_separates(make: Make) -> None:
    with make() as system:
        assert (system.info.spec, system.info.weights, system.info.versions) == ("fake", "made up", {"fake": "1"})
        assert system.info.load_seconds > 0
        for samples in (3000, 1, 0, 2999):
            separation = system.separate(MIXTURE[:samples], 44100)
            np.testing.assert_array_equal(separation.stems["vocals"], 0.25 * MIXTURE[:samples])
            np.testing.assert_array_equal(separation.stems["accompaniment"], 0.75 * MIXTURE[:samples])
            assert separation.seconds >= 0


def test_seconds_are_those_of_the_separation(make: Make) -> None:
    with make("time.sleep(0.3)") as system:
        started = time.perf_counter()
        separation = system.separate(MIXTURE, 44100)
        assert 0.3 <= separation.seconds <= time.perf_counter() - started


def test_peak_memory_is_that_of_the_worker_alone(make: Make) -> None:
    ballast = np.ones(300_000_000, np.uint8)
    with make() as small, make("np.ones(400_000_000, np.uint8)") as large:
        assert small.separate(MIXTURE, 44100).peak_memory < len(ballast)
        assert large.separate(MIXTURE, 44100).peak_memory > 400_000_000


def test_prints_do_not_reach_the_pipe(make: Make) -> None:
    chatter = "print('hello'); os.write(1, b'native hello'); os.system('echo from a child'); sys.stdin.read()"
    with make(chatter, load=chatter) as system:
        assert set(system.separate(MIXTURE, 44100).stems) == {"vocals", "accompaniment"}


@pytest.mark.parametrize(
    ("separate", "explanation"),
    [
        ("sys.stderr.write('no more memory\\n'); sys.stderr.flush(); os._exit(3)", "exit code 3.*no more memory"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crashed .SIGSEGV"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("raise Failure('needs 44100 Hz')", "needs 44100 Hz"),
        ("os.write(answers.fileno(), b'garbage' + bytes([10]))", "garbage"),
        ("answers.write(b'{\"magic\": 1}' + bytes([10])); answers.flush()", "magic"),
        ("return dict(vocals=mixture * np.nan)", "vocals with samples that are not finite"),
        ("return dict(vocals=mixture, other=mixture / 0)", "other with samples that are not finite"),
        ("return dict(vocals=mixture[:-1])", r"vocals of shape \(2999, 2\) .* \(3000, 2\)"),
        ("return dict(vocals=mixture.T)", "shape"),
        ("return dict(bass=mixture)", "without vocals .stems: bass"),
        ("return {}", "without vocals .stems: none"),
        ("answers.close(); os.close(1); time.sleep(60)", "I/O|closed its output"),
    ],
)
def test_failures_are_one_line_and_the_next_song_starts_anew(make: Make, separate: str, explanation: str) -> None:
    once = "if os.path.exists(__file__ + '.failed'): return dict(vocals=mixture)\nopen(__file__ + '.failed', 'w')\n"
    with make(once + separate) as system:
        pid = worker_pid(system)
        with pytest.raises(SystemFailedError, match=f"^fake on song 1: .*({explanation})") as caught:
            system.separate(MIXTURE, 44100, name="song 1")
        assert "\n" not in str(caught.value)
        assert is_gone(pid, seconds=0.1)
        np.testing.assert_array_equal(system.separate(MIXTURE, 44100).stems["vocals"], MIXTURE)


def test_a_hung_song_is_killed_with_all_it_started(make: Make, tmp_path: Path) -> None:
    start_child = "import subprocess; subprocess.Popen(['sleep', '60'], pass_fds=[lock.fileno()])\n"
    with make(hold_lock(tmp_path) + start_child + "time.sleep(60)", timeout=3) as system:
        pid = worker_pid(system)
        with pytest.raises(SystemFailedError, match=r"fake on song 1: .* no answer within 3 seconds"):
            system.separate(MIXTURE, 44100, name="song 1")
        assert is_gone(pid, seconds=0.1)
    assert lock_is_free(tmp_path)


def test_a_worker_that_does_not_read_is_a_hang(make: Make) -> None:
    big = np.zeros((1_000_000, 2), np.float32)
    deaf = f"""
import sys, time
sys.path.insert(0, {str(SIDECAR)!r})
from protocol.wire import read_message, write_message
read_message(sys.stdin.buffer)
write_message(sys.stdout.buffer, "ready", {{}}, {{}})
time.sleep(60)
"""
    with (
        make(script=deaf, timeout=2) as system,
        pytest.raises(SystemFailedError, match="no answer within 2 seconds"),
    ):
        system.separate(big, 44100)


@pytest.mark.parametrize(
    ("load", "error", "explanation"),
    [
        (
            "raise Unavailable('no weights here; fetch them')",
            SystemUnavailableError,
            "fake: no weights here; fetch them",
        ),
        ("raise ImportError('no TensorFlow')", SystemFailedError, "fake: ImportError: no TensorFlow"),
        ("sys.exit('the end')", SystemFailedError, "exit code 1; its last words: the end"),
        ("time.sleep(60)", SystemFailedError, "no answer within 3 seconds"),
    ],
)
def test_a_start_that_fails(make: Make, load: str, error: type[Exception], explanation: str) -> None:
    system = make(load=load, timeout=3)
    with pytest.raises(error, match=explanation):
        system.start()
    assert system._connection is None


def test_a_program_that_does_not_exist_is_a_failure() -> None:
    system = ProcessSystem("fake", lambda: Launch(["/nonexistent/python"], {}))
    with pytest.raises(SystemFailedError, match="cannot start /nonexistent/python"):
        system.start()


def test_close_leaves_nothing_and_may_be_repeated(make: Make) -> None:
    system = make()
    system.start()
    pid = worker_pid(system)
    system.close()
    system.close()
    assert is_gone(pid, seconds=0.1)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_worker_ends_with_its_parent_in_the_middle_of_a_song(tmp_path: Path, how: signal.Signals) -> None:
    worker, parent = tmp_path / "worker.py", tmp_path / "parent.py"
    hang = textwrap.indent(hold_lock(tmp_path) + "time.sleep(60)", " " * 8)
    worker.write_text(WORKER.format(sidecar=str(SIDECAR), separate=hang, load="    pass"))
    parent.write_text(
        "import os, signal, sys\nimport numpy as np\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from spleeter_bench.systems.process import Launch, ProcessSystem\n"
        f"system = ProcessSystem('fake', lambda: Launch([sys.executable, {str(worker)!r}], os.environ))\n"
        "system.separate(np.zeros((10, 2), np.float32), 44100)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, str(parent)], env=environment)
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "held").exists():
            assert process.poll() is None and time.monotonic() < deadline, "the worker never got its song"
            time.sleep(0.02)
        process.send_signal(how)
        process.wait(timeout=10)
    finally:
        process.kill()
        process.wait()
    assert lock_is_free(tmp_path)
