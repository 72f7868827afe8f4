"""The Python API: load a model once, then separate arrays, streams or files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from vocal_unet.audio import decode_blocks, probe_audio
from vocal_unet.config import require
from vocal_unet.errors import AudioError, CancelledError
from vocal_unet.framing import frame_spectrogram, overlap_add
from vocal_unet.loading import LoadedModel, load_model
from vocal_unet.masks import stem_masks
from vocal_unet.naming import FILENAME_FORMAT, output_paths
from vocal_unet.rates import Replayable, separate_at_rate
from vocal_unet.stem_files import StemFormat, write_stems
from vocal_unet.streaming import SegmentStream

__all__ = ["Separator", "load_model"]

ProgressCallback = Callable[[int], "bool | None"]
"""Called with the number of samples done; False asks to stop."""


class Separator:
    """Separates songs with one model, in memory that does not grow with their length.

    >>> separator = Separator("spleeter:2stems")                   # doctest: +SKIP
    >>> stems = separator.separate(waveform)                       # doctest: +SKIP
    >>> stems["vocals"].shape == waveform.shape                    # doctest: +SKIP
    True

    Args:
        model: what `load_model` takes, or what it gave. Spleeter's name for it, `params_descriptor`, is taken as well.
        MWF: Spleeter's name of `mwf`.
        multiprocess: taken for Spleeter's sake, without effect: encoding needs no processes of its own.

    Raises:
        VocalUnetError: what `load_model` raises.
    """

    def __init__(
        self,
        model: str | Path | LoadedModel = "spleeter:2stems",
        MWF: bool = False,
        multiprocess: bool = True,
        *,
        params_descriptor: str | Path | None = None,
        mwf: bool = False,
    ) -> None:
        if params_descriptor is not None:
            model = params_descriptor
        require(not (MWF or mwf), "multichannel Wiener filtering is not available in this version")
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

    def separate(
        self, waveform: np.ndarray, audio_descriptor: object = "", *, progress: ProgressCallback | None = None
    ) -> dict[str, np.ndarray]:
        """Separate one waveform.

        Args:
            waveform: `(samples, channels)` at `sample_rate`; mono is duplicated and of more than two channels the first two
                are taken, as Spleeter does.
            audio_descriptor: taken for Spleeter's sake, without effect.
            progress: called with the number of samples separated so far; cancels when it returns False.

        Returns:
            float32 `(samples, 2)` per stem.

        Raises:
            AudioError: the array has another number of axes, or holds NaN or infinity.
            CancelledError: `progress` returned False.
        """
        if np.ndim(waveform) != 2:
            raise AudioError(f"a waveform has the shape (samples, channels), not {np.shape(waveform)}")
        step = self.framing.segment_step
        blocks = [waveform[start : start + step] for start in range(0, len(waveform), step)]
        stems = {stem: np.empty((len(waveform), self.framing.channels), np.float32) for stem in self.stems}
        done = 0
        for finished in self.stream(blocks, progress=progress):
            for stem, samples in finished.items():
                stems[stem][done : done + len(samples)] = samples
            done += len(samples)
        return stems

    def stream(
        self,
        blocks: Iterable[np.ndarray],
        *,
        sample_rate: int | None = None,
        progress: ProgressCallback | None = None,
    ) -> Iterator[dict[str, np.ndarray]]:
        """Separate blocks `(samples, channels)` of one song as they come; yields the stems' finished samples in order.

        Together the yielded blocks are as long as the input and equal `separate` of the whole, however the input is cut.

        Args:
            blocks: the song.
            sample_rate: Hz of the blocks and of the stems; None is the model's own rate. Any other is resampled to the
                model's rate and back.
            progress: called with the number of samples yielded so far; cancels when it returns False.

        Raises:
            AudioError: a block has another shape, or holds NaN or infinity.
            CancelledError: `progress` returned False.
        """
        rate = self.sample_rate if sample_rate is None else sample_rate
        done = 0
        for finished in separate_at_rate(self._separate_blocks, blocks, rate=rate, model_rate=self.sample_rate):
            yield finished
            done += len(next(iter(finished.values())))
            if progress is not None and progress(done) is False:
                raise CancelledError("cancelled")

    def stream_file(
        self,
        audio_descriptor: str | Path,
        *,
        offset: float = 0.0,
        duration: float | None = None,
        sample_rate: int | None = None,
        progress: ProgressCallback | None = None,
    ) -> Iterator[dict[str, np.ndarray]]:
        """`stream` of a file, or of a part of it; `sample_rate` is that of the stems, as there.

        Raises:
            AudioError: the song cannot be read.
            CancelledError: `progress` returned False.
        """
        decode = partial(
            decode_blocks,
            audio_descriptor,
            sample_rate=self.sample_rate if sample_rate is None else sample_rate,
            channels=self.framing.channels,
            offset=offset,
            duration=duration,
        )
        return self.stream(Replayable(decode), sample_rate=sample_rate, progress=progress)

    def separate_to_file(
        self,
        audio_descriptor: str | Path,
        destination: str | Path,
        audio_adapter: None = None,
        offset: float = 0.0,
        duration: float | None = None,
        codec: str = "wav",
        bitrate: str | int | None = "128k",
        filename_format: str = FILENAME_FORMAT,
        synchronous: bool = True,
        *,
        stems: Sequence[str] | None = None,
        sample_format: str = "int16",
        keep_sample_rate: bool = False,
        clip: str = "none",
        progress: ProgressCallback | None = None,
    ) -> dict[str, Path]:
        """Separate a file into one file per stem; the arguments up to `synchronous` are Spleeter's, in its order.

        Files appear under their names only when the whole song is done; an error leaves none behind and replaces none.

        Args:
            audio_descriptor: the song, any format `decode_blocks` reads.
            destination: folder the files go to.
            audio_adapter: only None; for sound from elsewhere use `separate` or `stream`.
            offset: where to start, seconds.
            duration: how much to take, seconds; None is all (Spleeter stops after 600).
            codec: wav, mp3, ogg, m4a, wma or flac, or a member of Spleeter's `Codec`.
            bitrate: of lossy codecs.
            filename_format: with the fields {filename}, {instrument}, {foldername} and {codec}.
            synchronous: taken for Spleeter's sake, without effect: the files are complete on return.
            stems: which to write; None is all.
            sample_format: int16, int24 or float32, for lossless codecs.
            keep_sample_rate: write the stems at the song's own rate instead of the model's.
            clip: what becomes of samples beyond ±1: "none", "clamp" or "rescale", see `Clipping`.
            progress: called with the number of samples separated so far; cancels when it returns False.

        Returns:
            The written file per stem.

        Raises:
            ConfigError: the format has unknown fields or gives two stems the same file, or another argument is impossible.
            AudioError: the song cannot be read.
            OutputError: a file cannot be written.
            CancelledError: `progress` returned False.
        """
        require(audio_adapter is None, "audio_adapter is not supported; give an array to separate() instead")
        codec = str(getattr(codec, "value", codec))
        paths = output_paths(audio_descriptor, destination, self.chosen(stems), filename_format, codec)
        rate = probe_audio(audio_descriptor).sample_rate if keep_sample_rate else self.sample_rate
        blocks = self.stream_file(
            audio_descriptor, offset=offset, duration=duration, sample_rate=rate, progress=progress
        )
        form = StemFormat(codec, bitrate, sample_format, clip)
        return write_stems(blocks, paths, rate, self.framing.channels, form).paths

    def join(self, timeout: int = 200) -> None:
        """Spleeter's wait for its writers; returns at once, since `separate_to_file` returns when everything is written."""

    def chosen(self, stems: Sequence[str] | None) -> tuple[str, ...]:
        """The stems asked for, in the model's order; None is all.

        Raises:
            ConfigError: the model has no such stem, or none was chosen.
        """
        if stems is None:
            return self.stems
        unknown = [stem for stem in stems if stem not in self.stems]
        known = ", ".join(self.stems)
        require(not unknown, f"{self.model.name} has no stem {', '.join(map(repr, unknown))}; it has {known}")
        require(len(stems) > 0, f"no stem was chosen; {self.model.name} has {known}")
        return tuple(stem for stem in self.stems if stem in stems)

    def _separate_blocks(self, blocks: Iterable[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
        """`stream` at the model's rate."""
        stream = SegmentStream(self._run_segments, self.framing, len(self.stems))
        for block in blocks:
            finished = stream.process(self._checked(block))
            if finished.shape[1]:
                yield dict(zip(self.stems, finished, strict=True))
        finished = stream.flush()
        if finished.shape[1]:
            yield dict(zip(self.stems, finished, strict=True))

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
