"""Separators that are not ours: folders of estimates, command lines, SavedModels; and every way they go wrong."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from spleeter_bench.errors import BenchError, SystemFailedError, SystemUnavailableError
from spleeter_bench.estimates import file_name, read_stems, write_stems
from spleeter_bench.systems import System, make_system
from spleeter_bench.systems.command import CommandSystem
from spleeter_bench.systems.folder import FolderSystem

RATE = 44100
MIXTURE = (0.1 * np.random.default_rng(0).standard_normal((3000, 2))).astype(np.float32)
PYTHON = shlex.quote(sys.executable)

Command = Callable[..., System]


def write(path: Path, waveform: np.ndarray = MIXTURE, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, rate, subtype="FLOAT" if path.suffix == ".wav" else None)


def test_a_folder_in_musevals_layout_or_without_test(tmp_path: Path) -> None:
    write(tmp_path / "test" / "A song" / "vocals.wav")
    write(tmp_path / "test" / "A song" / "no_vocals.wav", MIXTURE / 2)
    write(tmp_path / "test" / "A song" / "mixture.wav")
    write(tmp_path / "Another" / "vocals.wav", MIXTURE / 4)
    with make_system(f"dir:{tmp_path}") as system:
        one = system.separate(MIXTURE, RATE, name="A song")
        assert list(one.stems) == ["accompaniment", "vocals"], "a mixture is no estimate"
        np.testing.assert_array_equal(one.stems["accompaniment"], MIXTURE / 2)
        np.testing.assert_array_equal(system.separate(MIXTURE, RATE, name="Another").stems["vocals"], MIXTURE / 4)
        assert (one.seconds, one.peak_memory, system.info.load_seconds) == (None, None, None), "nothing was separated"
        with pytest.raises(SystemFailedError, match=r"no estimates; expected .*test/Third/vocals\.wav"):
            system.separate(MIXTURE, RATE, name="Third")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SystemUnavailableError, match="no such folder"):
        FolderSystem("dir:nothing", tmp_path / "nothing").start()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"vocals.wav": (MIXTURE[:-1], RATE)}, "vocals.wav: has 44100 Hz, 2999 samples, 2 channels; the song has"),
        ({"vocals.wav": (MIXTURE, 48000)}, "48000 Hz"),
        ({"vocals.wav": (MIXTURE[:, :1], RATE)}, "1 channels"),
        ({"vocals.wav": (MIXTURE, RATE), "vocals.flac": (MIXTURE, RATE)}, "a second file of the stem vocals"),
        ({"drums.wav": (MIXTURE, RATE)}, "no vocals; expected an audio file named vocals"),
    ],
)
def test_estimates_that_do_not_fit(tmp_path: Path, files: dict, message: str) -> None:
    for name, (waveform, rate) in files.items():
        write(tmp_path / name, waveform, rate)
    with pytest.raises(SystemFailedError, match=message):
        read_stems(tmp_path, RATE, MIXTURE.shape)


def test_a_damaged_estimate_is_named(tmp_path: Path) -> None:
    (tmp_path / "vocals.wav").write_bytes(b"not audio")
    with pytest.raises(SystemFailedError, match=r"vocals\.wav"):
        read_stems(tmp_path, RATE, MIXTURE.shape)


def test_kept_estimates_come_back_exactly_and_whole(tmp_path: Path) -> None:
    loud = MIXTURE * np.float32(30)
    write_stems(tmp_path / "song", {"vocals": loud, "old": MIXTURE}, RATE)
    write_stems(tmp_path / "song", {"vocals": loud, "accompaniment": MIXTURE}, RATE)
    stems = read_stems(tmp_path / "song", RATE, MIXTURE.shape)
    assert list(stems) == ["accompaniment", "vocals"], "the older set is gone"
    np.testing.assert_array_equal(stems["vocals"], loud, "nothing is clipped or rounded")
    assert [path.name for path in tmp_path.iterdir()] == ["song"]
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BenchError, match="cannot be written"):
        write_stems(tmp_path / "file" / "song", {"vocals": MIXTURE}, RATE)


def test_folder_names_are_different_for_different_systems() -> None:
    specs = ["mixture", "oracle:irm", "oracle-irm", "oracle/irm", "dir:/a.b", "dir:/a-b", "cmd:" + "x" * 500, "ü", "."]
    names = [file_name(spec) for spec in specs]
    assert len(set(names)) == len(specs) and names[0] == "mixture"
    assert all("." not in name and "/" not in name and 0 < len(name) < 100 for name in names)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Make a system from the lines of a Python program that has `song`, `rate`, `output` and `name`."""

    def make(code: str, timeout: float = 60) -> System:
        path = tmp_path / "separate me.py"
        head = (
            "import os, pathlib, subprocess, sys, time\nimport numpy as np, soundfile\n"
            "song, rate = soundfile.read(sys.argv[1], dtype='float32')\n"
            "output, name = pathlib.Path(sys.argv[2]), sys.argv[3]\n"
            "def save(path, x): path.parent.mkdir(exist_ok=True); soundfile.write(path, x, rate, subtype='FLOAT')\n"
        )
        path.write_text(head + code, encoding="utf-8")
        template = f"{PYTHON} {shlex.quote(str(path))} {{input}} {{output}} {{name}}"
        return make_system(f"cmd:{template}", timeout=timeout)

    return make


def test_a_command_gets_the_song_and_leaves_stems_at_any_depth(command: Command) -> None:
    code = (
        "assert name == 'a \"song\"; rm -rf', name\n"
        "save(output / 'model' / 'vocals.wav', song / 2)\nsave(output / 'model' / 'drums.wav', song / 4)\n"
        "print('chatter'); x = np.ones(50_000_000, np.uint8)\n"
    )
    with command(code) as system:
        separation = system.separate(MIXTURE, RATE, name='a "song"; rm -rf')
    np.testing.assert_array_equal(separation.stems["vocals"], MIXTURE / 2)
    np.testing.assert_array_equal(separation.stems["drums"], MIXTURE / 4)
    assert separation.seconds is not None and separation.seconds > 0
    assert separation.peak_memory is not None and separation.peak_memory > 50_000_000
    assert "whole command" in system.info.cost_note


def test_the_memory_of_a_command_is_not_the_benchmarks(command: Command) -> None:
    ballast = np.ones(400_000_000, np.uint8)
    peak = command("save(output / 'vocals.wav', song)").separate(MIXTURE, RATE).peak_memory
    assert peak is not None and peak < len(ballast)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("sys.exit('no\\nmore memory')", "ended with exit code 1; its last words: more memory"),
        ("os.kill(os.getpid(), 11)", "ended with SIGSEGV"),
        ("os.killpg(0, 9)", "the command was killed"),
        ("pass", "left no vocals in {output}"),
        (
            "save(output / 'a' / 'vocals.wav', song); save(output / 'b' / 'vocals.wav', song)",
            "a/vocals.wav and b/vocals",
        ),
        ("save(output / 'vocals.wav', song[1:])", "2999 samples"),
    ],
)
def test_a_command_that_fails_is_one_line(command: Command, code: str, message: str) -> None:
    with pytest.raises(SystemFailedError) as caught:
        command(code).separate(MIXTURE, RATE, name="song 1")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_command_that_hangs_is_ended_with_all_it_started(command: Command, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = f"child = subprocess.Popen(['sleep', '100']); open({str(pid_file)!r}, 'w').write(str(child.pid))\ntime.sleep(100)"
    with pytest.raises(SystemFailedError, match="did not end within 5 seconds"):
        command(code, timeout=5).separate(MIXTURE, RATE)
    assert gone(int(pid_file.read_text()))


def test_a_command_ends_with_the_benchmark(command: Command, tmp_path: Path) -> None:
    import signal
    import subprocess

    pid_file = tmp_path / "pid"
    system = command(f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(100)")
    code = (
        "import sys, numpy as np\nfrom spleeter_bench.systems import make_system\n"
        "make_system(sys.argv[1]).separate(np.ones((100, 2), np.float32), 44100)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", code, system.spec], env=environment)
    try:
        deadline = time.monotonic() + 60
        while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        pid = int(pid_file.read_text())
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert gone(pid)


def gone(pid: int, seconds: float = 10) -> bool:
    """Whether the process ends within the time; a zombie nobody waits for counts as ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(SystemUnavailableError, match="there is no program nonesuch; install it or give its path"):
        make_system("cmd:nonesuch {input} {output}").start()


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("sep {input}", r"has no \{output\}"),
        ("sep {output}", r"has no \{input\}"),
        ("sep {input} {output} {model}", r"unknown placeholder \{model\}; known: \{input\}, \{output\}, \{name\}"),
        ("sep {input} {output} 'x", "cannot be read .No closing quotation"),
        ("sep {input} {output} {", "cannot be read"),
    ],
)
def test_templates_that_cannot_work_are_refused_at_once(template: str, message: str) -> None:
    with pytest.raises(BenchError, match=message):
        CommandSystem("cmd", template, timeout=1)


def export(folder: Path, **stems: float) -> str:
    import tensorflow as tf

    class Gains(tf.Module):
        def __init__(self) -> None:
            self.gains = {stem: tf.Variable(gain) for stem, gain in stems.items()}

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
        def __call__(self, waveform):  # type: ignore[no-untyped-def]
            return {stem: gain * waveform for stem, gain in self.gains.items()}

    module = Gains()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.__call__})
    return f"savedmodel:{folder}"


def test_a_savedmodel(tmp_path: Path) -> None:
    with make_system(export(tmp_path, vocals=0.25, accompaniment=0.75)) as system:
        for samples in (3000, 1, 2999):
            separation = system.separate(MIXTURE[:samples], RATE)
            np.testing.assert_array_equal(separation.stems["vocals"], np.float32(0.25) * MIXTURE[:samples])
            np.testing.assert_array_equal(separation.stems["accompaniment"], np.float32(0.75) * MIXTURE[:samples])
        assert system.info.load_seconds and separation.seconds and separation.peak_memory
        assert "keras" not in system.info.versions


def test_savedmodels_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(SystemFailedError, match=r"no SavedModel; a folder with saved_model\.pb"):
        make_system(f"savedmodel:{tmp_path}").start()
    with pytest.raises(SystemFailedError, match="takes waveform and gives bass; it should take one waveform"):
        make_system(export(tmp_path / "bass", bass=1.0)).start()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "saved_model.pb").write_bytes(b"garbage")
    with pytest.raises(SystemFailedError, match="bad: cannot be loaded"):
        make_system(f"savedmodel:{tmp_path / 'bad'}").start()
