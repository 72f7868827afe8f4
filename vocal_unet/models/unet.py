"""The paper's U-Net: convolutions and max-pooling down, transposed convolutions up, a soft mask on the mixture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from vocal_unet.config import CoarseConfig, Framing, UNetConfig
from vocal_unet.models.coarse import CELL, cell_energies, coarse_logits, spread
from vocal_unet.models.loudness import SILENCE, compressed

LOWEST_OFFSET_HZ = 100.0
"""Where the first of `mask_offsets` belongs; the others follow every half octave."""
VETO = "veto_"
"""What the names of the coarse network's layers begin with."""
MOST_VETO = 4.0
"""By how much it can lower a logit."""
SECONDS_AROUND = 3.0
"""How much sound around a frame decides what `mask_agreement` does there, and how much a veto counts."""


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
    seen = compressed(mixture, config.detail_db)
    members = [_logits(seen, framing, config, _prefix(n)) for n in range(config.members)]
    x = members[0] if len(members) == 1 else layers.Average(dtype="float32", name="mean_logits")(members)
    if config.mask_offsets:
        offsets = mask_offsets(framing, config.mask_offsets)[:, None].tolist()
        x = layers.Rescaling(1.0, offsets, dtype="float32", name="mask_offset")(x)
    if config.veto_db is not None:
        x = vetoed(x, mixture, framing, config.veto, config.veto_db)
    if config.mask_agreement:
        x = agreed(x, mixture, framing, config.mask_agreement)
    # in 32 bits even where the layers before compute in 16
    mask = layers.Activation("sigmoid", dtype="float32", name="mask")(x)
    vocals = layers.Multiply(dtype="float32", name="vocals")([mask, mixture])
    return keras.Model(mixture, {"mask": mask, "vocals": vocals}, name=name)


def join_members(network: keras.Model, members: Sequence[keras.Model], veto: keras.Model | None = None) -> None:
    """Give a network of several members, and a veto perhaps, the weights of networks that were trained one by one.

    Raises:
        ValueError: they are not as many as the network has members, or of another size.
    """
    parts = [(_prefix(n), member) for n, member in enumerate(members)] + ([(VETO, veto)] if veto else [])
    weights = {prefix + weight.path: weight for prefix, part in parts for weight in part.weights}
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


def vetoed(
    logits: keras.KerasTensor, mixture: keras.KerasTensor, framing: Framing, config: CoarseConfig, margin_db: float
) -> keras.KerasTensor:
    """Logits lowered in every cell in which the mask finds more of the sound to be vocals than the coarse network does.

    By half of what that is more than the margin, in nepers of energy, since they are of amplitudes, and by MOST_VETO at most;
    times the share of the accompaniment that the coarse network hears over some three seconds, so a voice alone is left alone.
    """
    logits = ops.cast(logits, "float32")
    mask = ops.sigmoid(logits)
    parts = mask * mixture, (1.0 - mask) * mixture, mixture
    vocals, rest, all_of_it = (cell_energies(part, framing) for part in parts)
    opinion = coarse_logits(mixture, framing, config, VETO)
    above = ops.log((vocals + SILENCE) / (rest + SILENCE)) - opinion - margin_db / 10 * math.log(10)
    accompaniment = ops.stack([ops.sum(x, axis=2) for x in (ops.sigmoid(-opinion) * all_of_it, all_of_it)], axis=2)
    accompaniment = around(accompaniment, framing, CELL, "veto")
    heard = accompaniment[:, :, :1] / (accompaniment[:, :, 1:] + SILENCE)
    return logits - spread(ops.clip(above / 2, 0.0, MOST_VETO) * heard, framing)


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
    x = around(x, framing, 1, "agreement") + SILENCE
    odds = ops.log(x[:, :, :1] / x[:, :, 1:])
    lower, upper = (level / 10 * math.log(10) for level in levels)
    # In this order: with a single segment Keras takes a second summand of one number per frame for a bias, which ONNX refuses.
    return ops.expand_dims(ops.relu(odds - upper) - ops.relu(lower - odds), 3) + logits


def around(x: keras.KerasTensor, framing: Framing, frames: int, name: str) -> keras.KerasTensor:
    """The mean of `(segments, steps, values)` over the seconds around a step of so many frames; silence outside the segment."""
    reach = round(SECONDS_AROUND * framing.sample_rate / framing.frame_step / frames / 2)
    x = layers.ZeroPadding1D(reach, name=f"{name}_pad")(x)
    return layers.AveragePooling1D(2 * reach + 1, 1, dtype="float32", name=f"{name}_mean")(x)


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
