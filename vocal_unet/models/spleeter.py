"""Spleeter's U-Nets as Keras functional models, one per instrument side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from vocal_unet.config import Framing, SpleeterNetworkConfig

LEVELS = 6
BATCH_NORMALIZATION_EPSILON = 1e-3


@keras.saving.register_keras_serializable("vocal_unet")
class FixedStatistics(keras.Model):
    """A functional model that trains as Spleeter does: dropout off, batch normalisation by its moving statistics.

    Nothing in Spleeter tells Keras that it is training, so its networks learn their weights, gamma and beta around moving
    averages that stay what they were. (Measured on Spleeter 2.4.2; see docs/spleeter.md.)
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The network's outputs, whatever `training` says."""
        return super().call(inputs, training=False, mask=mask)


def build_spleeter(
    framing: Framing,
    instruments: Sequence[str],
    config: SpleeterNetworkConfig,
    name: str = "spleeter",
    *,
    fixed_statistics: bool = False,
    random: bool = True,
) -> keras.Model:
    """Spleeter's `unet.unet` or `unet.softmax_unet` (spleeter/model/functions/unet.py, after Jansson et al., ISMIR 2017).

    Per instrument: six strided 5×5 convolutions down, each followed by batch normalisation and activation; six strided
    transposed convolutions up, activation *then* batch normalisation; skips take the convolution *before* its
    normalisation; a dilated 4×4 convolution to one mask per channel, times the input. The batch normalisation that
    Spleeter creates after the sixth convolution leads nowhere and is left out.

    Input shape:
        float32 `(segments, frames, bins, channels)`, magnitudes; frames and bins are multiples of 64.

    Output shape:
        a dict of the same shape per instrument: the magnitude estimates.

    Args:
        framing: gives bins and channels; any number of frames is taken that is a multiple of 64.
        instruments: names of the stems, in the order of the checkpoint.
        config: which of the two networks, its filters and activations.
        name: name of the Keras model.
        fixed_statistics: train as the original does, see `FixedStatistics`; separation is the same either way.
        random: start from Spleeter's random weights; without, from zeros, which is quicker where others are put in their place.
    """
    magnitude = keras.Input((None, framing.bins, framing.channels), name="magnitude")
    initializer = keras.initializers.HeUniform(seed=50) if random else keras.initializers.Zeros()
    logits = [_unet(magnitude, instrument, framing.channels, config, initializer) for instrument in instruments]
    if config.type == "unet.softmax_unet":
        stacked = layers.Concatenate(axis=-1, name="stack")(
            [layers.Reshape((-1, framing.bins, framing.channels, 1))(logit) for logit in logits]
        )
        shares = layers.Softmax(axis=-1, name="softmax")(stacked)
        masks = [shares[..., index] for index in range(len(instruments))]
    else:
        masks = [layers.Activation("sigmoid", name=f"{i}_mask")(x) for i, x in zip(instruments, logits, strict=True)]
    outputs = {
        instrument: layers.Multiply(name=f"{instrument}_spectrogram")([mask, magnitude])
        for instrument, mask in zip(instruments, masks, strict=True)
    }
    kind = FixedStatistics if fixed_statistics else keras.Model
    return kind(inputs=magnitude, outputs=outputs, name=name)


def _unet(
    magnitude: keras.KerasTensor,
    instrument: str,
    channels: int,
    config: SpleeterNetworkConfig,
    initializer: keras.Initializer,
) -> keras.KerasTensor:
    """One instrument's network up to the mask's logits."""
    settings = {"padding": "same", "kernel_initializer": initializer}
    x = magnitude
    skips = []
    for level, filters in enumerate(config.conv_n_filters, start=1):
        convolved = layers.Conv2D(filters, 5, 2, name=f"{instrument}_encoder_{level}_conv", **settings)(x)
        skips.append(convolved)
        if level < LEVELS:
            x = layers.BatchNormalization(
                epsilon=BATCH_NORMALIZATION_EPSILON, name=f"{instrument}_encoder_{level}_norm"
            )(convolved)
            x = _activation(config.conv_activation, f"{instrument}_encoder_{level}_activation")(x)
    x = skips.pop()
    for level, filters in enumerate([*config.conv_n_filters[-2::-1], 1], start=1):
        prefix = f"{instrument}_decoder_{level}"
        x = layers.Conv2DTranspose(filters, 5, 2, name=f"{prefix}_conv", **settings)(x)
        x = _activation(config.deconv_activation, f"{prefix}_activation")(x)
        x = layers.BatchNormalization(epsilon=BATCH_NORMALIZATION_EPSILON, name=f"{prefix}_norm")(x)
        if level <= 3:
            x = layers.Dropout(0.5, name=f"{prefix}_dropout")(x)
        if skips:
            x = layers.Concatenate(name=f"{prefix}_skip")([skips.pop(), x])
    return layers.Conv2D(channels, 4, dilation_rate=2, name=f"{instrument}_logit", **settings)(x)


def _activation(name: str, layer_name: str) -> layers.Layer:
    if name == "ELU":
        return layers.ELU(name=layer_name)
    if name == "LeakyReLU":
        return layers.LeakyReLU(0.2, name=layer_name)
    return layers.ReLU(name=layer_name)
