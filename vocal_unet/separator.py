"""The Python API: load a model once, then separate arrays, streams or files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from vocal_unet.ahead import work_ahead
from vocal_unet.audio import decode_blocks, probe_audio
from vocal_unet.config import Execution, Rendering, require
from vocal_unet.device import choose_device, placed
from vocal_unet.errors import AudioError, CancelledError, ConfigError
from vocal_unet.exported import BlockStream, ExportedModel
from vocal_unet.graph import SegmentGraph
from vocal_unet.loading import DownloadProgress, LoadedModel, default_model, load_model
from vocal_unet.naming import FILENAME_FORMAT, output_paths
from vocal_unet.rates import Replayable, separate_at_rate
from vocal_unet.stem_files import StemFormat, write_stems
from vocal_unet.streaming import SegmentStream

DECODED_AHEAD = 4
"""Blocks of 65536 samples that wait for the network."""

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
        model: what `load_model` takes, or what it gave; left out, what `default_model` says. Spleeter's name for it,
            `params_descriptor`, is taken as well.
        MWF: Spleeter's name of `mwf`.
        multiprocess: taken for Spleeter's sake, without effect: encoding needs no processes of its own.
        mwf: refine the stems with a multichannel Wiener filter, Spleeter's `--mwf`.
        wiener_window: "song" takes the filter's statistics from the whole song, as Spleeter does, and so reads every song
            twice; "segment" from each segment (12 s in Spleeter's models), which also works on live streams.
        device: `cpu`, `gpu` or `gpu:N`; None leaves the choice to TensorFlow, which takes a GPU where it sees one.
        precision: what the network computes in: float32, bfloat16 (fast on CPUs that have it) or float16 (on GPUs);
            docs/performance.md says what 16 bits cost in dB.
        download: told how far a download of weights is.
        band: what happens above the frequencies the network sees (11 kHz in Spleeter's models): "spleeter", "extend" or
            "rest", see `vocal_unet.config.Rendering`.

    Raises:
        ConfigError: no such window, band, device or precision, or a Wiener filter on other than two channels.
        VocalUnetError: what `load_model` raises.
    """

    def __init__(
        self,
        model: str | Path | LoadedModel | ExportedModel | None = None,
        MWF: bool = False,
        multiprocess: bool = True,
        *,
        params_descriptor: str | Path | None = None,
        mwf: bool = False,
        wiener_window: str = "song",
        band: str = "spleeter",
        device: str | None = None,
        precision: str = "float32",
        download: DownloadProgress | None = None,
    ) -> None:
        self.rendering = Rendering(mwf or MWF, wiener_window, band)
        if params_descriptor is not None:
            model = params_descriptor
        if model is None:
            model = default_model()
        execution = Execution(device, precision)
        chosen = choose_device(device)
        with placed(chosen):
            self.model = load_model(model, download) if isinstance(model, (str, Path)) else model
            self._graph = (
                SegmentGraph(self.model, self.rendering, chosen, execution.precision)
                if isinstance(self.model, LoadedModel)
                else None
            )
        self.framing = self.model.framing
        require(
            self._graph is not None or execution == Execution(),
            f"{self.model.name}: an export runs where its runtime runs it, in the precision it was made with; leave out the "
            "device and the precision",
        )
        require(
            self._graph is not None or not (self.rendering.mwf or self.rendering.band != "spleeter"),
            f"{self.model.name}: what an export does with its masks was settled when it was made; "
            "a Wiener filter or another band need the model it was made from",
        )

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

    def mask_network(self, magnitude: np.ndarray | tf.Tensor) -> dict[str, tf.Tensor]:
        """The network alone, as it is run here: what takes most of the time.

        Args:
            magnitude: of the mixture, float32 `(segments, frames, bins, channels)`.

        Returns:
            What the network puts out, by name, each of the same shape.

        Raises:
            ConfigError: the model is an export.
        """
        require(self._graph is not None, f"{self.model.name}: an export does not show its network")
        assert self._graph is not None
        return self._graph.run_network(magnitude)

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
        for finished in self._stream(blocks, self.sample_rate, progress, ahead=True):
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
            blocks: the song. A Wiener filter over the whole song goes through it twice before anything comes out, so it
                takes a list, or something else that starts anew with every `for`, but no generator.
            sample_rate: Hz of the blocks and of the stems; None is the model's own rate. Any other is resampled to the
                model's rate and back.
            progress: called with the number of samples yielded so far; cancels when it returns False. Where the song is
                read twice, half of its samples count as done after the first time.

        Raises:
            AudioError: a block has another shape, or holds NaN or infinity.
            CancelledError: `progress` returned False.
            ConfigError: blocks that can be read only once, for a Wiener filter over the whole song.
        """
        return self._stream(blocks, self.sample_rate if sample_rate is None else sample_rate, progress)

    def _stream(
        self, blocks: Iterable[np.ndarray], rate: int, progress: ProgressCallback | None, *, ahead: bool = False
    ) -> Iterator[dict[str, np.ndarray]]:
        """`stream`; with `ahead` one more block of stems is separated while the caller is busy with the one before."""
        passes = 2 if self.rendering.reads_twice else 1
        done = heard = 0

        def report() -> None:
            if progress is not None and progress((heard + done) // passes) is False:
                raise CancelledError("cancelled")

        def listened(samples: int) -> None:
            nonlocal heard
            heard = samples * rate // self.sample_rate
            report()

        separate = partial(self._separate_blocks, listened=listened)
        separated = separate_at_rate(separate, blocks, rate=rate, model_rate=self.sample_rate)
        for finished in work_ahead(separated) if ahead else separated:
            yield finished
            done += len(next(iter(finished.values())))
            report()

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

        The file is decoded, and its stems are separated, a little ahead of whoever takes them, in threads of their own.

        Raises:
            AudioError: the song cannot be read.
            CancelledError: `progress` returned False.
        """
        rate = self.sample_rate if sample_rate is None else sample_rate
        decode = partial(
            decode_blocks,
            audio_descriptor,
            sample_rate=rate,
            channels=self.framing.channels,
            offset=offset,
            duration=duration,
        )
        return self._stream(Replayable(lambda: work_ahead(decode(), DECODED_AHEAD)), rate, progress, ahead=True)

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

    def _separate_blocks(
        self, blocks: Iterable[np.ndarray], listened: Callable[[int], None]
    ) -> Iterator[dict[str, np.ndarray]]:
        """`stream` at the model's rate; `listened` hears how far a first reading for statistics has come."""
        stream = self._open_stream(blocks, listened)
        for block in blocks:
            finished = stream.process(self._checked(block))
            if finished.shape[1]:
                yield dict(zip(self.stems, finished, strict=True))
        finished = stream.flush()
        if finished.shape[1]:
            yield dict(zip(self.stems, finished, strict=True))

    def _open_stream(self, blocks: Iterable[np.ndarray], listened: Callable[[int], None]) -> BlockStream:
        if self._graph is None:
            assert isinstance(self.model, ExportedModel)
            return self.model.open_stream()
        separate = self._graph.separate
        if self.rendering.reads_twice:
            if iter(blocks) is blocks:
                raise ConfigError(
                    "the Wiener filter over a whole song reads it twice, which a stream cannot be; "
                    "use wiener_window='segment' (--wiener-window segment)"
                )
            statistics = self._graph.listen(self._counted(blocks, listened))
            separate = partial(separate, statistics=statistics)
        return SegmentStream(separate, self.framing, len(self.stems), self._graph.segments_at_once)

    def _checked(self, block: np.ndarray) -> np.ndarray:
        block = np.asarray(block, np.float32)
        if block.ndim != 2 or not block.shape[1]:
            raise AudioError(f"a block of samples has the shape (samples, channels), not {block.shape}")
        if not np.isfinite(block).all():
            raise AudioError("the audio holds samples that are not numbers (NaN or infinity)")
        if block.shape[1] == 1:
            return np.repeat(block, self.framing.channels, axis=1)
        return block[:, : self.framing.channels]

    def _counted(self, blocks: Iterable[np.ndarray], listened: Callable[[int], None]) -> Iterator[np.ndarray]:
        """The checked blocks; says after each how many samples have gone by."""
        samples = 0
        for block in blocks:
            yield self._checked(block)
            samples += len(block)
            listened(samples)
