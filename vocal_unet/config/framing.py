"""How a waveform becomes the spectrogram segments a network sees."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from vocal_unet.config.base import Config, require


@dataclass(frozen=True)
class Framing(Config):
    """How a waveform becomes spectrogram segments.

    A waveform `(samples, channels)` at `sample_rate` Hz gets `frame_length` zeros in front and is cut into Hann-windowed
    frames every `frame_step` samples; `segment_frames` consecutive frames make a segment, of which the network sees the
    lowest `bins` of `frame_length // 2 + 1` frequency bins. The defaults are Spleeter's (T = 512, F = 1024).
    """

    sample_rate: int = 44100
    channels: int = 2
    frame_length: int = 4096
    frame_step: int = 1024
    segment_frames: int = 512
    bins: int = 1024

    SPLEETER: ClassVar[Framing]
    PAPER: ClassVar[Framing]

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            require(
                isinstance(value, int) and value >= 1, f"{field.name} must be a positive whole number, not {value!r}"
            )
        require(
            self.frame_length % self.frame_step == 0 and self.frame_length // self.frame_step >= 3,
            f"frame_length must be a multiple, at least the third, of frame_step: {self.frame_length} and "
            f"{self.frame_step} leave the squared Hann window uneven, so the inverse would not be exact",
        )
        require(
            self.bins <= self.stft_bins,
            f"bins must be at most frame_length / 2 + 1 = {self.stft_bins}, not {self.bins}",
        )

    @property
    def stft_bins(self) -> int:
        """All frequency bins of a frame: frame_length // 2 + 1."""
        return self.frame_length // 2 + 1

    @property
    def segment_samples(self) -> int:
        """Samples under one segment: (segment_frames - 1) * frame_step + frame_length."""
        return (self.segment_frames - 1) * self.frame_step + self.frame_length

    @property
    def segment_step(self) -> int:
        """Samples between the starts of two segments: segment_frames * frame_step."""
        return self.segment_frames * self.frame_step

    def frames(self, samples: int) -> int:
        """Frames of a whole waveform: ceil((frame_length + samples) / frame_step), as Spleeter pads."""
        return -(-(self.frame_length + samples) // self.frame_step)


Framing.SPLEETER = Framing()
Framing.PAPER = Framing(frame_length=2048, frame_step=512, segment_frames=587, bins=1025)
FRAMINGS: dict[str, Framing] = {"spleeter": Framing.SPLEETER, "paper": Framing.PAPER}
