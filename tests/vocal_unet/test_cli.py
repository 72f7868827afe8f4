"""The command: results where they were asked for; every bad input one line, an exit code, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import exit_code
from vocal_unet import read_audio, write_audio
from vocal_unet.cli import app

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command in an empty working folder; gives its exit code."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return partial(exit_code, app)


@pytest.mark.parametrize("module", ["vocal_unet", "spleeter_bench"])
def test_help_does_not_load_tensorflow(module: str) -> None:
    code = (
        f"import sys; sys.argv = ['x', '--help']\ntry:\n  import {module}.cli as c; c.main()\nexcept SystemExit: pass\n"
    )
    code += "print([m for m in ('tensorflow', 'keras', 'scipy', 'av') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_separate_writes_the_stems_and_names_them(run: Run, small_spleeter: Path, tmp_path: Path, tone, capfd) -> None:
    write_audio(tmp_path / "a.flac", tone(20_000), 44100)
    write_audio(tmp_path / "b.wav", tone(9000, channels=1), 22_050)
    assert run("separate", tmp_path / "a.flac", tmp_path / "b.wav", "-p", small_spleeter, "-o", tmp_path / "out") == 0
    printed = capfd.readouterr()
    files = [Path(line) for line in printed.out.splitlines()]
    assert [f.relative_to(tmp_path / "out").as_posix() for f in files] == [
        "a/vocals.wav",
        "a/accompaniment.wav",
        "b/vocals.wav",
        "b/accompaniment.wav",
    ]
    assert len(read_audio(files[0])[0]) == 20_000
    assert abs(len(read_audio(files[2])[0]) - 18_000) <= 2
    assert printed.err.count("\n") == 2 and "origin unknown" in printed.err
    assert printed.err.endswith("2 of 2 songs separated\n")


def test_a_device_that_is_not_there_is_refused(run: Run, small_spleeter: Path, tmp_path: Path, tone, capfd) -> None:
    write_audio(tmp_path / "a.wav", tone(9000), 44100)
    assert run("separate", tmp_path / "a.wav", "-p", small_spleeter, "--device", "gpu:7", "-o", tmp_path / "out") == 2
    assert "there is no device gpu:7" in capfd.readouterr().err and not (tmp_path / "out").exists()


def text_file(path: Path) -> None:
    path.write_text("not a song\n" * 1000)


def empty_wav(path: Path) -> None:
    soundfile.write(path, np.zeros((0, 2)), 44100)


def nan_wav(path: Path) -> None:
    samples = np.zeros((30_000, 2), np.float32)
    samples[29_000] = np.nan
    soundfile.write(path, samples, 44100, subtype="FLOAT")


def cut_m4a(path: Path) -> None:
    write_audio(path, np.random.default_rng(0).uniform(-0.5, 0.5, (200_000, 2)).astype(np.float32), 44100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("missing.wav", lambda path: None),
        ("folder.wav", folder),
        ("text.mp3", text_file),
        ("empty.wav", empty_wav),
        ("zero.mp3", lambda path: path.write_bytes(b"")),
        ("cut.m4a", cut_m4a),
        ("nan.wav", nan_wav),
    ],
)
def test_a_bad_song_is_one_line(name: str, make, run: Run, small_spleeter: Path, tmp_path: Path, capfd) -> None:
    make(tmp_path / name)
    assert run("separate", tmp_path / name, "-p", small_spleeter, "-o", tmp_path / "out") == 3
    error = capfd.readouterr().err.splitlines()
    assert [line for line in error if line.startswith("error: ")] == error[-1:]
    assert name in error[-1] and "Traceback" not in "".join(error)
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_written(run: Run, small_spleeter: Path, tmp_path: Path, tone, capfd) -> None:
    write_audio(tmp_path / "song.wav", tone(1000), 44100)
    (tmp_path / "out").write_text("a file where the folder should be")
    assert run("separate", tmp_path / "song.wav", "-p", small_spleeter, "-o", tmp_path / "out") == 4
    assert "out" in capfd.readouterr().err.splitlines()[-1]
    assert (tmp_path / "out").read_text() == "a file where the folder should be"


@pytest.mark.skipif(not Path("/proc/version").exists() or os.name != "posix", reason="needs /proc")
def test_a_read_only_file_system(run: Run, small_spleeter: Path, tmp_path: Path, tone, capfd) -> None:
    write_audio(tmp_path / "song.wav", tone(1000), 44100)
    assert run("separate", tmp_path / "song.wav", "-p", small_spleeter, "-o", "/proc/out") == 4
    assert "/proc/out" in capfd.readouterr().err.splitlines()[-1]


def test_a_checkpoint_with_a_missing_variable(run: Run, small_spleeter: Path, tmp_path: Path, tone, capfd) -> None:
    import tensorflow as tf

    from tests.conftest import random_variables
    from vocal_unet.spleeter.configuration import spleeter_model

    write_audio(tmp_path / "song.wav", tone(1000), 44100)
    variables = random_variables(spleeter_model(str(small_spleeter)))
    del variables["conv2d_transpose_3/kernel"]
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "models" / "small" / "model-0"),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        tensors=list(variables.values()),
    )
    assert run("separate", tmp_path / "song.wav", "-p", small_spleeter, "-o", tmp_path / "out") == 5
    assert "missing variables: conv2d_transpose_3/kernel" in capfd.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_an_unknown_model(run: Run, tmp_path: Path, tone, capfd) -> None:
    write_audio(tmp_path / "song.wav", tone(1000), 44100)
    assert run("separate", tmp_path / "song.wav", "-p", "spleeter:3stems") == 2
    assert "3stems" in capfd.readouterr().err


def test_verbose_shows_the_traceback(run: Run, tmp_path: Path, capfd) -> None:
    assert run("separate", tmp_path / "none.wav", "--verbose") == 3
    assert "Traceback" in capfd.readouterr().err
