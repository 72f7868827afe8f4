"""Our Keras code against the original Spleeter 2.4.2 in its own process, on the same generated checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from spleeter_bench.sidecar.checkpoints import generate_checkpoint
from spleeter_bench.systems import make_system
from spleeter_bench.systems.base import System
from tests.conftest import snr
from vocal_unet import Framing, Separator, read_audio

SEGMENT = Framing.SPLEETER.segment_step - Framing.SPLEETER.frame_length
"""A song of this many samples fills its first segment of 512 frames exactly."""

pytestmark = pytest.mark.original


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """$MODEL_PATH with a 2stems checkpoint of random weights, saved by TensorFlow 1's Saver in Spleeter's environment."""
    folder = tmp_path_factory.mktemp("models")
    generate_checkpoint("spleeter:2stems", folder, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_PATH", str(folder))
        yield folder


@pytest.fixture(scope="module")
def original(models: Path) -> Iterator[System]:
    with make_system("spleeter:2stems") as system:
        yield system


@pytest.fixture(scope="module")
def ours(models: Path) -> Separator:
    return Separator("spleeter:2stems")


@pytest.mark.parametrize("case", ["clip", "mono", "0.05 s", -1, 0, 1], ids=str)
def test_both_stems_are_the_originals(
    case: str | int, original: System, ours: Separator, clip_path: Path, tone
) -> None:
    if isinstance(case, int):
        waveform = tone(SEGMENT + case)
    else:
        clip, _ = read_audio(clip_path)
        waveform = {"clip": clip, "mono": clip[:100_000, :1], "0.05 s": clip[100_000:102_205]}[case]
    expected = original.separate(waveform, 44100, name=str(case)).stems
    for stem, samples in ours.separate(waveform).items():
        assert samples.shape == (len(waveform), 2)
        # Two float32 networks that sum in different orders agree to about 100 dB.
        assert snr(np.asarray(expected[stem]), samples) >= 95, f"{stem} of {case}"
