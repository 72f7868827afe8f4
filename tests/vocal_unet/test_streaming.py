"""Streaming: any cutting into blocks gives the whole song's samples."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import snr
from vocal_unet.config import Framing
from vocal_unet.framing import frame_spectrogram, istft, overlap_add, stft
from vocal_unet.streaming import SegmentStream

FRAMING = Framing(frame_length=64, frame_step=16, segment_frames=8, bins=32)


def two_stems(samples: np.ndarray, valid_frames: np.ndarray) -> np.ndarray:
    """A mask that depends on the frame's place in its segment and on the bin, and the rest."""
    spectrogram = frame_spectrogram(samples, FRAMING)
    spectrogram *= tf.cast(tf.sequence_mask(valid_frames, 8)[:, :, None, None], tf.complex64)
    place = np.arange(8, dtype=np.complex64)[:, None, None] / 8
    shape = place * np.linspace(0, 1, 33, dtype=np.complex64)[:, None]
    return tf.stack(
        [overlap_add(spectrogram * shape, FRAMING), overlap_add(spectrogram * (1 - shape), FRAMING)]
    ).numpy()


def whole_song(waveform: np.ndarray) -> np.ndarray:
    """The same masks on the spectrogram of the whole song, as Spleeter does it."""
    spectrogram = stft(waveform, FRAMING).numpy()
    place = (np.arange(len(spectrogram)) % 8 / 8).astype(np.complex64)[:, None, None]
    shape = place * np.linspace(0, 1, 33, dtype=np.complex64)[:, None]
    return np.stack([istft(spectrogram * m, FRAMING, len(waveform)).numpy() for m in (shape, 1 - shape)])


def streamed(waveform: np.ndarray, block: int, **settings: int) -> np.ndarray:
    stream = SegmentStream(two_stems, FRAMING, 2, **settings)
    parts = [stream.process(waveform[start : start + block]) for start in range(0, len(waveform), block)]
    return np.concatenate([*parts, stream.flush()], axis=1)


@pytest.mark.parametrize("samples", [1, 63, 64, 65, 127, 128, 129, 176, 177, 500, 1000])
@pytest.mark.parametrize("block", [1, 15, 16, 17, 128, 1000])
def test_streaming_equals_the_whole_song(samples: int, block: int, tone) -> None:
    waveform = tone(samples)
    # Not bit-equal: overlap-add sums the frames in another order.
    assert snr(whole_song(waveform), streamed(waveform, block)) >= 120


@pytest.mark.parametrize("batch", [2, 3, 100])
def test_batches_of_segments_change_nothing(batch: int, tone) -> None:
    waveform = tone(1000)
    np.testing.assert_allclose(streamed(waveform, 700, batch_segments=batch), streamed(waveform, 700), atol=1e-7)


def test_stems_sum_to_the_mixture_and_inputs_are_not_changed(tone) -> None:
    waveform = tone(777)
    before = waveform.copy()
    assert snr(waveform, streamed(waveform, 100).sum(axis=0)) >= 120
    np.testing.assert_array_equal(waveform, before)


def test_an_empty_song_gives_nothing() -> None:
    assert SegmentStream(two_stems, FRAMING, 2).flush().shape == (2, 0, 2)


def test_flush_starts_a_new_song(tone) -> None:
    stream = SegmentStream(two_stems, FRAMING, 2)
    first = np.concatenate([stream.process(tone(300)), stream.flush()], axis=1)
    again = np.concatenate([stream.process(tone(300)), stream.flush()], axis=1)
    np.testing.assert_array_equal(first, again)


def test_memory_does_not_grow_with_the_song(tone) -> None:
    stream = SegmentStream(two_stems, FRAMING, 2)
    held = set()
    for _ in range(200):
        stream.process(tone(50))
        held.add(sum(len(part) for part in stream.state.pending))
    assert max(held) < FRAMING.segment_samples + 50
