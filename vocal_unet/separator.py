"""The Python API: load a model once, then separate arrays, streams or files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from vocal_unet.audio import AudioWriter, decode_blocks
from vocal_unet.config import Rendering
from vocal_unet.errors import AudioError, ConfigError
from vocal_unet.graph import SegmentGraph
from vocal_unet.loading import LoadedModel, load_model
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
        mwf: refine the stems with a multichannel Wiener filter, Spleeter's `--mwf`.
        wiener_window: "song" takes the filter's statistics from the whole song, as Spleeter does, and so reads every song
            twice; "segment" from each segment (12 s in Spleeter's models), which also works on live streams.
        band: what happens above the frequencies the network sees (11 kHz in Spleeter's models): "spleeter", "extend" or
            "rest", see `vocal_unet.config.Rendering`.

    Raises:
        ConfigError: no such window or band, or a Wiener filter on other than two channels.
        VocalUnetError: what `load_model` raises.
    """

    def __init__(
        self,
        model: str | Path | LoadedModel = "spleeter:2stems",
        *,
        mwf: bool = False,
        wiener_window: str = "song",
        band: str = "spleeter",
    ) -> None:
        self.rendering = Rendering(mwf, wiener_window, band)
        self.model = model if isinstance(model, LoadedModel) else load_model(model)
        self.framing = self.model.framing
        self._graph = SegmentGraph(self.model, self.rendering)

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
        blocks = [waveform[start : start + step] for start in range(0, len(waveform), step)]
        stems = {stem: np.empty((len(waveform), self.framing.channels), np.float32) for stem in self.stems}
        done = 0
        for finished in self.stream(blocks):
            for stem, samples in finished.items():
                stems[stem][done : done + len(samples)] = samples
            done += len(samples)
        return stems

    def stream(
        self, blocks: Iterable[np.ndarray], listened: Callable[[int], None] | None = None
    ) -> Iterator[dict[str, np.ndarray]]:
        """Separate blocks `(samples, channels)` of one song as they come; yields the stems' finished samples in order.

        Together the yielded blocks are as long as the input and equal `separate` of the whole, however the input is cut.

        Args:
            blocks: the song. A Wiener filter over the whole song goes through it twice before anything comes out, so it
                takes a list, or something else that starts anew with every `for`, but no generator.
            listened: called with the number of samples heard so far while the statistics of the song are taken.

        Raises:
            AudioError: a block has another shape, or holds NaN or infinity.
            ConfigError: blocks that can be read only once, for a Wiener filter over the whole song.
        """
        separate = self._graph.separate
        if self.rendering.reads_twice:
            if iter(blocks) is blocks:
                raise ConfigError(
                    "the Wiener filter over a whole song reads it twice, which a stream cannot be; "
                    "use wiener_window='segment' (--wiener-window segment)"
                )
            statistics = self._graph.listen(self._counted(blocks, listened))
            separate = partial(separate, statistics=statistics)
        stream = SegmentStream(separate, self.framing, len(self.stems))
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
            progress: called with the number of samples separated so far; where the song is read twice, half of the
                samples count as done after the first time.

        Returns:
            The written file per stem.

        Raises:
            ConfigError: the format has unknown fields or gives two stems the same file.
            AudioError: the song cannot be read.
            OutputError: a file cannot be written.
        """
        paths = output_paths(audio_descriptor, destination, self.stems, filename_format, codec)
        decode = partial(
            decode_blocks,
            audio_descriptor,
            sample_rate=self.sample_rate,
            channels=self.framing.channels,
            offset=offset,
            duration=duration,
        )
        passes = 2 if self.rendering.reads_twice else 1
        done = heard = 0

        def listened(samples: int) -> None:
            nonlocal heard
            heard = samples
            if progress:
                progress(heard // 2)

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
            for finished in self.stream(_Rereadable(decode), listened):
                for stem, samples in finished.items():
                    writers[stem].write(samples)
                done += len(samples)
                if progress:
                    progress((heard + done) // passes)
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

    def _counted(self, blocks: Iterable[np.ndarray], listened: Callable[[int], None] | None) -> Iterator[np.ndarray]:
        """The checked blocks; says after each how many samples have gone by."""
        samples = 0
        for block in blocks:
            yield self._checked(block)
            samples += len(block)
            if listened:
                listened(samples)


class _Rereadable:
    """Blocks that are decoded anew each time somebody goes through them."""

    def __init__(self, decode: Callable[[], Iterator[np.ndarray]]) -> None:
        self._decode = decode

    def __iter__(self) -> Iterator[np.ndarray]:
        return self._decode()
