"""Separate audio of any length block by block in constant memory, with the same samples as in one piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vocal_unet.config import Framing

SeparateSegments = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""What does the work on independent segments, knowing nothing of streams.

Takes samples float32 `(segments, segment_samples, channels)` and valid_frames int32 `(segments,)`; frames from
`valid_frames` on count as silent. Gives float32 `(stems, segments, segment_samples, channels)`: every segment's frames
windowed, overlapped and added, without its neighbours' share.
"""


@dataclass
class StreamState:
    """Everything a stream remembers between two blocks."""

    pending: list[np.ndarray]
    """Input from the first sample of the next segment on."""
    tail: np.ndarray
    """What the frames of the last segment add to the next one: `(stems, frame_length - frame_step, channels)`."""
    skip: int
    """Samples still to drop from the output: they belong to the zeros put in front."""
    received: int = 0
    delivered: int = 0
    segments: int = 0


class SegmentStream:
    """Cuts blocks into Spleeter's segments, has them separated and joins the results.

    Segments never see each other, so the result does not depend on how the input was cut into blocks. Output lags behind
    the input by up to one segment; `flush` delivers the rest, so that as many samples come out as went in.

    Args:
        separate_segments: does the work, see `SeparateSegments`.
        framing: window, hop and segment length.
        stems: how many stems come out.
        batch_segments: how many segments are handed over at once at most.
    """

    def __init__(
        self, separate_segments: SeparateSegments, framing: Framing, stems: int, batch_segments: int = 1
    ) -> None:
        self.framing = framing
        self.stems = stems
        self.batch_segments = batch_segments
        self._separate_segments = separate_segments
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next block starts a new song."""
        framing = self.framing
        self.state = StreamState(
            pending=[np.zeros((framing.frame_length, framing.channels), np.float32)],
            tail=np.zeros((self.stems, framing.frame_length - framing.frame_step, framing.channels), np.float32),
            skip=framing.frame_length,
        )

    def process(self, block: np.ndarray) -> np.ndarray:
        """Take the next samples, give those that are finished.

        Args:
            block: float32 `(samples, channels)`, any number of samples.

        Returns:
            float32 `(stems, samples, channels)`, often with no samples.
        """
        framing = self.framing
        self.state.received += len(block)
        self.state.pending.append(np.array(block, np.float32))
        pending = sum(len(part) for part in self.state.pending)
        ready = max(0, (pending - framing.segment_samples) // framing.segment_step + 1)
        return self._separate([framing.segment_frames] * ready)

    def flush(self) -> np.ndarray:
        """End the song: the samples still missing, float32 `(stems, samples, channels)`. The next block starts a new one."""
        framing, state = self.framing, self.state
        frames = framing.frames(state.received) - state.segments * framing.segment_frames
        valid = [min(framing.segment_frames, frames - first) for first in range(0, frames, framing.segment_frames)]
        needed = (len(valid) - 1) * framing.segment_step + framing.segment_samples
        pending = sum(len(part) for part in state.pending)
        state.pending.append(np.zeros((max(0, needed - pending), framing.channels), np.float32))
        missing = state.received - state.delivered
        finished = self._separate(valid)[:, :missing]
        self.reset()
        return finished

    def _separate(self, valid_frames: Sequence[int]) -> np.ndarray:
        """Separate the next `len(valid_frames)` segments of the pending input and join them to what came before."""
        framing, state = self.framing, self.state
        length = len(valid_frames) * framing.segment_step
        finished: np.ndarray = np.empty((self.stems, length, framing.channels), np.float32)
        if not valid_frames:
            return finished
        pending = np.concatenate(state.pending)
        for first in range(0, len(valid_frames), self.batch_segments):
            valid = np.asarray(valid_frames[first : first + self.batch_segments], np.int32)
            starts = framing.segment_step * np.arange(first, first + len(valid))
            samples = np.stack([pending[start : start + framing.segment_samples] for start in starts])
            stems = self._separate_segments(samples, valid)
            for segment, start in enumerate(starts):
                self._join(stems[:, segment], finished[:, start : start + framing.segment_step])
        state.segments += len(valid_frames)
        state.pending = [pending[len(valid_frames) * framing.segment_step :].copy()]
        finished = finished[:, state.skip :]
        state.skip = max(0, state.skip - len(valid_frames) * framing.segment_step)
        state.delivered += finished.shape[1]
        return finished

    def _join(self, segment: np.ndarray, finished: np.ndarray) -> None:
        """Add the last segment's tail, keep this one's, put the samples no later frame touches into `finished`."""
        step = self.framing.segment_step
        tail, self.state.tail = self.state.tail, segment[:, step:].copy()
        finished[:] = segment[:, :step]
        finished[:, : tail.shape[1]] += tail[:, :step]
        self.state.tail[:, : max(0, tail.shape[1] - step)] += tail[:, step:]
