"""Masks: Spleeter's formula, sums, extensions."""

from __future__ import annotations

import numpy as np
import pytest

from vocal_unet.config import Masking
from vocal_unet.masks import extend_mask, ratio_masks, stem_masks


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(size=shape).astype(np.float32)


@pytest.mark.parametrize("exponent", [1.0, 2.0, 0.5])
def test_ratio_masks_follow_spleeters_formula_and_sum_to_one(exponent: float) -> None:
    estimates = list(random(3, 2, 5, 7, 2))
    masks = [mask.numpy() for mask in ratio_masks(estimates, exponent)]
    total = sum(e.astype(np.float64) ** exponent for e in estimates) + 1e-10
    for mask, estimate in zip(masks, estimates, strict=True):
        np.testing.assert_allclose(mask, (estimate.astype(np.float64) ** exponent + 1e-10 / 3) / total, rtol=1e-5)
    np.testing.assert_allclose(sum(masks), 1, atol=1e-6)


def test_silence_is_shared_equally() -> None:
    masks = ratio_masks([np.zeros((1, 1, 1, 2), np.float32)] * 4, 2)
    np.testing.assert_allclose([m.numpy() for m in masks], 0.25)


@pytest.mark.parametrize("extension", ["zeros", "ones", "average"])
def test_extension(extension: str) -> None:
    mask = random(2, 3, 4, 2)
    extended = extend_mask(mask, 9, extension).numpy()
    assert extended.shape == (2, 3, 9, 2)
    np.testing.assert_array_equal(extended[:, :, :4], mask)
    expected = {"zeros": 0, "ones": 1, "average": mask.mean(axis=2, keepdims=True)}[extension]
    np.testing.assert_allclose(extended[:, :, 4:], np.broadcast_to(expected, (2, 3, 5, 2)), rtol=1e-6)


def test_complement_masks_sum_to_one_over_the_full_band() -> None:
    target, rest = stem_masks({"mask": random(1, 2, 4, 2)}, ("vocals", "rest"), Masking(kind="complement"), 6)
    np.testing.assert_array_equal(target + rest, np.ones((1, 2, 6, 2), np.float32))
    assert np.all(target[:, :, 4:] == 0)
