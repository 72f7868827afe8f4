"""One model as TensorFlow graphs: from the samples of independent segments to the samples of their stems."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from vocal_unet.config import Rendering, require, rest_stem
from vocal_unet.device import placed, segments_at_once, with_precision
from vocal_unet.framing import frame_spectra, overlap_add_spectra
from vocal_unet.loading import LoadedModel
from vocal_unet.masks import magnitude_estimates, stem_masks
from vocal_unet.models.transposed import with_few_filters
from vocal_unet.streaming import SegmentStream
from vocal_unet.wiener import Statistics, collect, merge, wiener_filter

_CHANNELS_LAST, _CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
"""Orders of axes: as networks and masks have them, as the Fourier transform has them."""


class SegmentGraph:
    """What `streaming.SeparateSegments` needs of a model: traced once per kind of call, whatever the songs' lengths.

    Args:
        model: the network, its framing and mask rule.
        rendering: how its masks become stems.
        device: TensorFlow's name of where to run, from `device.choose_device`.
        precision: what the network computes in.

    Raises:
        ConfigError: the Wiener filter is asked for with other than two channels.
    """

    def __init__(
        self, model: LoadedModel, rendering: Rendering, device: str | None = None, precision: str = "float32"
    ) -> None:
        require(
            not rendering.mwf or model.framing.channels == 2,
            f"the Wiener filter works on two channels; the model {model.name} has {model.framing.channels}",
        )
        self.model = model
        self.rendering = rendering
        self.network = with_few_filters(with_precision(model.network, precision))
        self.segments_at_once = segments_at_once(model.network, model.framing.segment_frames, device)
        self._device = device
        framing = model.framing
        # norbert's stems are silent above the network's bins whatever the mask extension, and so are Spleeter's
        own = "zeros" if rendering.mwf else model.masking.extension
        self.masking = replace(model.masking, extension="average" if rendering.band == "extend" else own)
        # a complement takes what the target leaves, above the network's bins too
        silent_above = self.masking.kind == "ratio" and self.masking.extension == "zeros" and rendering.band != "rest"
        self._bins = framing.bins if silent_above else framing.stft_bins
        segments = [
            tf.TensorSpec((None, framing.segment_samples, framing.channels), tf.float32),
            tf.TensorSpec((None,), tf.int32),
        ]
        shape = (len(model.stems), framing.bins, framing.channels, framing.channels)
        statistics = Statistics(
            covariance=tf.TensorSpec((None, *shape), tf.complex128),
            power=tf.TensorSpec((None, *shape[:2]), tf.float64),
            peak=tf.TensorSpec((None,), tf.float64),
        )
        self.separate_function = tf.function(self._separate, input_signature=segments, autograph=False)
        self._separate_with = tf.function(self._separate, input_signature=[*segments, statistics], autograph=False)
        self._collect = tf.function(self._statistics, input_signature=segments, autograph=False)
        self._run_network = tf.function(lambda magnitude: self.network(magnitude, training=False), autograph=False)

    def separate(
        self, samples: np.ndarray, valid_frames: np.ndarray, statistics: Statistics | None = None
    ) -> np.ndarray:
        """`streaming.SeparateSegments`; `statistics` of the whole song replace those of each segment."""
        with placed(self._device):
            if statistics is None:
                return self.separate_function(samples, valid_frames).numpy()
            return self._separate_with(samples, valid_frames, statistics).numpy()

    def run_network(self, magnitude: np.ndarray | tf.Tensor) -> dict[str, tf.Tensor]:
        """The network alone: magnitudes float32 `(segments, frames, bins, channels)` → its outputs by name."""
        with placed(self._device):
            return self._run_network(magnitude)

    def listen(self, blocks: Iterable[np.ndarray]) -> Statistics:
        """Statistics for the Wiener filter over all of a song.

        Args:
            blocks: the song, float32 `(samples, channels)` each.
        """
        framing = self.model.framing
        parts: list[Statistics] = []

        def add(samples: np.ndarray, valid_frames: np.ndarray) -> np.ndarray:
            with placed(self._device):
                parts[:] = [merge(*parts, self._collect(samples, valid_frames))]
            return np.empty((0, *samples.shape), np.float32)

        stream = SegmentStream(add, framing, 0, self.segments_at_once)
        for block in blocks:
            stream.process(block)
        stream.flush()
        return parts[0]

    def _spectra(self, samples: tf.Tensor, valid_frames: tf.Tensor) -> tf.Tensor:
        """complex64 `(segments, channels, frames, stft_bins)`, zero from each segment's `valid_frames` on."""
        return frame_spectra(samples, self.model.framing, valid_frames)

    def _network(self, spectra: tf.Tensor) -> tuple[dict[str, Any], tf.Tensor]:
        magnitude = tf.transpose(tf.abs(spectra[..., : self.model.framing.bins]), _CHANNELS_LAST)
        return self.network(magnitude, training=False), magnitude

    def _statistics(self, samples: tf.Tensor, valid_frames: tf.Tensor) -> Statistics:
        spectra = self._spectra(samples, valid_frames)
        outputs, magnitude = self._network(spectra)
        estimates = magnitude_estimates(outputs, self.model.stems, self.masking, magnitude)
        return collect(estimates, tf.transpose(spectra, _CHANNELS_LAST))

    def _separate(self, samples: tf.Tensor, valid_frames: tf.Tensor, statistics: Statistics | None = None) -> tf.Tensor:
        framing, stems = self.model.framing, self.model.stems
        spectra = self._spectra(samples, valid_frames)
        outputs, magnitude = self._network(spectra)
        masks = stem_masks(outputs, stems, self.masking, self._bins)
        heard = spectra[..., : self._bins]
        separated = [tf.cast(tf.transpose(mask, _CHANNELS_FIRST), tf.complex64) * heard for mask in masks]
        if self.rendering.mwf:
            spectrogram = tf.transpose(spectra, _CHANNELS_LAST)
            estimates = magnitude_estimates(outputs, stems, self.masking, magnitude)
            known = collect(estimates, spectrogram) if statistics is None else statistics
            filtered = wiener_filter(estimates, spectrogram, known)
            above = [stem[..., framing.bins :] for stem in separated]
            separated = [
                tf.concat([tf.transpose(filtered[j], _CHANNELS_FIRST), above[j]], axis=-1) for j in range(len(stems))
            ]
        if self.rendering.band == "rest":
            rest = rest_stem(stems)
            separated[rest] = heard - tf.add_n([stem for j, stem in enumerate(separated) if j != rest])
        waveforms: list[tf.Tensor] = []
        for stem in separated:
            # one after the other: side by side they take no less time and more memory
            with tf.control_dependencies(waveforms[-1:]):
                waveforms.append(overlap_add_spectra(tf.identity(stem), framing))
        return tf.stack(waveforms)
