"""What is looked at before hours are spent: shapes, memory, disk, and whether a small copy learns one batch by heart."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from vocal_unet.config import TrainConfig
from vocal_unet.errors import OutputError, TrainingError
from vocal_unet.models.sizes import output_values
from vocal_unet.training.architectures import Architecture, architecture

OVERFIT_STEPS = 40
OVERFIT_FRAMES = 64
LEARNED = 0.8
"""A copy that learns brings the loss of its one batch below this share of what it was."""
SPARE_BYTES = 200_000_000
"""Left free on disk, for logs."""


@dataclass(frozen=True)
class Estimate:
    """What a training will take."""

    input_shape: tuple[int, ...]
    """Frames, bins, channels."""
    parameters: int
    memory_bytes: int
    """Weights, optimizer and activations of one step; songs come on top, `memory_mb` at most."""
    disk_bytes: int


def estimate(network: keras.Model, config: TrainConfig) -> Estimate:
    """Count what a compiled network for crops will need."""
    weights = 4 * network.count_params()
    # per weight: itself, its gradient, two moments, perhaps the average
    per_weight = 4 + bool(config.ema)
    outputs = output_values(network, config.crop_frames)
    size = 2 if config.mixed_precision else 4
    # forward activations wait for the backward pass; about half as much again is in flight there
    activations = config.batch_size * outputs * size * 3 // 2
    # the last checkpoint is written beside the one before, then best weights and the model
    disk = weights * (2 * (per_weight - 1) + 2)
    shape = (config.crop_frames, *network.input_shape[2:])
    return Estimate(shape, network.count_params(), weights * per_weight + activations, disk)


def require_room(estimate: Estimate, folder: Path, config: TrainConfig) -> None:
    """Raise where memory or disk will not do.

    Raises:
        TrainingError: one step needs more memory than the machine has.
        OutputError: the disk has too little space.
    """
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    if total and estimate.memory_bytes > total and not tf.config.list_physical_devices("GPU"):
        raise TrainingError(
            f"one step needs about {estimate.memory_bytes / 1e9:.1f} GB, the machine has {total / 1e9:.1f} GB; use a smaller "
            f"batch_size than {config.batch_size} or smaller crop_frames than {config.crop_frames}"
        )
    existing = next(parent for parent in (folder, *folder.resolve().parents) if parent.is_dir())
    free = shutil.disk_usage(existing).free
    if estimate.disk_bytes + SPARE_BYTES > free:
        needed = (estimate.disk_bytes + SPARE_BYTES) / 1e9
        raise OutputError(
            f"{folder}: training needs {needed:.1f} GB, {free / 1e9:.1f} GB are free; choose another disk"
        )


def overfit(config: TrainConfig, stems: tuple[str, str], batch: tuple[tf.Tensor, ...]) -> tuple[float, float]:
    """Train a small copy of the network on one small batch.

    Args:
        config: the settings; the copy has a quarter of the filters, no dropout and no mixed precision.
        stems: names of target and rest.
        batch: mixture, target and rest, magnitudes `(batch, frames, bins, channels)`.

    Returns:
        Loss before and after `OVERFIT_STEPS` steps.
    """
    small = _small(config)
    crop = tuple(part[:2, : small.crop_frames] for part in batch)
    plan = architecture(small, stems)
    keras.utils.set_random_seed(config.seed)
    network = plan.build(dataclasses.replace(small.framing, segment_frames=small.crop_frames))
    compile_network(network, plan, keras.optimizers.Adam(1e-2))
    targets = plan.targets(*crop)
    losses = [float(network.train_on_batch(crop[0], targets, return_dict=True)["loss"]) for _ in range(OVERFIT_STEPS)]
    return losses[0], losses[-1]


def require_learning(before: float, after: float) -> None:
    """Raise where a small copy did not learn its batch.

    Raises:
        TrainingError: the loss hardly fell.
    """
    if not after < max(LEARNED * before, 1e-6):
        raise TrainingError(
            f"a small copy of the network does not learn even one batch by heart (loss {before:.4g}, then {after:.4g}); "
            "look at the songs with 'vocal-unet data check'"
        )


def seconds_per_step(network: keras.Model, batches: Iterable[Any], steps: int = 4) -> float:
    """Time of a step on real batches, the first two, which also trace and fill caches, not counted."""
    iterator = iter(batches)
    began = 0.0
    for step in range(steps + 2):
        if step == 2:
            began = time.monotonic()
        mixture, targets = next(iterator)
        network.train_on_batch(mixture, targets)
    return (time.monotonic() - began) / steps


def compile_network(network: keras.Model, plan: Architecture, optimizer: keras.optimizers.Optimizer) -> None:
    """Compile for the architecture's losses; outputs without one are left alone."""
    losses = plan.losses()
    network.compile(
        optimizer=optimizer,
        loss={name: losses.get(name) for name in network.output},
        # XLA makes these networks slower on a CPU.
        jit_compile=bool(tf.config.list_physical_devices("GPU")),
    )


def _small(config: TrainConfig) -> TrainConfig:
    def quarter(filters: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(max(4, count // 4) for count in filters)

    unet = dataclasses.replace(config.unet, filters=quarter(config.unet.filters), dropout=())
    spleeter = dataclasses.replace(config.spleeter, conv_n_filters=quarter(config.spleeter.conv_n_filters))
    coarse = dataclasses.replace(config.coarse, filters=quarter(config.coarse.filters), dropout=0.0)
    frames = min(config.crop_frames, OVERFIT_FRAMES)
    return dataclasses.replace(config, unet=unet, spleeter=spleeter, coarse=coarse, crop_frames=frames)
