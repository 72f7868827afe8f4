"""A training that is killed and started again ends with the same bits as one that was left alone."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.vocal_unet.test_training import SMALL
from vocal_unet.audio import write_audio
from vocal_unet.training.checkpoints import read_arrays

CONFIG = dataclasses.replace(
    SMALL, epochs=6, steps_per_epoch=20, ema=0.9, clip_norm=1.0, deterministic=True, early_stopping=0.0
)


def command(folder: Path, songs: Path, settings: Path) -> list[str]:
    return [
        sys.executable, "-m", "vocal_unet", "train", "--config", str(settings), "--data", f"stems:{songs}", "-o", str(folder)
    ]  # fmt: skip


@pytest.mark.slow
def test_three_kills_change_no_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("one", "two", "three"):
        (tmp_path / "songs" / name).mkdir(parents=True)
        for stem in ("vocals", "other"):
            samples = (0.1 * rng.standard_normal((20_000, 2))).astype(np.float32)
            write_audio(tmp_path / "songs" / name / f"{stem}.wav", samples, 44100, sample_format="float32")
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps(CONFIG.to_dict()))
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    subprocess.run(command(straight, tmp_path / "songs", settings), check=True, capture_output=True, timeout=300)

    dice = random.Random(0)
    for _ in range(3):
        process = subprocess.Popen(
            command(killed, tmp_path / "songs", settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # Wherever the axe falls: in the start, in an epoch, in a checkpoint; but let the run get further each time.
        epochs, deadline = _epochs(killed), time.monotonic() + 120
        while process.poll() is None and _epochs(killed) == epochs and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(dice.uniform(0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (killed / "config.json").exists(), "the run was over before it could be killed; make it longer"
    done = subprocess.run(
        command(killed, tmp_path / "songs", settings), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0 and "going on after epoch" in done.stderr

    arrays, state = read_arrays(straight / "checkpoints" / "last.npz")
    again, state_again = read_arrays(killed / "checkpoints" / "last.npz")
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, again[name])
    scores = [[(e["loss"], e["val_loss"], e["val_si_sdr"]) for e in s["epochs"]] for s in (state, state_again)]
    assert len(scores[0]) == 6 and scores[0] == scores[1]
    results = [json.loads((folder / "config.json").read_text())["result"] for folder in (straight, killed)]
    assert results[0] == results[1]


def _epochs(folder: Path) -> int:
    last = folder / "checkpoints" / "last.npz"
    return len(read_arrays(last)[1]["epochs"]) if last.is_file() else 0
