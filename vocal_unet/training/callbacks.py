"""What happens between two steps: the learning rate, the time budget, the progress bar, and the end when a loss is NaN."""

from __future__ import annotations

import math
import time
from typing import Any

import keras
from rich.progress import Progress

from vocal_unet.config import TrainConfig
from vocal_unet.errors import TrainingError

WARM_UP = 0.03
"""Share of a schedule in which the learning rate rises from zero, while batch normalisation finds its statistics."""


class Pace(keras.callbacks.Callback):
    """Knows how far training is, in steps or in time, whichever comes first; sets the learning rate; stops in time.

    Args:
        config: steps, schedule, learning rate, minutes.
        started: `time.monotonic()` the time budget counts from.
    """

    def __init__(self, config: TrainConfig, started: float) -> None:
        super().__init__()
        self.config = config
        self.started = started
        self.steps = 0

    @property
    def seconds(self) -> float:
        """Time spent so far."""
        return time.monotonic() - self.started

    def go_on(self, steps: int, seconds: float) -> None:
        """Count from where an earlier process had come to."""
        self.steps = steps
        self.started -= seconds

    @property
    def share(self) -> float:
        """How much of the training is done, in [0, 1]."""
        done = self.steps / (self.config.epochs * self.config.steps_per_epoch)
        if self.config.minutes is not None:
            done = max(done, self.seconds / (60 * self.config.minutes))
        return min(done, 1.0)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.config.schedule != "constant":
            self.model.optimizer.learning_rate = self.config.learning_rate * factor(self.config.schedule, self.share)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.steps += 1
        if self.share >= 1:
            self.model.stop_training = True


def factor(schedule: str, share: float) -> float:
    """Factor of the learning rate when `share` of the training is done: up in a line to 1 at `WARM_UP`, then down.

    `cosine` falls to 0, `exponential` to 0.01.
    """
    if share < WARM_UP:
        return (share + 0.1 * WARM_UP) / (1.1 * WARM_UP)
    falling = (share - WARM_UP) / (1 - WARM_UP)
    return 0.5 + 0.5 * math.cos(math.pi * falling) if schedule == "cosine" else 0.01**falling


def learning_rate(network: keras.Model) -> float:
    """What the optimizer's next step would use."""
    return float(keras.ops.convert_to_numpy(network.optimizer.learning_rate))


class StopOnNaN(keras.callbacks.Callback):
    """Ends training with an error as soon as the loss is no number."""

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            rate = learning_rate(self.model)
            raise TrainingError(
                f"the loss became {loss} at step {batch + 1} of an epoch; try a lower learning_rate than {rate:g} or "
                "clip_norm=1 (the epochs before it are kept: see the folder's checkpoints)"
            )


class ShowProgress(keras.callbacks.Callback):
    """Moves a bar by the share of training that is done, with the losses beside it."""

    def __init__(self, bar: Progress, pace: Pace) -> None:
        super().__init__()
        self.bar, self.pace = bar, pace
        self.task = bar.add_task("training", total=1.0)
        self.validation = ""

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        text = f"training: loss {(logs or {}).get('loss', math.nan):.4g}{self.validation}"
        self.bar.update(self.task, completed=self.pace.share, description=text)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs and "val_loss" in logs:
            self.validation = f", validation {logs['val_loss']:.4g}, SI-SDR {logs['val_si_sdri']:+.1f} dB"
