"""The scale-invariant metrics against two independent implementations, known answers and every guard."""

from __future__ import annotations

import fast_bss_eval.numpy
import numpy as np
import pytest

from spleeter_bench.errors import MetricError
from spleeter_bench.metrics import METRICS, check_pair, score, si_sdr, si_snr
from spleeter_bench.metrics.scale_invariant import LIMIT_DB
from spleeter_bench.metrics.score import MEAN_GAP, SILENT_ESTIMATE, SILENT_REFERENCE_CHANNEL, SUSPECT

TOLERANCE_DB = 1e-6


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def pair(rng: np.random.Generator, noise: float = 0.3, samples: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    reference = rng.standard_normal((samples, 2)) * [0.2, 0.05] + [0.01, -0.02]
    estimate = reference * [0.8, 1.3] + noise * rng.standard_normal((samples, 2)) * 0.1 + 0.005
    return reference, estimate


def with_snr(rng: np.random.Generator, decibels: float, samples: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """A reference and an estimate whose noise is orthogonal to it (and to a constant) at exactly this level."""
    reference = rng.standard_normal((samples, 2))
    reference -= reference.mean(axis=0)
    noise = rng.standard_normal((samples, 2))
    noise -= noise.mean(axis=0)
    noise -= reference * np.sum(noise * reference, axis=0) / np.sum(reference**2, axis=0)
    noise *= np.sqrt(np.sum(reference**2, axis=0) / np.sum(noise**2, axis=0)) * 10 ** (-decibels / 20)
    return reference, reference + noise


def torchmetrics_si_sdr(preds: np.ndarray, target: np.ndarray, zero_mean: bool = False) -> float:
    """torchmetrics 1.x `scale_invariant_signal_distortion_ratio`, its lines in NumPy; reduces over the last axis."""
    eps = np.finfo(preds.dtype).eps
    if zero_mean:
        target = target - np.mean(target, axis=-1, keepdims=True)
        preds = preds - np.mean(preds, axis=-1, keepdims=True)
    alpha = (np.sum(preds * target, axis=-1, keepdims=True) + eps) / (np.sum(target**2, axis=-1, keepdims=True) + eps)
    target_scaled = alpha * target
    noise = target_scaled - preds
    val = (np.sum(target_scaled**2, axis=-1) + eps) / (np.sum(noise**2, axis=-1) + eps)
    return float(np.mean(10 * np.log10(val)))


@pytest.mark.parametrize("noise", [0.01, 0.3, 3.0, 100.0])
def test_equals_fast_bss_eval(rng: np.random.Generator, noise: float) -> None:
    reference, estimate = pair(rng, noise)

    def theirs(zero_mean: bool) -> float:
        # its top-level functions want PyTorch; it pairs sources by permutation, so every channel goes in alone
        channels = [
            fast_bss_eval.numpy.si_sdr(reference[None, :, c], estimate[None, :, c], zero_mean=zero_mean, clamp_db=None)
            for c in range(2)
        ]
        return float(np.mean(channels))

    assert si_sdr(reference=reference, estimate=estimate) == pytest.approx(theirs(False), abs=TOLERANCE_DB)
    assert si_snr(reference=reference, estimate=estimate) == pytest.approx(theirs(True), abs=TOLERANCE_DB)


@pytest.mark.parametrize("noise", [0.01, 0.3, 3.0, 100.0])
def test_equals_the_formula_of_torchmetrics(rng: np.random.Generator, noise: float) -> None:
    reference, estimate = pair(rng, noise)
    plain = torchmetrics_si_sdr(estimate.T, reference.T)
    centred = torchmetrics_si_sdr(estimate.T, reference.T, zero_mean=True)
    assert si_sdr(reference=reference, estimate=estimate) == pytest.approx(plain, abs=TOLERANCE_DB)
    assert si_snr(reference=reference, estimate=estimate) == pytest.approx(centred, abs=TOLERANCE_DB)
    assert abs(plain - centred) > 1e-4, "the pair must tell the two metrics apart"


@pytest.mark.parametrize("decibels", [-40.0, -6.0, 0.0, 12.6, 55.0, 90.0])
def test_a_known_ratio_is_found(rng: np.random.Generator, decibels: float) -> None:
    reference, estimate = with_snr(rng, decibels)
    assert si_sdr(reference=reference, estimate=estimate) == pytest.approx(decibels, abs=TOLERANCE_DB)
    assert si_snr(reference=reference, estimate=estimate) == pytest.approx(decibels, abs=TOLERANCE_DB)


def test_the_channels_are_scored_alone_and_then_averaged(rng: np.random.Generator) -> None:
    reference, left = with_snr(rng, 20.0)
    _, right = with_snr(np.random.default_rng(7), 6.0)
    estimate = np.stack([left[:, 0], right[:, 1]], axis=1)
    assert si_sdr(reference=reference, estimate=estimate) == pytest.approx(13.0, abs=TOLERANCE_DB)


@pytest.mark.parametrize("metric", [si_sdr, si_snr])
def test_gain_does_not_matter(rng: np.random.Generator, metric) -> None:
    reference, estimate = pair(rng)
    expected = metric(reference=reference, estimate=estimate)
    for gain in (1e-3, -1.0, 7.0, 1e6):
        assert metric(reference=reference, estimate=gain * estimate) == pytest.approx(expected, abs=1e-9)
        assert metric(reference=gain * reference, estimate=estimate) == pytest.approx(expected, abs=1e-9)
    # the paper's normalising step, spelled out
    unit = (estimate - estimate.mean(axis=0)) / np.linalg.norm(estimate - estimate.mean(axis=0), axis=0)
    assert si_snr(reference=reference, estimate=unit) == pytest.approx(
        si_snr(reference=reference, estimate=estimate), abs=1e-9
    )


def test_swapping_both_channels_changes_nothing_and_swapping_one_does(rng: np.random.Generator) -> None:
    reference, estimate = pair(rng)
    expected = si_sdr(reference=reference, estimate=estimate)
    assert si_sdr(reference=reference[:, ::-1], estimate=estimate[:, ::-1]) == pytest.approx(expected, abs=1e-9)
    assert si_sdr(reference=reference, estimate=estimate[:, ::-1]) < expected - 10


def test_float32_is_computed_in_float64_and_inputs_stay_untouched(rng: np.random.Generator) -> None:
    reference, estimate = (x.astype(np.float32) for x in with_snr(rng, 60.0))
    before = reference.copy(), estimate.copy()
    wide = si_sdr(reference=reference.astype(np.float64), estimate=estimate.astype(np.float64))
    assert si_sdr(reference=reference, estimate=estimate) == wide
    assert score(reference=reference, estimate=estimate).values["si_sdr"] == wide
    np.testing.assert_array_equal(reference, before[0])
    np.testing.assert_array_equal(estimate, before[1])


def test_the_wrong_axis_is_refused(rng: np.random.Generator) -> None:
    """Reduced over two channels instead of time, any SI-SNR looks splendid: it must not be computable."""
    reference, mixture = pair(rng, noise=100.0)
    trap = torchmetrics_si_sdr(mixture, reference, zero_mean=True)
    assert trap > 100, "the trap this guard is for"
    for metric in (si_sdr, si_snr, score):
        with pytest.raises(MetricError, match="time must be the first and the longest axis"):
            metric(reference=reference.T, estimate=mixture.T)
    assert si_snr(reference=reference, estimate=mixture) < 0


def broken(what: str, reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if what == "NaN":
        estimate = np.where(np.arange(len(estimate))[:, None] == 5, np.nan, estimate)
    elif what == "infinite":
        reference = np.where(np.arange(len(reference))[:, None] == 5, -np.inf, reference)
    elif what == "too large":
        estimate = estimate * 1e200
    elif what == "empty":
        reference, estimate = reference[:0], estimate[:0]
    elif what == "length":
        estimate = estimate[:-1]
    elif what == "channels":
        estimate = estimate[:, :1]
    elif what == "one axis":
        reference = reference[:, 0]
    elif what == "complex":
        estimate = estimate.astype(np.complex128)
    elif what == "silent":
        reference = np.full_like(reference, 0.25)
    return reference, estimate


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("NaN", "the estimate has 2 samples that are NaN"),
        ("infinite", "the reference has 2 samples that are NaN, infinite"),
        ("too large", "the estimate has .* beyond 1e\\+100"),
        ("empty", "the reference is empty"),
        ("length", "the reference has 4000 samples, the estimate 3999"),
        ("channels", "the reference has 2 channels, the estimate 1"),
        ("one axis", r"expected \(samples, channels\)"),
        ("complex", "not real samples"),
        ("silent", "the reference is silent in every channel"),
    ],
)
def test_what_cannot_be_compared_is_refused(rng: np.random.Generator, what: str, message: str) -> None:
    check_pair(reference=pair(rng)[0], estimate=pair(rng)[1])
    reference, estimate = broken(what, *pair(rng))
    for metric in (si_sdr, si_snr, score):
        with pytest.raises(MetricError, match=message):
            metric(reference=reference, estimate=estimate)


def test_a_perfect_estimate_is_a_number_and_suspect(rng: np.random.Generator) -> None:
    reference, _ = pair(rng)
    result = score(reference=reference, estimate=reference)
    assert result.values == dict.fromkeys(METRICS, LIMIT_DB)
    assert result.flags == (SUSPECT,)


@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_a_silent_estimate_scores_worst_and_is_flagged(rng: np.random.Generator, offset: float) -> None:
    """The epsilon of other implementations turns silence into 0 dB, which would beat most mixtures."""
    reference, _ = pair(rng)
    silence = np.full_like(reference, offset)
    result = score(reference=reference, estimate=silence)
    assert result.values["si_snr"] == result.values["si_sdr"] == -LIMIT_DB
    if not offset:
        assert result.values["snr"] == result.values["usdr"] == 0, "the error is the reference itself"
    assert result.flags == (SILENT_ESTIMATE,)


def test_one_silent_channel(rng: np.random.Generator) -> None:
    reference, estimate = with_snr(rng, 12.0)
    half = reference * [1.0, 0.0]
    result = score(reference=half, estimate=estimate)
    assert result.values["si_sdr"] == pytest.approx(12.0, abs=TOLERANCE_DB), "the silent channel is left out"
    assert result.flags == (SILENT_REFERENCE_CHANNEL,)
    result = score(reference=reference, estimate=estimate * [1.0, 0.0])
    assert result.values["si_sdr"] == pytest.approx((12.0 - LIMIT_DB) / 2, abs=TOLERANCE_DB)
    assert result.flags == (SILENT_ESTIMATE,)


def test_a_constant_offset_is_flagged(rng: np.random.Generator) -> None:
    reference, estimate = with_snr(rng, 20.0)
    assert score(reference=reference, estimate=estimate).flags == ()
    shifted = score(reference=reference, estimate=estimate + 0.5)
    assert shifted.values["si_snr"] == pytest.approx(20.0, abs=TOLERANCE_DB)
    assert shifted.values["si_sdr"] < 10
    assert shifted.flags == (MEAN_GAP,)


def test_improvement_is_over_the_mixture(rng: np.random.Generator) -> None:
    reference, estimate = with_snr(rng, 12.0)
    _, mixture = with_snr(np.random.default_rng(7), -5.0)
    values = score(reference=reference, estimate=estimate, mixture=mixture).values
    assert values["si_sdr_improvement"] == pytest.approx(17.0, abs=2 * TOLERANCE_DB)
    assert score(reference=reference, estimate=mixture, mixture=mixture).values["si_sdr_improvement"] == 0
