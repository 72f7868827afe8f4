"""Changes the sample rate of a waveform block by block with FFmpeg's libswresample."""

from __future__ import annotations

import av
import numpy as np

# libswresample gives nothing at all for inputs shorter than its filter, however it is flushed.
SHORT_INPUT_PADDING = 4096


class Resampler:
    """Resamples `float32 (n, channels)` blocks; the result does not depend on how the input is cut into blocks.

    After `flush` exactly `round(n_in * rate_out / rate_in)` samples, but at least 1, have come out, aligned with the
    input (the filter's delay is compensated). Filter settings are FFmpeg's defaults, hence those of Spleeter's
    `ffmpeg -ar`.
    """

    def __init__(self, rate_in: int, rate_out: int, channels: int) -> None:
        self._rates = rate_in, rate_out
        # One mono resampler per channel gives the same samples and needs no channel layout.
        self._resamplers = [av.AudioResampler(format="fltp", layout="mono", rate=rate_out) for _ in range(channels)]
        self._taken = 0
        self._given = 0

    def process(self, block: np.ndarray) -> np.ndarray:
        """The output that is ready after `block`, `float32 (m, channels)`, m ≥ 0."""
        if not len(block):
            return block
        self._taken += len(block)
        return self._count(self._push(block))

    def flush(self) -> np.ndarray:
        """The rest, `float32 (m, channels)`."""
        due = self._due() - self._given
        if due <= 0:
            return np.zeros((0, len(self._resamplers)), np.float32)
        parts = []
        if self._given == 0:
            parts.append(self._push(np.zeros((SHORT_INPUT_PADDING, len(self._resamplers)), np.float32)))
        parts.append(self._join([resampler.resample(None) for resampler in self._resamplers]))
        rest = np.concatenate(parts)[:due]
        return self._count(np.pad(rest, ((0, due - len(rest)), (0, 0))))

    def _due(self) -> int:
        rate_in, rate_out = self._rates
        return max(min(self._taken, 1), (2 * self._taken * rate_out + rate_in) // (2 * rate_in))

    def _count(self, block: np.ndarray) -> np.ndarray:
        block = block[: self._due() - self._given]
        self._given += len(block)
        return block

    def _push(self, block: np.ndarray) -> np.ndarray:
        frames = []
        for channel, resampler in enumerate(self._resamplers):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(block[:, channel], np.float32)[np.newaxis], format="fltp", layout="mono"
            )
            frame.sample_rate = self._rates[0]
            frames.append(resampler.resample(frame))
        return self._join(frames)

    def _join(self, channels: list[list[av.AudioFrame]]) -> np.ndarray:
        empty: np.ndarray = np.zeros((1, 0), np.float32)
        return np.concatenate(
            [np.concatenate([empty, *(frame.to_ndarray() for frame in frames)], axis=1) for frames in channels]
        ).T
