"""The losses against NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from vocal_unet.losses import LOSSES, magnitude_l1, mask_l1, target_mask, weighted_magnitude_l1


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.gamma(1, 1, (2, 5, 7, 2)).astype(np.float32), rng.gamma(1, 1, (2, 5, 7, 2)).astype(np.float32)


@pytest.mark.parametrize("name", LOSSES)
def test_l1_is_the_mean_absolute_difference(name: str, pair: tuple[np.ndarray, np.ndarray]) -> None:
    target, estimate = pair
    value = keras.ops.convert_to_numpy(LOSSES[name][1](target, estimate))
    assert value.shape == (2, 5)
    assert value.mean() == pytest.approx(np.abs(target.astype(np.float64) - estimate).mean(), rel=1e-6)


def test_weighted_l1_is_spleeters_formula(pair: tuple[np.ndarray, np.ndarray]) -> None:
    target, estimate = (values.astype(np.float64) for values in pair)
    expected = np.mean(target.mean(axis=(1, 2, 3), keepdims=True) * np.abs(estimate - target))
    value = keras.ops.convert_to_numpy(weighted_magnitude_l1(*pair))
    assert value.shape == (2, 5)
    assert value.mean() == pytest.approx(expected, rel=1e-6)


def test_target_mask_is_the_papers_formula() -> None:
    target = np.array([0.0, 1.0, 2.0, 3.0, 0.0], np.float32)
    mixture = np.array([1.0, 2.0, 2.0, 1.0, 0.0], np.float32)
    np.testing.assert_allclose(target_mask(target, mixture), [0, 0.5, 1, 1, 0], atol=1e-6)


@pytest.mark.parametrize("function", [magnitude_l1, mask_l1, weighted_magnitude_l1])
def test_losses_are_registered_with_keras(function) -> None:
    assert keras.saving.get_registered_object(f"vocal_unet>{function.__name__}") is function
