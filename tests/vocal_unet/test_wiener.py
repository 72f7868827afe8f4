"""The Wiener filter: norbert's own numbers, whole songs in pieces, and which stems it may give."""

from __future__ import annotations

from pathlib import Path

import norbert
import numpy as np
import pytest

from tests.conftest import snr
from vocal_unet import Separator
from vocal_unet.config import Framing
from vocal_unet.errors import ConfigError
from vocal_unet.framing import istft, stft
from vocal_unet.wiener import collect, merge, wiener_filter

FRAMING = Framing(frame_length=512, frame_step=128, segment_frames=64, bins=192)


def network_outputs(spectrogram: np.ndarray, stems: int, seed: int = 0) -> np.ndarray:
    """Magnitudes as a network would give them, independent shares of the mixture: `(stems, frames, bins, channels)`."""
    shares = np.random.default_rng(seed).uniform(0.01, 1, (stems, *spectrogram.shape)).astype(np.float32)
    return (shares * np.abs(spectrogram))[:, :, : FRAMING.bins]


def by_norbert(estimates: np.ndarray, spectrogram: np.ndarray, dtype: type) -> np.ndarray:
    """`norbert.wiener` as Spleeter calls it, in float32 or, as norbert recommends, in float64: stems first."""
    v = np.moveaxis(estimates, 0, 3)
    v = np.pad(v, [(0, 0), (0, spectrogram.shape[1] - v.shape[1]), (0, 0), (0, 0)])
    x = spectrogram.astype(np.result_type(dtype, np.complex64))
    return np.moveaxis(norbert.wiener(v.astype(dtype), x, eps=np.finfo(np.float32).eps), 3, 0)


SIGNALS = pytest.mark.parametrize("signal", ["stereo", "mono", "quiet", "silent right"])


def make(signal: str, tone) -> np.ndarray:
    waveform = 2 * tone(30_000)
    if signal == "mono":
        waveform[:, 1] = waveform[:, 0]
    if signal == "quiet":
        waveform *= 1e-3
    if signal == "silent right":
        waveform[:, 1] = 0
    return waveform


@SIGNALS
@pytest.mark.parametrize("stems", [2, 5])
def test_it_is_norberts_filter(signal: str, stems: int, tone) -> None:
    spectrogram = stft(make(signal, tone), FRAMING).numpy()
    estimates = network_outputs(spectrogram, stems)
    mixture = spectrogram[None]
    batch = [estimate[None] for estimate in estimates]
    ours = wiener_filter(batch, mixture, merge(collect(batch, mixture))).numpy()[:, 0]
    # The result is complex64: 24 bits are 144 dB.
    exact = by_norbert(estimates, spectrogram, np.float64)[:, :, : FRAMING.bins]
    assert snr(_real(exact), _real(ours)) >= 140
    # What Spleeter computes in float32. Its 2x2 inverse loses digits where the channels are nearly equal.
    spleeters = by_norbert(estimates, spectrogram, np.float32)
    waveforms = [[istft(s, FRAMING, 30_000).numpy() for s in stem] for stem in (spleeters, _full(ours))]
    for theirs, mine in zip(*waveforms, strict=True):
        assert snr(theirs, mine) >= 100


def _real(values: np.ndarray) -> np.ndarray:
    return np.stack([values.real, values.imag])


def _full(stems: np.ndarray) -> np.ndarray:
    return np.pad(stems, [(0, 0), (0, 0), (0, FRAMING.stft_bins - FRAMING.bins), (0, 0)])


def test_statistics_of_a_song_do_not_depend_on_its_segments(tone) -> None:
    spectrogram = stft(tone(30_000), FRAMING).numpy()[:224]
    estimates = network_outputs(spectrogram, 2)
    whole = merge(collect([e[None] for e in estimates], spectrogram[None]))
    pieces = [
        collect([e[None, start : start + 56] for e in estimates], spectrogram[None, start : start + 56])
        for start in range(0, 224, 56)
    ]
    for value, expected in zip(merge(pieces[0], merge(*pieces[1:])), whole, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)
    batched = collect(
        [e.reshape(4, 56, *e.shape[1:]) for e in estimates], spectrogram.reshape(4, 56, *spectrogram.shape[1:])
    )
    np.testing.assert_allclose(merge(batched).covariance, whole.covariance, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("samples", [0, 1, 2205, 8191, 30_000])
def test_a_whole_song_in_pieces_is_norbert_on_the_whole_song(samples: int, small_spleeter: Path, tone) -> None:
    separator = Separator(small_spleeter, mwf=True)
    waveform = tone(samples)
    stems = separator.separate(waveform)
    spectrogram = stft(waveform, FRAMING).numpy()
    padded = np.pad(np.abs(spectrogram), [(0, -len(spectrogram) % 64), (0, 0), (0, 0)])[:, : FRAMING.bins]
    outputs = separator.model.network(padded.reshape(-1, 64, *padded.shape[1:]), training=False)
    estimates = np.stack([outputs[s].numpy().reshape(padded.shape)[: len(spectrogram)] for s in separator.stems])
    expected = by_norbert(estimates, spectrogram, np.float64).astype(np.complex64)
    for stem, theirs in zip(stems.values(), expected, strict=True):
        # float32 STFT, network and inverse on both sides
        assert snr(istft(theirs, FRAMING, samples).numpy(), stem) >= 105 or samples == 0
        assert stem.shape == (samples, 2)


def test_segment_statistics_are_another_result_and_need_one_pass(small_spleeter: Path, tone) -> None:
    waveform = tone(30_000)
    song = Separator(small_spleeter, mwf=True).separate(waveform)["vocals"]
    separator = Separator(small_spleeter, mwf=True, wiener_window="segment")
    blocks = (waveform[start : start + 997] for start in range(0, 30_000, 997))
    streamed = np.concatenate([part["vocals"] for part in separator.stream(blocks)])
    np.testing.assert_array_equal(streamed, separator.separate(waveform)["vocals"])
    assert 5 < snr(song, streamed) < 80


def test_a_song_of_one_segment_is_the_same_in_both_windows(small_spleeter: Path, tone) -> None:
    waveform = tone(7000)
    song = Separator(small_spleeter, mwf=True).separate(waveform)
    segment = Separator(small_spleeter, mwf=True, wiener_window="segment").separate(waveform)
    assert all(snr(song[stem], segment[stem]) >= 120 for stem in song)  # sums in another order


def test_a_generator_cannot_be_read_twice(small_spleeter: Path, tone) -> None:
    with pytest.raises(ConfigError, match="--wiener-window segment"):
        next(Separator(small_spleeter, mwf=True).stream(iter([tone(100)])))


@pytest.mark.parametrize("setting", [{"wiener_window": "bar"}, {"band": "full"}])
def test_unknown_choices_are_named(setting: dict, small_spleeter: Path) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(setting))} must be one of"):
        Separator(small_spleeter, **setting)
