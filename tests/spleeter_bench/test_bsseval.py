"""BSSEval v4 against museval itself: generated stems, silence, the real clip; then its properties and errors."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.linalg

from spleeter_bench.errors import MetricError
from spleeter_bench.metrics import bsseval, museval_reference
from spleeter_bench.tracks import find_tracks

METRICS = bsseval.METRICS

TOLERANCE_DB = 1e-6
"""What the two may differ by where the ratios are determined that well: rounding alone stays far below."""

ILL_CONDITIONED_DB = 1e-3
"""SIR and SAR of a float clip without anything above 16 kHz: its normal equations have a condition number near 1e13, and
museval moves by about 2e-4 dB itself when its FFT is exchanged (asserted below)."""


def stems(sources: int, seconds: float, seed: int = 0, rate: int = 8000) -> tuple[np.ndarray, np.ndarray]:
    """Stereo references with swelling levels and estimates with leakage, filtering and noise."""
    rng = np.random.default_rng(seed)
    samples = int(seconds * rate)
    references = rng.standard_normal((sources, samples, 2)) @ np.array([[1.0, 0.3], [0.2, 0.9]])
    references *= (1.2 + np.sin(np.arange(samples) / rate + np.arange(sources)[:, None]))[..., None]
    leakage = 0.2 * (references.sum(axis=0) - references)
    estimates = references + 0.3 * np.roll(references, 3, axis=1) + leakage
    return references, estimates + 0.1 * rng.standard_normal(references.shape)


def differences(one: bsseval.BSSEval, other: bsseval.BSSEval) -> dict[str, float]:
    """Largest difference in dB of any frame by metric; NaN and infinity must be in the same places."""
    out = {}
    for name in METRICS:
        a, b = getattr(one, name), getattr(other, name)
        finite = np.isfinite(a)
        np.testing.assert_array_equal(a[~finite], b[~finite])
        out[name] = float(np.abs(a - b)[finite].max())
    return out


def both(references: np.ndarray, estimates: np.ndarray, **framing: int) -> tuple[bsseval.BSSEval, bsseval.BSSEval]:
    return (
        bsseval.evaluate(references=references, estimates=estimates, **framing),
        museval_reference.evaluate(references=references, estimates=estimates, **framing),
    )


@pytest.mark.parametrize(
    ("sources", "framing"),
    [(2, {"window": 8000, "hop": 8000}), (2, {"window": 7001, "hop": 3000}), (4, {"window": 8000, "hop": 8000})],
    ids=["2 sources", "2 sources, odd overlapping frames", "4 sources"],
)
def test_equals_museval_with_silent_frames(sources: int, framing: dict[str, int]) -> None:
    references, estimates = stems(sources, 4.3)
    references[1, 8000:16100] = 0
    estimates[0, 24000:] = 0
    ours, theirs = both(references, estimates, **framing)
    assert ours.sdr.shape == theirs.sdr.shape
    assert max(differences(ours, theirs).values()) < TOLERANCE_DB
    np.testing.assert_array_equal(ours.silent, np.isnan(theirs.sdr).any(axis=0))
    assert ours.reference_silent[1].any() and not ours.reference_silent[0].any()
    assert ours.estimate_silent[0].any() and not ours.estimate_silent[1].any()
    assert ours.flags("0") == (
        f"BSSEval leaves out {ours.silent.sum()} of {ours.frames} frames, some source being silent",
    )


def test_equals_museval_in_mono_and_in_one_window() -> None:
    references, estimates = stems(2, 3)
    ours, theirs = both(references[..., :1], estimates[..., :1], window=10**6, hop=10**6)
    assert ours.frames == 1
    assert max(differences(ours, theirs).values()) < TOLERANCE_DB


def test_equals_museval_with_two_equal_channels() -> None:
    """A mono stem in a stereo file makes the normal equations singular."""
    references, estimates = stems(2, 2)
    references[0, :, 1] = references[0, :, 0]
    ours, theirs = both(references, estimates, window=8000, hop=8000)
    assert max(differences(ours, theirs).values()) < TOLERANCE_DB


def test_an_opposite_stereo_pair_is_silent_as_in_museval() -> None:
    references, estimates = stems(2, 3)
    references[0, 8000:16000, 1] = -references[0, 8000:16000, 0]
    ours, theirs = both(references, estimates, window=8000, hop=8000)
    assert ours.silent.tolist() == [False, True, False]
    assert max(differences(ours, theirs).values()) < TOLERANCE_DB


def clip() -> tuple[np.ndarray, np.ndarray]:
    """Vocals and accompaniment of the real clip; estimates with a tenth of each other, and a little noise."""
    audio = find_tracks(["example"])[0].load()
    references = np.stack(list(audio.references.values())).astype(np.float64)
    noise = 0.002 * np.random.default_rng(0).standard_normal(references.shape)
    return references, references + 0.1 * references[::-1] + noise


def test_equals_museval_on_the_real_clip_as_16_bit_files_hold_it(clip_path: Path) -> None:
    rng = np.random.default_rng(1)

    def sixteen_bit(signal: np.ndarray) -> np.ndarray:
        dither = rng.uniform(-0.5, 0.5, (2, *signal.shape)).sum(axis=0)
        return np.round(signal * 2**15 + dither) / 2**15

    ours, theirs = both(*map(sixteen_bit, clip()))
    assert ours.frames == 6
    assert max(differences(ours, theirs).values()) < TOLERANCE_DB


def test_on_the_decoded_clip_it_is_as_close_to_museval_as_museval_to_itself(
    clip_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    references, estimates = clip()
    ours, theirs = both(references, estimates)
    found = differences(ours, theirs)
    assert found["sdr"] < TOLERANCE_DB and found["isr"] < TOLERANCE_DB
    assert found["sir"] < ILL_CONDITIONED_DB and found["sar"] < ILL_CONDITIONED_DB
    # the same museval with NumPy's FFT
    fftpack = SimpleNamespace(fft=np.fft.fft, ifft=np.fft.ifft)
    module = museval_reference.museval_metrics()
    monkeypatch.setattr(module, "scipy", SimpleNamespace(fftpack=fftpack, linalg=scipy.linalg))
    again = museval_reference.evaluate(references=references, estimates=estimates)
    itself = differences(again, theirs)
    assert itself["sdr"] == 0 and itself["isr"] < TOLERANCE_DB
    assert itself["sir"] > TOLERANCE_DB and itself["sar"] > TOLERANCE_DB


def test_a_perfect_estimate_has_no_error() -> None:
    references, estimates = stems(2, 2)
    estimates[0] = references[0]
    result = bsseval.evaluate(
        references={"vocals": references[0], "other": references[1]},
        estimates={"other": estimates[1], "vocals": estimates[0]},
        window=8000,
        hop=8000,
    )
    assert result.sources == ("vocals", "other")
    assert np.isposinf(result.sdr[0]).all() and np.isfinite(result.sdr[1]).all()
    assert result.infinite.tolist() == [2, 0]
    assert "sdr" not in result.medians("vocals") and "sdr" in result.medians("other")
    assert result.flags("vocals") == ("BSSEval leaves out 2 of 2 frames with an infinite ratio",)
    assert result.flags("other") == ()


def test_the_sdr_is_the_ratio_it_was_made_with() -> None:
    references, _ = stems(2, 3)
    rng = np.random.default_rng(5)
    estimates = references.copy()
    for source, decibels in enumerate((12.0, -3.0)):
        for frame in range(3):
            here = slice(frame * 8000, (frame + 1) * 8000)
            noise = rng.standard_normal((8000, 2))
            level = np.linalg.norm(references[source, here]) / np.linalg.norm(noise) * 10 ** (-decibels / 20)
            estimates[source, here] += level * noise
    result = bsseval.evaluate(references=references, estimates=estimates, window=8000, hop=8000)
    np.testing.assert_allclose(result.sdr, [[12.0] * 3, [-3.0] * 3], atol=1e-9)


def test_swapped_channels_and_any_number_of_workers_change_nothing() -> None:
    references, estimates = stems(2, 3)
    framing = {"window": 8000, "hop": 8000}
    one = bsseval.evaluate(references=references, estimates=estimates, workers=1, **framing)
    three = bsseval.evaluate(references=references, estimates=estimates, workers=3, **framing)
    assert max(differences(one, three).values()) == 0
    swapped = bsseval.evaluate(references=references[..., ::-1], estimates=estimates[..., ::-1], **framing)
    assert max(differences(one, swapped).values()) < 1e-9


def test_float32_is_computed_in_float64_and_inputs_stay_untouched() -> None:
    references, estimates = (signal.astype(np.float32) for signal in stems(2, 2))
    before = references.copy(), estimates.copy()
    narrow = bsseval.evaluate(references=references, estimates=estimates)
    wide = bsseval.evaluate(references=references.astype(np.float64), estimates=estimates.astype(np.float64))
    assert max(differences(narrow, wide).values()) == 0
    np.testing.assert_array_equal(references, before[0])
    np.testing.assert_array_equal(estimates, before[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r, e: (r[:1], e), "the references are 0; the estimates are 0, 1"),
        (lambda r, e: (r, e[:, :-1]), r"the estimate 0 has shape \(15999, 2\), the reference 0 \(16000, 2\)"),
        (lambda r, e: (r, e * [[[1]], [[0]]]), "the estimate 1 is silent"),
        (lambda r, e: (r * [[[0]], [[1]]], e), "the reference 0 is silent"),
        (lambda r, e: (r, np.where(e == e[1, 5, 0], np.nan, e)), "the estimate 1 has 1 samples that are NaN"),
        (lambda r, e: (r.swapaxes(1, 2), e.swapaxes(1, 2)), "time must be the first and the longest axis"),
        (lambda r, e: (r[:0], e[:0]), "no references"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, message: str) -> None:
    references, estimates = change(*stems(2, 2))
    for evaluate in (bsseval.evaluate, museval_reference.evaluate):
        with pytest.raises(MetricError, match=message):
            evaluate(references=references, estimates=estimates)


def test_frames_must_be_positive() -> None:
    references, estimates = stems(2, 2)
    with pytest.raises(MetricError, match="window 0 and hop 1"):
        bsseval.evaluate(references=references, estimates=estimates, window=0, hop=1)


def test_museval_missing_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    museval_reference.museval_metrics.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    references, estimates = stems(2, 2)
    with pytest.raises(MetricError, match="museval is not installed; run: pip install museval"):
        museval_reference.evaluate(references=references, estimates=estimates)
