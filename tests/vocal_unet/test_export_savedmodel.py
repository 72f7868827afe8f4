"""The SavedModel in plain TensorFlow: whole songs, batches, masks, and a stream that equals the whole song."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import snr
from vocal_unet import Separator, stft

STEP = 64 * 128
"""Samples per segment of the small model."""


@pytest.fixture(scope="module")
def loaded(exports: Path) -> Any:
    return tf.saved_model.load(str(exports / "savedmodel"))


@pytest.mark.parametrize("samples", [1, 2205, STEP - 512, STEP - 511, 3 * STEP])
def test_whole_songs_of_any_length(samples: int, loaded: Any, exported_source: Separator, tone) -> None:
    waveform = tone(samples)
    expected = exported_source.separate(waveform)
    stems = loaded.signatures["serving_default"](waveform=tf.constant(waveform))
    assert stems.keys() == expected.keys()
    for stem, samples_ in expected.items():
        assert snr(samples_, stems[stem].numpy()) >= 120  # the same graph; batches may sum in another order


def test_mono_many_channels_and_batches(loaded: Any, exported_source: Separator, tone) -> None:
    waveform = tone(STEP)
    mono = loaded(waveform[:, :1])["vocals"].numpy()
    assert snr(exported_source.separate(waveform[:, :1])["vocals"], mono) >= 120
    surround = np.concatenate([waveform, tone(STEP, seed=1)], axis=1)
    assert snr(exported_source.separate(waveform)["vocals"], loaded(surround)["vocals"].numpy()) >= 120
    batch = np.stack([waveform, waveform[::-1], tone(STEP, seed=2)])
    stems = loaded(batch)
    assert stems["vocals"].shape == batch.shape
    for one, separated in zip(batch, stems["accompaniment"].numpy(), strict=True):
        assert snr(exported_source.separate(one)["accompaniment"], separated) >= 120
    assert loaded(waveform[:0])["vocals"].shape == (0, 2)


@pytest.mark.parametrize("block", [1, 64, 1023, 1024, 1025, 44100, "random"])
def test_a_stream_equals_the_whole_song(block: int | str, loaded: Any, exported_source: Separator, tone) -> None:
    waveform = tone(600 if block == 1 else 2 * STEP + 777)
    rng = np.random.default_rng(0)
    state, parts, start = loaded.stream_init(), [], 0
    while start < len(waveform):
        size = int(rng.integers(0, 5000)) if block == "random" else int(block)
        stems, state = loaded.stream(waveform[start : start + size], state)
        parts.append(stems["vocals"].numpy())
        start += size
    assert all(isinstance(value, tf.Tensor) for value in state.values())
    parts.append(loaded.stream_flush(state)["vocals"].numpy())
    assert snr(exported_source.separate(waveform)["vocals"], np.concatenate(parts)) >= 100


def test_the_stream_by_signatures_with_flat_arguments(loaded: Any, exported_source: Separator, tone) -> None:
    waveform = tone(2 * STEP)
    signatures = loaded.signatures
    state, parts = signatures["stream_init"](), []
    for start in range(0, len(waveform), 1000):
        out = signatures["stream"](block=tf.constant(waveform[start : start + 1000, :]), **state)
        state = {name: value for name, value in out.items() if name.startswith("state_")}
        parts.append(out["vocals"].numpy())
    parts.append(signatures["stream_flush"](**state)["vocals"].numpy())
    assert snr(exported_source.separate(waveform)["vocals"], np.concatenate(parts)) >= 100


def test_a_streams_state_does_not_grow(loaded: Any, tone) -> None:
    state, sizes = loaded.stream_init(), set()
    for seed in range(30):
        _, state = loaded.stream(tone(1500, seed=seed), state)
        sizes.add(sum(int(tf.size(value)) for value in state.values()))
    tail, skip = 2 * 384 * 2, 1
    assert max(sizes) < 2 * (STEP + 512 + 1500) + tail + skip


def test_masks_are_those_of_the_separation(loaded: Any, exported_source: Separator, tone) -> None:
    framing = exported_source.framing
    waveform = tone(STEP - 512)
    spectrogram = stft(waveform, framing)[tf.newaxis]
    magnitude = tf.abs(spectrogram)[:, :, : framing.bins]
    masks = loaded.masks(magnitude)
    assert masks["vocals"].shape == spectrogram.shape
    from vocal_unet import istft

    vocals = istft(spectrogram[0] * tf.cast(masks["vocals"][0], tf.complex64), framing, len(waveform))
    assert snr(exported_source.separate(waveform)["vocals"], vocals.numpy()) >= 100


def test_what_it_says_of_itself(exports: Path) -> None:
    said = json.loads((exports / "savedmodel" / "assets" / "vocal_unet.json").read_text())
    assert said["stems"] == ["vocals", "accompaniment"] and said["framing"]["segment_frames"] == 64
    assert "origin unknown" in said["weights"] and said["versions"]["tensorflow"] == tf.__version__
    assert "licence" in (exports / "savedmodel" / "assets" / "model_card.md").read_text()


LOAD = """
import sys
sys.modules.update(dict.fromkeys(["keras", "vocal_unet", "spleeter_bench"]))  # importing these fails now
import numpy as np
import tensorflow as tf

stems = tf.saved_model.load(sys.argv[1])(np.load(sys.argv[2]))
for stem, samples in stems.items():
    np.save(f"{sys.argv[3]}/{stem}.npy", samples.numpy())
"""


def test_it_needs_no_keras_and_nothing_of_ours(exports: Path, exported_source: Separator, tmp_path: Path, tone) -> None:
    waveform = tone(STEP)
    np.save(tmp_path / "song.npy", waveform)
    command = [sys.executable, "-c", LOAD, str(exports / "savedmodel"), str(tmp_path / "song.npy"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert snr(exported_source.separate(waveform)["vocals"], np.load(tmp_path / "vocals.npy")) >= 120


@pytest.mark.slow
def test_an_environment_with_only_tensorflow(exports: Path, exported_source: Separator, tmp_path: Path, tone) -> None:
    from uv import find_uv_bin

    waveform = tone(2 * STEP)
    np.save(tmp_path / "song.npy", waveform)
    folder, saved = tmp_path / "environment", str(exports / "savedmodel")
    uv = [find_uv_bin(), "--quiet"]
    subprocess.run([*uv, "venv", "--no-project", "--python", sys.executable, str(folder)], check=True)
    python, cli = folder / "bin" / "python", folder / "bin" / "saved_model_cli"
    install = [*uv, "pip", "install", "--python", str(python), f"tensorflow=={tf.__version__}"]
    installed = subprocess.run(install, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"TensorFlow cannot be installed here: {installed.stderr.strip().splitlines()[-1]}")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    (tmp_path / "python").mkdir()
    run = [str(python), "-c", LOAD, saved, str(tmp_path / "song.npy"), str(tmp_path / "python")]
    subprocess.run(run, check=True, env=variables, cwd=tmp_path, capture_output=True)
    run = [str(cli), "run", "--dir", saved, "--tag_set", "serve", "--signature_def", "serving_default"]
    run += ["--inputs", f"waveform={tmp_path / 'song.npy'}", "--outdir", str(tmp_path / "cli")]
    subprocess.run(run, check=True, env=variables, cwd=tmp_path, capture_output=True)
    for stem, expected in exported_source.separate(waveform).items():
        by_python, by_cli = (np.load(tmp_path / way / f"{stem}.npy") for way in ("python", "cli"))
        np.testing.assert_array_equal(by_python, by_cli)
        assert snr(expected, by_python) >= 120
