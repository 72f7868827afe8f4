"""What is known at the end of an epoch: how good the network is, which epoch was the best, and the checkpoint to go on from."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import keras

from vocal_unet.config import TrainConfig
from vocal_unet.data.waiting import Waiting
from vocal_unet.training.callbacks import Pace, learning_rate
from vocal_unet.training.checkpoints import averaged_weights, restore_training, save_training, save_weights
from vocal_unet.training.run_folder import RunFolder
from vocal_unet.training.validation import Validation


@dataclass
class History:
    """Where a training stands; JSON in and out."""

    epochs: list[dict[str, float]] = field(default_factory=list)
    """What was logged at the end of each."""
    steps: int = 0
    seconds: float = 0.0
    best: float = -math.inf
    """Best value of the monitored score so far, larger is better."""
    best_epoch: int = 0
    """Counted from one; 0 before the first."""


class Judge(keras.callbacks.Callback):
    """Validates the averaged weights at the end of an epoch and adds what it finds to Keras' logs, for all later callbacks.

    Args:
        validation: with a network for whole segments.
        config: batch size.
        pace: counts the steps.
        waiting: what the batches were waited for.
    """

    def __init__(self, validation: Validation, config: TrainConfig, pace: Pace, waiting: Waiting) -> None:
        super().__init__()
        self.validation, self.config, self.pace, self.waiting = validation, config, pace, waiting

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._began = time.monotonic(), self.pace.steps, self.waiting.seconds

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        began, steps, waited = self._began
        seconds = time.monotonic() - began
        self.validation.network.set_weights(averaged_weights(self.model))
        scores = self.validation()
        assert logs is not None
        logs.update({f"val_{name}": value for name, value in asdict(scores).items()})
        logs["learning_rate"] = learning_rate(self.model)
        logs["examples_per_second"] = (self.pace.steps - steps) * self.config.batch_size / seconds
        logs["waiting_for_data"] = (self.waiting.seconds - waited) / seconds


class Keeper(keras.callbacks.Callback):
    """Writes the best weights and the checkpoint of the last epoch; stops when the score has not improved for long.

    Args:
        folder: where to.
        config: which score, and how long to wait for a better one.
        pace: steps and time.
        judge: holds the network with the weights that were validated.
    """

    def __init__(self, folder: RunFolder, config: TrainConfig, pace: Pace, judge: Judge) -> None:
        super().__init__()
        self.folder, self.config, self.pace, self.judge = folder, config, pace, judge
        self.history = History()

    @property
    def patience(self) -> int | None:
        """Epochs without improvement after which training ends; None: it never does."""
        share = self.config.early_stopping
        return max(1, round(share * self.config.epochs)) if share else None

    @property
    def stalled(self) -> bool:
        """Whether the best epoch is too long ago."""
        return self.patience is not None and len(self.history.epochs) - self.history.best_epoch >= self.patience

    def restore(self, network: keras.Model) -> None:
        """Go on from the last checkpoint.

        Raises:
            ModelError: it is damaged or belongs to another network.
        """
        self.history = History(**restore_training(self.folder.last, network))
        self.pace.go_on(self.history.steps, self.history.seconds)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        history = self.history
        history.epochs.append({name: float(value) for name, value in logs.items()})
        history.steps, history.seconds = self.pace.steps, self.pace.seconds
        value = logs[self.config.monitor] * (-1 if self.config.monitor == "val_loss" else 1)
        if value > history.best or not history.best_epoch:
            history.best, history.best_epoch = value, len(history.epochs)
            save_weights(self.folder.best, self.judge.validation.network.get_weights(), history.epochs[-1])
        save_training(self.folder.last, self.model, asdict(history))
        if self.stalled:
            self.model.stop_training = True
