"""A SavedModel with the STFT, its inverse and a stream inside, for plain TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from vocal_unet.config import Rendering
from vocal_unet.export.segments import network_masks
from vocal_unet.export.stream import STATE, StreamGraph
from vocal_unet.graph import SegmentGraph
from vocal_unet.loading import LoadedModel

STATE_PREFIX = "state_"
"""The state's names among a signature's inputs and outputs, where stems have names too."""


class SeparatorModule(tf.Module):
    """What is saved; loaded again it has the same functions, without any code of this package or of Keras.

    `__call__(waveform)`, `masks(magnitude)`, `stream_init()`, `stream(block, state)` and `stream_flush(state)` are there as
    Python functions and, with flat arguments, as signatures.
    """

    def __init__(self, model: LoadedModel) -> None:
        super().__init__()
        framing = model.framing
        graph = SegmentGraph(model, Rendering())
        model = replace(model, network=graph.network)
        self._model = model
        self._stream = StreamGraph(graph.separate_function, framing, len(model.stems))
        # The network itself would be saved with its Keras classes.
        self.weights = [variable.value for variable in model.network.variables]
        state = {
            "pending": tf.TensorSpec([None, framing.channels], tf.float32, "pending"),
            "tail": tf.TensorSpec(
                [len(model.stems), framing.frame_length - framing.frame_step, framing.channels], tf.float32, "tail"
            ),
            "skip": tf.TensorSpec([], tf.int32, "skip"),
        }
        magnitude = tf.TensorSpec([None, *model.network.inputs[0].shape[1:]], tf.float32, "magnitude")
        block = tf.TensorSpec([None, None], tf.float32, "block")
        self.__call__ = tf.function(self._separate, [tf.TensorSpec(None, tf.float32, "waveform")])
        self.masks = tf.function(lambda magnitude: network_masks(model, magnitude), [magnitude])
        self.stream_init = tf.function(self._stream_init, [])
        self.stream = tf.function(self._stream_step, [block, state])
        self.stream_flush = tf.function(self._stream_flush, [state])
        flat = [tf.TensorSpec(state[key].shape, state[key].dtype, STATE_PREFIX + key) for key in STATE]
        self._signatures = {
            "serving_default": self.__call__,
            "masks": self.masks,
            "stream_init": tf.function(lambda: _flat({}, self.stream_init()), []),
            "stream": tf.function(lambda block, *state: _flat(*self.stream(block, _state(state))), [block, *flat]),
            "stream_flush": tf.function(lambda *state: self.stream_flush(_state(state)), flat),
        }

    def save(self, folder: Path, assets: Sequence[Path]) -> None:
        """Write the SavedModel; `assets` go to its `assets/`."""
        self.assets = [tf.saved_model.Asset(str(path)) for path in assets]
        tf.saved_model.save(self, str(folder), signatures=self._signatures)

    def _separate(self, waveform: tf.Tensor) -> dict[str, tf.Tensor]:
        channels = self._model.framing.channels
        shape = tf.shape(waveform)
        samples = shape[-2]
        batch = tf.reshape(waveform, [-1, samples, shape[-1]])
        pending, tail, skip = self._stream.start(tf.shape(batch)[0])
        pending = tf.concat([pending, as_many_channels(batch, channels)], axis=1)
        finished, *_ = self._stream.advance(pending, tail, skip, end=True)
        shape = tf.concat([shape[:-1], [channels]], axis=0)
        return {
            stem: tf.reshape(tf.transpose(finished[:, index], [1, 0, 2]), shape)
            for index, stem in enumerate(self._model.stems)
        }

    def _stream_init(self) -> dict[str, tf.Tensor]:
        pending, tail, skip = self._stream.start()
        return {"pending": pending[0], "tail": tail[:, 0], "skip": skip}

    def _stream_step(
        self, block: tf.Tensor, state: dict[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        block = as_many_channels(block, self._model.framing.channels)
        return self._advance(tf.concat([state["pending"], block], axis=0), state, end=False)

    def _stream_flush(self, state: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return self._advance(state["pending"], state, end=True)[0]

    def _advance(
        self, pending: tf.Tensor, state: dict[str, tf.Tensor], end: bool
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        finished, pending, tail, skip = self._stream.advance(
            pending[tf.newaxis], state["tail"][:, tf.newaxis], state["skip"], end
        )
        stems = {stem: finished[:, index, 0] for index, stem in enumerate(self._model.stems)}
        return stems, {"pending": pending[0], "tail": tail[:, 0], "skip": skip}


def as_many_channels(waveform: tf.Tensor, channels: int) -> tf.Tensor:
    """As `Separator` takes them: mono is duplicated, of more channels the first ones are taken."""
    return tf.gather(waveform, tf.minimum(tf.range(channels), tf.shape(waveform)[-1] - 1), axis=-1)


def _state(tensors: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
    return dict(zip(STATE, tensors, strict=True))


def _flat(stems: Mapping[str, tf.Tensor], state: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {**stems, **{STATE_PREFIX + key: value for key, value in state.items()}}
