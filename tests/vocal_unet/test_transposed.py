"""The transposed convolution for few filters: Keras' own, computed in another way."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from vocal_unet.config import Framing, UNetConfig
from vocal_unet.models.transposed import FewFiltersTransposed, with_few_filters
from vocal_unet.models.unet import build_unet


def pair(filters: int, **settings: str) -> tuple[FewFiltersTransposed, keras.layers.Conv2DTranspose]:
    ours, theirs = (
        kind(filters, 5, 2, "same", bias_initializer="ones", **settings)
        for kind in (FewFiltersTransposed, keras.layers.Conv2DTranspose)
    )
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


def test_a_network_is_the_same_with_it_and_shares_its_other_layers() -> None:
    x = keras.Input((None, 8, 3))
    wide = keras.layers.Conv2DTranspose(4, 5, 2, "same", name="wide")(x)
    narrow = keras.layers.Conv2DTranspose(2, 5, 2, "same", name="narrow", bias_initializer="ones")(wide)
    other = keras.layers.Conv2DTranspose(2, 3, 2, "same", name="another_kernel")(narrow)
    usual = keras.Model(x, {"narrow": narrow, "other": other})
    quick = with_few_filters(usual)
    assert [layer.name for layer in quick.layers[1:]] == [layer.name for layer in usual.layers[1:]]
    assert quick.get_layer("wide") is usual.get_layer("wide")
    assert quick.get_layer("another_kernel") is usual.get_layer("another_kernel")
    assert isinstance(quick.get_layer("narrow"), FewFiltersTransposed)
    magnitude = np.random.default_rng(0).normal(size=(1, 4, 8, 3)).astype(np.float32)
    for name, expected in usual(magnitude).items():
        np.testing.assert_allclose(quick(magnitude)[name], expected, atol=1e-5)


def test_the_original_network_is_saved_as_before(tmp_path: Path) -> None:
    network = build_unet(
        Framing(512, 128, segment_frames=16, bins=64), UNetConfig(filters=(2, 3), dropout=(), first_stride=2)
    )
    with_few_filters(network)
    network.save(tmp_path / "model.keras")
    kinds = {type(layer) for layer in keras.saving.load_model(tmp_path / "model.keras").layers}
    assert keras.layers.Conv2DTranspose in kinds and FewFiltersTransposed not in kinds
