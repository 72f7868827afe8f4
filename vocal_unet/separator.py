"""The Python API: load a model once, then separate arrays, streams or files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import tensorflow as tf

from vocal_unet.audio import AudioWriter, decode_blocks
from vocal_unet.errors import AudioError
from vocal_unet.framing import frame_spectrogram, overlap_add
from vocal_unet.loading import LoadedModel, load_model
from vocal_unet.masks import stem_masks
from vocal_unet.naming import FILENAME_FORMAT, output_paths
from vocal_unet.streaming import SegmentStream

__all__ = ["Separator", "load_model"]


class Separator:
    """Separates songs with one model, in memory that does not grow with their length.

    >>> separator = Separator("spleeter:2stems")                   # doctest: +SKIP
    >>> stems = separator.separate(waveform)                       # doctest: +SKIP
    >>> stems["vocals"].shape == waveform.shape                    # doctest: +SKIP
    True

    Args:
        model: what `load_model` takes, or what it gave.

    Raises:
        VocalUnetError: what `load_model` raises.
    """

    def __init__(self, model: str | Path | LoadedModel = "spleeter:2stems") -> None:
        self.model = model if isinstance(model, LoadedModel) else load_model(model)
        self.framing = self.model.framing
        signature = [
            tf.TensorSpec((None, self.framing.segment_samples, self.framing.channels), tf.float32),
            tf.TensorSpec((None,), tf.int32),
        ]
        self._segment_function = tf.function(self._separate_segments, input_signature=signature)

    @property
    def sample_rate(self) -> int:
        """Hz the model works at; arrays are taken and given at this rate."""
        return self.framing.sample_rate

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of what comes out."""
        return self.model.stems

    @property
    def weights(self) -> str:
        """Where the model's weights came from, in words."""
        return self.model.weights

    def separate(self, waveform: np.ndarray) -> dict[str, np.ndarray]:
        """Separate one waveform.

        Args:
            waveform: `(samples, channels)` at `sample_rate`; mono is duplicated and of more than two channels the first two
                are taken, as Spleeter does.

        Returns:
            float32 `(samples, 2)` per stem.

        Raises:
            AudioError: the array has another number of axes, or holds NaN or infinity.
        """
        if np.ndim(waveform) != 2:
            raise AudioError(f"a waveform has the shape (samples, channels), not {np.shape(waveform)}")
        step = self.framing.segment_step
        blocks = (waveform[start : start + step] for start in range(0, len(waveform), step))
        stems = {stem: np.empty((len(waveform), self.framing.channels), np.float32) for stem in self.stems}
        done = 0
        for finished in self.stream(blocks):
            for stem, samples in finished.items():
                stems[stem][done : done + len(samples)] = samples
            done += len(samples)
        return stems

    def stream(self, blocks: Iterable[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
        """Separate blocks `(samples, channels)` of one song as they come; yields the stems' finished samples in order.

        Together the yielded blocks are as long as the input and equal `separate` of the whole, however the input is cut.

        Raises:
            AudioError: a block has another shape, or holds NaN or infinity.
        """
        stream = SegmentStream(self._run_segments, self.framing, len(self.stems))
        for block in blocks:
            finished = stream.process(self._checked(block))
            if finished.shape[1]:
                yield dict(zip(self.stems, finished, strict=True))
        finished = stream.flush()
        if finished.shape[1]:
            yield dict(zip(self.stems, finished, strict=True))

    def separate_to_file(
        self,
        audio_descriptor: str | Path,
        destination: str | Path,
        *,
        codec: str = "wav",
        bitrate: str = "128k",
        filename_format: str = FILENAME_FORMAT,
        offset: float = 0.0,
        duration: float | None = None,
        sample_format: str = "int16",
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Path]:
        """Separate a file into one file per stem; the argument names are Spleeter's.

        Files appear under their names only when the whole song is done; an error leaves none behind and replaces none.

        Args:
            audio_descriptor: the song, any format `decode_blocks` reads.
            destination: folder the files go to.
            codec: wav, mp3, ogg, m4a, wma or flac.
            bitrate: of lossy codecs.
            filename_format: with the fields {filename}, {instrument}, {foldername} and {codec}.
            offset: where to start, seconds.
            duration: how much to take, seconds; None is all (Spleeter stops after 600).
            sample_format: int16, int24 or float32, for lossless codecs.
            progress: called with the number of samples separated so far.

        Returns:
            The written file per stem.

        Raises:
            ConfigError: the format has unknown fields or gives two stems the same file.
            AudioError: the song cannot be read.
            OutputError: a file cannot be written.
        """
        paths = output_paths(audio_descriptor, destination, self.stems, filename_format, codec)
        blocks = decode_blocks(
            audio_descriptor,
            sample_rate=self.sample_rate,
            channels=self.framing.channels,
            offset=offset,
            duration=duration,
        )
        done = 0
        with ExitStack() as stack:
            writers = {
                stem: stack.enter_context(
                    AudioWriter(
                        path,
                        self.sample_rate,
                        self.framing.channels,
                        codec=codec,
                        bitrate=bitrate,
                        sample_format=sample_format,
                    )
                )
                for stem, path in paths.items()
            }
            for finished in self.stream(blocks):
                for stem, samples in finished.items():
                    writers[stem].write(samples)
                done += len(samples)
                if progress:
                    progress(done)
        return paths

    def _checked(self, block: np.ndarray) -> np.ndarray:
        block = np.asarray(block, np.float32)
        if block.ndim != 2 or not block.shape[1]:
            raise AudioError(f"a block of samples has the shape (samples, channels), not {block.shape}")
        if not np.isfinite(block).all():
            raise AudioError("the audio holds samples that are not numbers (NaN or infinity)")
        if block.shape[1] == 1:
            return np.repeat(block, self.framing.channels, axis=1)
        return block[:, : self.framing.channels]

    def _run_segments(self, samples: np.ndarray, valid_frames: np.ndarray) -> np.ndarray:
        return self._segment_function(samples, valid_frames).numpy()

    def _separate_segments(self, samples: tf.Tensor, valid_frames: tf.Tensor) -> tf.Tensor:
        """`streaming.SeparateSegments` as a TensorFlow graph."""
        framing = self.framing
        spectrogram = frame_spectrogram(samples, framing)  # (segments, frames, stft_bins, channels)
        valid = tf.sequence_mask(valid_frames, framing.segment_frames)[:, :, tf.newaxis, tf.newaxis]
        spectrogram *= tf.cast(valid, tf.complex64)
        outputs = self.model.network(tf.abs(spectrogram[:, :, : framing.bins, :]), training=False)
        masks = stem_masks(outputs, self.stems, self.model.masking, framing.stft_bins)
        return tf.stack([overlap_add(tf.cast(mask, tf.complex64) * spectrogram, framing) for mask in masks])
