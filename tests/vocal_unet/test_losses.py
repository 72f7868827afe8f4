"""The losses against NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from vocal_unet.losses import (
    cell_cross_entropy,
    magnitude_l1,
    mask_l1,
    spectral_error,
    spectral_snr,
    target_mask,
    weighted_magnitude_l1,
)


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.gamma(1, 1, (2, 5, 7, 2)).astype(np.float32), rng.gamma(1, 1, (2, 5, 7, 2)).astype(np.float32)


@pytest.mark.parametrize("function", [magnitude_l1, mask_l1])
def test_l1_is_the_mean_absolute_difference(function, pair: tuple[np.ndarray, np.ndarray]) -> None:
    target, estimate = pair
    value = keras.ops.convert_to_numpy(function(target, estimate))
    assert value.shape == (2, 5)
    assert value.mean() == pytest.approx(np.abs(target.astype(np.float64) - estimate).mean(), rel=1e-6)


def test_weighted_l1_is_spleeters_formula(pair: tuple[np.ndarray, np.ndarray]) -> None:
    target, estimate = (values.astype(np.float64) for values in pair)
    expected = np.mean(target.mean(axis=(1, 2, 3), keepdims=True) * np.abs(estimate - target))
    value = keras.ops.convert_to_numpy(weighted_magnitude_l1(*pair))
    assert value.shape == (2, 5)
    assert value.mean() == pytest.approx(expected, rel=1e-6)


def test_spectral_error_and_snr_are_the_error_against_the_mixture(pair: tuple[np.ndarray, np.ndarray]) -> None:
    target, mixture = pair
    estimate = 0.3 * mixture
    ratio = np.sum((estimate - target) ** 2, axis=(1, 2, 3)) / np.sum(mixture**2, axis=(1, 2, 3))
    both = np.concatenate([target, mixture], axis=-1)
    for function, expected in ((spectral_error, ratio), (spectral_snr, np.log(1 + 100 * ratio))):
        value = keras.ops.convert_to_numpy(function(both, estimate))
        np.testing.assert_allclose(value[:, 0], expected, rtol=1e-5)
        louder = keras.ops.convert_to_numpy(function(10 * both, 10 * estimate))
        np.testing.assert_allclose(louder, value, rtol=1e-5)
        assert not keras.ops.convert_to_numpy(function(both, target)).any()
        assert np.isfinite(keras.ops.convert_to_numpy(function(0 * both, 0 * estimate))).all()


def test_spectral_snr_asks_for_the_mean_and_l1_for_the_median() -> None:
    # a bin that holds 10 in one song of three and nothing in two: L1 is content with silence
    heard = np.array([10.0, 0.0, 0.0], np.float32).reshape(1, 3, 1, 1)
    mixture = np.full_like(heard, 10.0)
    guesses = np.linspace(0, 10, 101, dtype=np.float32)
    squared = [float(spectral_snr(np.concatenate([heard, mixture], -1), np.full_like(heard, g))[0, 0]) for g in guesses]
    absolute = [float(np.mean(magnitude_l1(heard, np.full_like(heard, g)))) for g in guesses]
    assert guesses[np.argmin(squared)] == pytest.approx(10 / 3, abs=0.1) and guesses[np.argmin(absolute)] == 0


def test_cross_entropy_of_cells_asks_for_the_share_of_the_target() -> None:
    energies = np.random.default_rng(0).gamma(0.5, 1, (2, 5, 7, 2)).astype(np.float32)
    share = energies[..., 0] / energies.sum(axis=3)
    weight = np.sqrt(energies.sum(axis=3))
    guesses = np.linspace(0.01, 0.99, 99)
    for missed in (1.0, 3.0):
        losses = []
        for guess in guesses:
            logits = np.full(share.shape, np.log(guess / (1 - guess)), np.float32)
            losses.append(keras.ops.convert_to_numpy(cell_cross_entropy(energies, logits, missed=missed))[:, 0])
            expected = -weight * (missed * share * np.log(guess) + (1 - share) * np.log(1 - guess))
            np.testing.assert_allclose(losses[-1], expected.sum((1, 2)) / weight.sum((1, 2)), rtol=1e-4)
        vocals, rest = missed * np.sum(weight * share, (1, 2)), np.sum(weight * (1 - share), (1, 2))
        np.testing.assert_allclose(guesses[np.argmin(losses, axis=0)], vocals / (vocals + rest), atol=0.006)
    for logit in (-1000.0, 1000.0):
        logits = np.full(share.shape, logit, np.float32)
        assert np.isfinite(keras.ops.convert_to_numpy(cell_cross_entropy(energies, logits))).all()
        assert not keras.ops.convert_to_numpy(cell_cross_entropy(0 * energies, logits)).any()


@pytest.mark.parametrize("function", [magnitude_l1, mask_l1])
def test_what_an_l1_estimate_lacks_can_count_more(function, pair: tuple[np.ndarray, np.ndarray]) -> None:
    target, estimate = pair
    lacking, surplus = np.maximum(target - estimate, 0), np.maximum(estimate - target, 0)
    value = keras.ops.convert_to_numpy(function(target, estimate, missed=3.0))
    np.testing.assert_allclose(value, (3 * lacking + surplus).mean(axis=(2, 3)), rtol=1e-5)


def test_what_is_missed_lets_through_more_of_what_may_be_a_voice() -> None:
    # the bin of the test above: the expectile e at 3 : 1 solves 3 (10 - e) = 2 e, and L1's 3 : 1 quantile lies at 10
    heard = np.array([10.0, 0.0, 0.0], np.float32).reshape(1, 3, 1, 1)
    mixture = np.full_like(heard, 10.0)
    both, guesses = np.concatenate([heard, mixture], -1), np.linspace(0, 10, 101, dtype=np.float32)
    squared = [float(spectral_snr(both, np.full_like(heard, g), missed=3.0)[0, 0]) for g in guesses]
    absolute = [float(np.mean(magnitude_l1(heard, np.full_like(heard, g), missed=3.0))) for g in guesses]
    assert guesses[np.argmin(squared)] == pytest.approx(6, abs=0.1) and guesses[np.argmin(absolute)] == 10


def test_target_mask_is_the_papers_formula() -> None:
    target = np.array([0.0, 1.0, 2.0, 3.0, 0.0], np.float32)
    mixture = np.array([1.0, 2.0, 2.0, 1.0, 0.0], np.float32)
    np.testing.assert_allclose(target_mask(target, mixture), [0, 0.5, 1, 1, 0], atol=1e-6)


@pytest.mark.parametrize("function", [magnitude_l1, mask_l1, spectral_error, spectral_snr, weighted_magnitude_l1])
def test_losses_are_registered_with_keras(function) -> None:
    assert keras.saving.get_registered_object(f"vocal_unet>{function.__name__}") is function
