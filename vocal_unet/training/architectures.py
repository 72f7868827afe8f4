"""The networks that can be trained, and what each is compared with."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from vocal_unet.config import Framing, Masking, TrainConfig
from vocal_unet.losses import LOSSES, target_mask
from vocal_unet.models.coarse import build_coarse, cell_energies
from vocal_unet.models.spleeter import build_spleeter
from vocal_unet.models.unet import build_unet


class Architecture(ABC):
    """What training needs to know of a network.

    Args:
        config: its settings.
        stems: names of the target and of the rest.
    """

    masking: Masking

    def __init__(self, config: TrainConfig, stems: tuple[str, str]) -> None:
        self.config = config
        self.stems = stems

    @property
    def learns_rest(self) -> bool:
        """Whether the magnitude of the rest is needed."""
        return False

    @abstractmethod
    def build(self, framing: Framing) -> keras.Model:
        """The network for segments of this framing; its weights do not depend on the number of frames."""

    @abstractmethod
    def losses(self) -> dict[str, Callable[[Any, Any], Any]]:
        """What compares which of the network's outputs; the loss is their sum."""

    @abstractmethod
    def targets(self, mixture: tf.Tensor, target: tf.Tensor, rest: tf.Tensor | None) -> dict[str, tf.Tensor]:
        """What the outputs are compared with, from `data.pipeline.magnitudes`, float32 `(segments, frames, bins, channels)`."""

    def comparison(self, missed: float) -> Callable[[Any, Any], Any]:
        """The loss's function, which counts what an estimate lacks `missed` times."""
        function = LOSSES[self.config.loss][1]

        @functools.wraps(function)
        def compare(y_true: Any, y_pred: Any) -> Any:
            return function(y_true, y_pred, missed=missed)

        return compare

    def beside(self, target: tf.Tensor, mixture: tf.Tensor) -> tf.Tensor:
        """The target, with the mixture on the last axis behind it where the loss wants both."""
        return tf.concat([target, mixture], axis=-1) if self.config.phase_sensitive else target


class VocalUNet(Architecture):
    """The paper's U-Net: one mask."""

    masking = Masking(kind="complement")

    def build(self, framing: Framing) -> keras.Model:
        return build_unet(framing, self.config.unet)

    def losses(self) -> dict[str, Callable[[Any, Any], Any]]:
        return {LOSSES[self.config.loss][0]: self.comparison(self.config.missed_weight)}

    def targets(self, mixture: tf.Tensor, target: tf.Tensor, rest: tf.Tensor | None) -> dict[str, tf.Tensor]:
        output, _ = LOSSES[self.config.loss]
        if output == "mask":
            return {output: target_mask(target, mixture)}
        return {output: self.beside(target, mixture)}


class Coarse(VocalUNet):
    """One mask as well, a coarse one, which learns from the energies in its cells."""

    @property
    def learns_rest(self) -> bool:
        return True

    def build(self, framing: Framing) -> keras.Model:
        return build_coarse(framing, self.config.coarse)

    def targets(self, mixture: tf.Tensor, target: tf.Tensor, rest: tf.Tensor | None) -> dict[str, tf.Tensor]:
        assert rest is not None
        cells = [cell_energies(part, self.config.framing) for part in (target, rest)]
        return {"cells": tf.stack(cells, axis=3)}


class TwoStemSpleeter(Architecture):
    """Spleeter's networks for the target and for the rest, side by side; masks are their shares."""

    masking = Masking(kind="ratio")

    @property
    def learns_rest(self) -> bool:
        """With a phase-sensitive loss the rest is what the target leaves of the mixture, so nobody has to hear it."""
        return not self.config.phase_sensitive

    def build(self, framing: Framing) -> keras.Model:
        return build_spleeter(framing, self.stems, self.config.spleeter)

    def losses(self) -> dict[str, Callable[[Any, Any], Any]]:
        # what the rest has too much, the target lacks
        weights = (self.config.missed_weight, 1 / self.config.missed_weight)
        return {stem: self.comparison(weight) for stem, weight in zip(self.stems, weights, strict=True)}

    def targets(self, mixture: tf.Tensor, target: tf.Tensor, rest: tf.Tensor | None) -> dict[str, tf.Tensor]:
        if self.config.phase_sensitive:
            rest = mixture - target  # the parts in phase with the mixture add up to it
        return {stem: self.beside(part, mixture) for stem, part in zip(self.stems, (target, rest), strict=True)}


_ARCHITECTURES: dict[str, type[Architecture]] = {"unet": VocalUNet, "spleeter": TwoStemSpleeter, "coarse": Coarse}


def architecture(config: TrainConfig, stems: tuple[str, str]) -> Architecture:
    """What `config.arch` names."""
    return _ARCHITECTURES[config.arch](config, stems)
