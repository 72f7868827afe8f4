"""Excerpts as mp3, which every browser plays, in the fast mode of LAME: a large page holds hundreds of them."""

from __future__ import annotations

import base64
import io
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream

from spleeter_bench.errors import BenchError
from vocal_unet import read_audio

CODEC = "libmp3lame"
FAST = "7"
"""LAME's -q: half the time of its default of 3, and a difference that is below that of the bit rate."""


def encode(waveform: np.ndarray, sample_rate: int, bitrate: int) -> tuple[str, np.ndarray]:
    """A waveform as base64, and what a decoder makes of it, in samples as many.

    Args:
        waveform: float `(samples, 2)`; what lies beyond ±1 is clipped.
        sample_rate: Hz, one of mp3's.
        bitrate: bits per second.

    Raises:
        BenchError: mp3 has no such sample rate, or the temporary folder is full.
    """
    rates = av.Codec(CODEC, "w").audio_rates or ()
    if sample_rate not in rates:
        known = ", ".join(map(str, sorted(rates)))
        raise BenchError(
            f"the page's mp3s cannot have {sample_rate} Hz, only {known}; run on songs at one of these rates"
        )
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        options = {"compression_level": FAST}
        stream = cast(AudioStream, container.add_stream(CODEC, rate=sample_rate, layout="stereo", options=options))
        stream.bit_rate = bitrate
        samples = np.ascontiguousarray(np.clip(waveform, -1, 1), np.float32)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = sample_rate, Fraction(1, sample_rate), 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "excerpt.mp3"
        path.write_bytes(file.getvalue())
        decoded, _ = read_audio(path)
    return base64.b64encode(file.getvalue()).decode("ascii"), decoded
