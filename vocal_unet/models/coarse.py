"""A network with a wide view and a coarse mask: one value per third of an octave and eight frames.

A small U-Net decides every bin by what is near, and takes an instrument that moves like a voice for one. This network looks at
notes instead of bins, so that a melody has the same shape at any pitch, and at several seconds, and says of whole regions how
much in them is vocals. `UNetConfig.veto_db` lets it object to a U-Net's mask.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from vocal_unet.config import CoarseConfig, Framing
from vocal_unet.models.loudness import compressed

LOWEST_HZ = 80.0
NOTES_PER_OCTAVE = 24
CELL = 8
"""A value of the mask stands for so many notes and so many frames: three convolutions halve each."""
MOMENTUM = 0.98
"""Of the batch normalisations."""


def build_coarse(framing: Framing, config: CoarseConfig, name: str = "vocal_unet") -> keras.Model:
    """The coarse network on its own, as it is trained.

    Input shape:
        float32 `(segments, frames, bins, channels)`, magnitudes of the mixture; frames = framing.segment_frames.

    Output shape:
        a dict with the input's shape twice: `mask` in [0, 1], the same for all channels, and `vocals` = mask × input; and
        `cells`, the mask's logits `(segments, frames / CELL, bands)`.

    Args:
        framing: gives frames, bins and channels.
        config: filters, blocks, dropout.
        name: name of the Keras model.
    """
    mixture = keras.Input((framing.segment_frames, framing.bins, framing.channels), name="mixture")
    cells = coarse_logits(mixture, framing, config)
    mask = ops.repeat(spread(ops.sigmoid(cells), framing), framing.channels, axis=3)
    vocals = layers.Multiply(dtype="float32", name="vocals")([mask, mixture])
    return keras.Model(mixture, {"mask": mask, "vocals": vocals, "cells": cells}, name=name)


def coarse_logits(
    mixture: keras.KerasTensor, framing: Framing, config: CoarseConfig, prefix: str = ""
) -> keras.KerasTensor:
    """The logits of the coarse mask, float32 `(segments, frames / CELL, bands)`.

    The channels' mean energy goes through triangles, 24 to the octave, and is compressed as for the U-Net. Four convolutions
    make cells of it; in the residual blocks after them the view over time doubles from one to the next, and every cell is told
    the mean over all notes.
    """
    notes = ops.sqrt(_sums(_energy(mixture), note_filters(framing)))
    x = compressed(ops.expand_dims(notes, 3), config.detail_db)
    x = layers.BatchNormalization(axis=2, momentum=MOMENTUM, name=f"{prefix}input_normalization")(x)
    shapes = ((3, 7), (2, 1)), ((5, 5), (2, 2)), ((5, 5), (2, 2)), ((3, 5), (1, 2))
    for number, (filters, (kernel, strides)) in enumerate(zip(config.filters, shapes, strict=True), start=1):
        x = _convolved(x, filters, kernel, f"{prefix}cells_{number}", strides=strides)
    x = layers.SpatialDropout2D(config.dropout, name=f"{prefix}cells_dropout")(x)
    for number in range(1, config.blocks + 1):
        here, width = f"{prefix}context_{number}", config.filters[-1]
        y = _convolved(x, width, (5, 3), f"{here}_time", dilation_rate=(2 ** (number - 1), 1))
        y = y + layers.Dense(width, name=f"{here}_all_notes")(ops.mean(y, axis=2, keepdims=True))
        y = _convolved(y, width, (1, 3), f"{here}_notes")
        y = layers.SpatialDropout2D(config.dropout, name=f"{here}_dropout")(y)
        x = layers.Add(name=here)([x, y])
    x = layers.Conv2D(1, 1, dtype="float32", name=f"{prefix}cell_mask")(x)
    return ops.squeeze(x, 3)


def cell_energies(magnitudes: Any, framing: Framing) -> Any:
    """The energy in every cell, float32 `(segments, frames / CELL, bands)`: its bins' sum, the mean over frames and channels.

    Args:
        magnitudes: float32 `(segments, frames, bins, channels)`, any number of frames.
        framing: says where the bins lie.
    """
    x = _energy(magnitudes)
    x = ops.mean(ops.reshape(x, (-1, x.shape[1] // CELL, CELL, x.shape[2])), axis=2)
    return _sums(x, cells_of_bins(framing))


def spread(cells: keras.KerasTensor, framing: Framing) -> keras.KerasTensor:
    """What belongs to cells, at every frame and bin of theirs: `(segments, frames, bins, 1)`."""
    x = ops.repeat(ops.take(cells, _band_of_bins(framing), axis=2), CELL, axis=1)
    return x[:, : framing.segment_frames, :, None]


def _energy(magnitudes: Any) -> Any:
    """The mean over channels, `(segments, frames, bins)`, frames padded to whole cells."""
    x = ops.mean(ops.square(magnitudes), axis=3)
    return ops.pad(x, ((0, 0), (0, -x.shape[1] % CELL), (0, 0)))


def _sums(energy: Any, shares: np.ndarray) -> Any:
    """Sums over bins of energies `(segments, frames, bins)`, each bin with its share `(bins, sums)`: `(segments, frames, sums)`.

    The constant is the left factor: a right one TFLite's int8 would round like a weight, and the energies with it.
    """
    return ops.transpose(ops.matmul(shares.T, ops.transpose(energy, (0, 2, 1))), (0, 2, 1))


def note_filters(framing: Framing) -> np.ndarray:
    """What every bin adds to every note, float32 `(bins, notes)`: triangles a note wide, or a bin where that is more."""
    bins = _hertz(framing)[:, None]
    notes = LOWEST_HZ * 2 ** (np.arange(_notes(framing)) / NOTES_PER_OCTAVE)
    width = np.maximum(notes * (2 ** (1 / NOTES_PER_OCTAVE) - 1), framing.sample_rate / framing.frame_length)
    triangles = np.maximum(1 - np.abs(bins - notes) / width, 0)
    return (triangles / np.maximum(triangles.sum(axis=0), 1e-9)).astype(np.float32)


def cells_of_bins(framing: Framing) -> np.ndarray:
    """1 where a bin belongs to a band of cells, float32 `(bins, bands)`; every bin belongs to one."""
    return np.eye(_notes(framing) // CELL, dtype=np.float32)[_band_of_bins(framing)]


def _band_of_bins(framing: Framing) -> np.ndarray:
    """The number of the band of cells that every bin belongs to, `(bins,)`."""
    nearest = np.round(NOTES_PER_OCTAVE * np.log2(np.maximum(_hertz(framing), 1) / LOWEST_HZ))
    return np.clip(nearest.astype(int) // CELL, 0, _notes(framing) // CELL - 1)


def _hertz(framing: Framing) -> np.ndarray:
    return np.arange(framing.bins) * framing.sample_rate / framing.frame_length


def _notes(framing: Framing) -> int:
    """How many notes there are below the highest bin, whole cells."""
    return max(1, int(NOTES_PER_OCTAVE * np.log2(_hertz(framing)[-1] / LOWEST_HZ)) // CELL) * CELL


def _convolved(
    x: keras.KerasTensor, filters: int, kernel: tuple[int, int], name: str, **options: Any
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, kernel, padding="same", use_bias=False, name=f"{name}_conv", **options)(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)
    return layers.LeakyReLU(0.2, name=f"{name}_activation")(x)
