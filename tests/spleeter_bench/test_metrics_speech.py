"""PESQ and STOI: what the libraries say of one channel, what the wrappers make of two, and their errors."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.signal

from spleeter_bench.errors import MetricError
from spleeter_bench.metrics.speech import pesq, stoi

RATE = 16000


@pytest.fixture
def speech() -> tuple[np.ndarray, np.ndarray]:
    """Two seconds that rise and fall like syllables, in stereo, and the same with a little and with much noise."""
    rng = np.random.default_rng(3)
    time = np.arange(2 * RATE) / RATE
    voice = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 30)) * np.sin(2 * np.pi * 2 * time) ** 2
    reference = 0.1 * np.stack([voice, voice], axis=1)
    return reference, reference + rng.standard_normal(reference.shape) * [0.0005, 0.01]


def test_pesq_is_the_librarys_mean_over_channels(speech: tuple[np.ndarray, np.ndarray]) -> None:
    library = pytest.importorskip("pesq")
    reference, estimate = speech
    channels = [library.pesq(RATE, reference[:, c], estimate[:, c], "wb") for c in range(2)]
    assert channels[0] > channels[1] + 0.1, "the noisier channel is worse"
    found = pesq(reference=reference, estimate=estimate, sample_rate=RATE)
    assert found == pytest.approx(np.mean(channels), abs=1e-12)
    narrow = pesq(reference=reference, estimate=estimate, sample_rate=RATE, band="nb")
    assert 1 < narrow < 4.65 and narrow != found
    one = pesq(reference=reference * [1, 0], estimate=estimate, sample_rate=RATE)
    assert one == pytest.approx(channels[0], abs=1e-12), "a channel without a reference is left out"


def test_pesq_resamples_what_is_not_speech_rate(speech: tuple[np.ndarray, np.ndarray]) -> None:
    pytest.importorskip("pesq")
    slow = pesq(reference=speech[0], estimate=speech[1], sample_rate=RATE)
    reference, estimate = (scipy.signal.resample_poly(signal, 3, 1) for signal in speech)
    # there and back takes away a little right below 8 kHz; a wrong rate would change the score by more than 0.5
    assert pesq(reference=reference, estimate=estimate, sample_rate=3 * RATE) == pytest.approx(slow, abs=0.1)


def test_pesq_says_what_its_library_cannot_compare(speech: tuple[np.ndarray, np.ndarray]) -> None:
    pytest.importorskip("pesq")
    with pytest.raises(MetricError, match=r"PESQ could not compare the signals: .+"):
        pesq(reference=speech[0][:2000], estimate=speech[1][:2000], sample_rate=RATE)


def test_stoi_is_the_librarys_mean_over_channels(speech: tuple[np.ndarray, np.ndarray]) -> None:
    library = pytest.importorskip("pystoi")
    reference, estimate = speech
    channels = [library.stoi(reference[:, c], estimate[:, c], RATE) for c in range(2)]
    assert channels[0] > channels[1] + 0.01
    found = stoi(reference=reference, estimate=estimate, sample_rate=RATE)
    assert found == pytest.approx(np.mean(channels), abs=1e-12)
    assert stoi(reference=reference, estimate=estimate, sample_rate=RATE, extended=True) != found


@pytest.mark.filterwarnings("ignore:Not enough STFT frames")
def test_too_little_sound_is_an_error(speech: tuple[np.ndarray, np.ndarray]) -> None:
    pytest.importorskip("pystoi")
    with pytest.raises(MetricError, match="half a second"):
        stoi(reference=speech[0][:2000], estimate=speech[1][:2000], sample_rate=RATE)


@pytest.mark.parametrize(("metric", "package"), [(pesq, "pesq"), (stoi, "pystoi")])
def test_a_missing_library_is_one_clear_line(
    metric, package: str, speech: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MetricError, match=rf"the package {package} is missing; run: pip install 'vocal-unet\[speech\]'"
    ):
        metric(reference=speech[0], estimate=speech[1], sample_rate=RATE)


def test_no_such_band(speech: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(MetricError, match="no band 'fm'"):
        pesq(reference=speech[0], estimate=speech[1], sample_rate=RATE, band="fm")
