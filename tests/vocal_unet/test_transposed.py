"""The transposed convolution for few filters: Keras' own, computed in another way."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from vocal_unet.models.transposed import FewFiltersTransposed


def pair(filters: int, **settings: str) -> tuple[FewFiltersTransposed, keras.layers.Conv2DTranspose]:
    ours = FewFiltersTransposed(filters, bias_initializer="glorot_normal" if filters > 1 else "ones", **settings)
    theirs = keras.layers.Conv2DTranspose(filters, 5, 2, "same", **settings)
    for layer in (ours, theirs):
        layer.build((None, 6, 9, 7))
    theirs.set_weights(ours.get_weights())
    return ours, theirs


@pytest.mark.parametrize("filters", [1, 2])
@pytest.mark.parametrize("settings", [{}, {"activation": "relu"}])
def test_it_is_keras_layer(filters: int, settings: dict[str, str]) -> None:
    ours, theirs = pair(filters, **settings)
    x = np.random.default_rng(0).normal(size=(3, 6, 9, 7)).astype(np.float32)
    # float32 sums of 7 · 9 products in another order
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)


def test_frames_and_segments_may_be_any_number() -> None:
    frames = keras.Input((None, 9, 7))
    ours, theirs = pair(2)
    network = keras.Model(frames, ours(frames))
    assert network.output_shape == (None, None, 18, 2)
    for shape in ((1, 4, 9, 7), (2, 11, 9, 7)):
        x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        np.testing.assert_allclose(network.predict(x, verbose=0), theirs(x), atol=1e-5)


def test_its_settings_make_it_again() -> None:
    ours, _ = pair(2)
    again = FewFiltersTransposed.from_config(ours.get_config())
    assert again.get_config() == ours.get_config()
