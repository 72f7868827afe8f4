"""The paper's U-Net: convolutions and max-pooling down, transposed convolutions up, a soft mask on the mixture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from vocal_unet.config import Framing, UNetConfig

SILENCE = 1e-4
"""Added to a segment's loudness, so that digital silence is not divided by zero. A full-scale sine has about 1000."""
LOWEST_OFFSET_HZ = 100.0
"""Where the first of `mask_offsets` belongs; the others follow every half octave."""
AGREEMENT_SECONDS = 3.0
"""How much sound around a frame decides what `mask_agreement` does there."""


def build_unet(framing: Framing, config: UNetConfig, name: str = "vocal_unet") -> keras.Model:
    """The U-Net of the paper (§2), after Ronneberger et al., 2015.

    Per level one `same` convolution, batch normalisation, leaky ReLU and 2×2 max-pooling; a convolution at the bottom; per
    level up one transposed convolution of stride 2, batch normalisation, ReLU and dropout, concatenated with what the
    level had before pooling; a last convolution and a sigmoid make one mask per channel. Kernels start from Glorot's
    uniform distribution. One convolution per level instead of Ronneberger's two: at 512 × 1024 the upper levels hold most
    of the arithmetic, and a decoder level already joins what it was given in the next transposed convolution.

    The magnitudes of music span 60 dB and more, so the network does not see them as they are: each segment is divided by
    its loudness, Σx² / Σx, and compressed to log(1 + x · 10^(detail_db / 20)). That makes the mask independent of the
    recording's gain; unlike a plain mean this measure does not change when silent frames pad the end of a song. A batch
    normalisation per frequency bin then evens out the spectrum's slope and lets the convolutions know high bins from low ones.

    Frames and bins are padded with zeros inside to multiples of 2^(levels - 1) and cropped again at the end. Weights do not
    depend on the number of frames: those of a network for short crops fit one for whole segments.

    With `members` above 1, so many of these stand side by side and the mask's logits are their mean.

    Input shape:
        float32 `(segments, frames, bins, channels)`, magnitudes of the mixture; frames = framing.segment_frames.

    Output shape:
        a dict with the input's shape twice: `mask` in [0, 1], and `vocals` = mask × input.

    Args:
        framing: gives frames, bins and channels.
        config: filters, kernel, dropout.
        name: name of the Keras model.
    """
    mixture = keras.Input((framing.segment_frames, framing.bins, framing.channels), name="mixture")
    compressed = _compressed(mixture, config)
    members = [_logits(compressed, framing, config, _prefix(n)) for n in range(config.members)]
    x = members[0] if len(members) == 1 else layers.Average(dtype="float32", name="mean_logits")(members)
    if config.mask_offsets:
        offsets = mask_offsets(framing, config.mask_offsets)[:, None].tolist()
        x = layers.Rescaling(1.0, offsets, dtype="float32", name="mask_offset")(x)
    if config.mask_agreement:
        x = agreed(x, mixture, framing, config.mask_agreement)
    # in 32 bits even where the layers before compute in 16
    mask = layers.Activation("sigmoid", dtype="float32", name="mask")(x)
    vocals = layers.Multiply(dtype="float32", name="vocals")([mask, mixture])
    return keras.Model(mixture, {"mask": mask, "vocals": vocals}, name=name)


def join_members(network: keras.Model, members: Sequence[keras.Model]) -> None:
    """Give a network of several members the weights of networks that were trained one by one.

    Raises:
        ValueError: they are not as many as the network has members, or of another size.
    """
    weights = {_prefix(n) + weight.path: weight for n, member in enumerate(members) for weight in member.weights}
    if {path: weight.shape for path, weight in weights.items()} != {w.path: w.shape for w in network.weights}:
        raise ValueError("these networks are not the members of that one")
    for weight in network.weights:
        weight.assign(weights[weight.path])


def _prefix(member: int) -> str:
    """What the names of a member's layers begin with; the first one's are those of a network that stands alone."""
    return f"member_{member + 1}_" if member else ""


def _logits(x: keras.KerasTensor, framing: Framing, config: UNetConfig, prefix: str) -> keras.KerasTensor:
    """One U-Net: the logits of its mask."""
    frames, bins = framing.segment_frames, framing.bins
    x = layers.BatchNormalization(
        axis=2, momentum=config.batch_normalization_momentum, name=f"{prefix}input_normalization"
    )(x)
    multiple = config.first_stride * 2 ** (len(config.filters) - 1)
    padding = ((0, -frames % multiple), (0, -bins % multiple))
    if padding != ((0, 0), (0, 0)):
        x = layers.ZeroPadding2D(padding, name=f"{prefix}pad")(x)

    skips = []
    for level, filters in enumerate(config.filters[:-1], start=1):
        stride = config.first_stride if level == 1 else 1
        here = f"{prefix}encoder_{level}"
        x = layers.Conv2D(filters, config.kernel_size, stride, padding="same", name=f"{here}_conv")(x)
        x = _normalised(x, config, here)
        x = layers.LeakyReLU(0.2, name=f"{here}_activation")(x)
        x = _across_bins(x, config, here)
        skips.append(x)
        x = layers.MaxPooling2D(2, name=f"{here}_pool")(x)
    here = f"{prefix}bottom"
    x = layers.Conv2D(config.filters[-1], config.kernel_size, padding="same", name=f"{here}_conv")(x)
    x = _normalised(x, config, here)
    x = layers.LeakyReLU(0.2, name=f"{here}_activation")(x)
    x = _across_bins(x, config, here)

    for level in range(len(config.filters) - 1, 0, -1):
        filters = config.filters[level - 1]
        here = f"{prefix}decoder_{level}"
        x = layers.Conv2DTranspose(filters, config.kernel_size, 2, padding="same", name=f"{here}_up")(x)
        x = _normalised(x, config, here)
        x = layers.ReLU(name=f"{here}_activation")(x)
        x = _across_bins(x, config, here)
        from_bottom = len(config.filters) - 1 - level
        if from_bottom < len(config.dropout) and config.dropout[from_bottom]:
            x = layers.Dropout(config.dropout[from_bottom], name=f"{here}_dropout")(x)
        x = layers.Concatenate(name=f"{here}_skip")([x, skips.pop()])

    last = layers.Conv2D if config.first_stride == 1 else layers.Conv2DTranspose
    x = last(framing.channels, config.kernel_size, config.first_stride, padding="same", name=f"{prefix}mask_conv")(x)
    if padding != ((0, 0), (0, 0)):
        x = layers.Cropping2D(padding, name=f"{prefix}crop")(x)
    return x


def mask_offsets(framing: Framing, offsets: Sequence[float]) -> np.ndarray:
    """What `UNetConfig.mask_offsets` add to the logits of every bin: float64 `(bins,)`."""
    octaves = np.log2(
        np.maximum(np.arange(framing.bins) * framing.sample_rate / framing.frame_length, 1.0) / LOWEST_OFFSET_HZ
    )
    return np.interp(octaves, np.arange(len(offsets)) / 2, offsets)


def agreed(
    logits: keras.KerasTensor, mixture: keras.KerasTensor, framing: Framing, levels: Sequence[float]
) -> keras.KerasTensor:
    """Logits raised where the mask takes most of the sound around a frame for vocals, and lowered where nearly nothing.

    By as many nepers of energy as the vocals lie above the upper or below the lower level: adding to a logit multiplies the odds.
    """
    logits = ops.cast(logits, "float32")
    kept = ops.square(ops.sigmoid(logits))
    energy = ops.square(mixture)
    x = ops.stack([ops.sum(share * energy, axis=(2, 3)) for share in (kept, 1.0 - kept)], axis=2)
    reach = round(AGREEMENT_SECONDS * framing.sample_rate / framing.frame_step / 2)
    x = layers.ZeroPadding1D(reach, name="agreement_pad")(x)
    x = layers.AveragePooling1D(2 * reach + 1, 1, dtype="float32", name="agreement_mean")(x) + SILENCE
    odds = ops.log(x[:, :, :1] / x[:, :, 1:])
    lower, upper = (level / 10 * math.log(10) for level in levels)
    # In this order: with a single segment Keras takes a second summand of one number per frame for a bias, which ONNX refuses.
    return ops.expand_dims(ops.relu(odds - upper) - ops.relu(lower - odds), 3) + logits


def _compressed(mixture: keras.KerasTensor, config: UNetConfig) -> keras.KerasTensor:
    """Magnitudes relative to their segment's loudness, on a logarithmic scale."""
    loudness = _sum(ops.square(mixture)) / (_sum(mixture) + SILENCE) + SILENCE
    return ops.log1p(mixture * (10 ** (config.detail_db / 20) / loudness))


def _sum(x: keras.KerasTensor) -> keras.KerasTensor:
    """Over each segment; frame by frame, because ONNX Runtime adds a million numbers one after the other, to four digits."""
    return ops.sum(ops.sum(x, axis=(2, 3), keepdims=True), axis=1, keepdims=True)


def _normalised(x: keras.KerasTensor, config: UNetConfig, prefix: str) -> keras.KerasTensor:
    if not config.batch_normalization:
        return x
    return layers.BatchNormalization(momentum=config.batch_normalization_momentum, name=f"{prefix}_norm")(x)


def _across_bins(x: keras.KerasTensor, config: UNetConfig, prefix: str) -> keras.KerasTensor:
    """Add what two dense layers across all bins make of every frame and channel: harmonics lie far apart for a convolution."""
    if not config.frequency_bottleneck:
        return x
    bins = x.shape[2]
    y = layers.Permute((1, 3, 2), name=f"{prefix}_bins_last")(x)
    for number, units in enumerate((max(4, bins // config.frequency_bottleneck), bins), start=1):
        y = layers.Dense(units, name=f"{prefix}_dense_{number}")(y)
        y = _normalised(y, config, f"{prefix}_dense_{number}")
        y = layers.ReLU(name=f"{prefix}_dense_{number}_activation")(y)
    y = layers.Permute((1, 3, 2), name=f"{prefix}_channels_last")(y)
    return layers.Add(name=f"{prefix}_across_bins")([x, y])
