"""All metrics of a song at once: museval's scenarios, medians, and what the flags say of frames and stems left out."""

from __future__ import annotations

import numpy as np
import pytest

from spleeter_bench.errors import MetricError
from spleeter_bench.metrics import METRICS, museval_reference, score, score_song
from spleeter_bench.metrics.bsseval import METRICS as BSSEVAL
from spleeter_bench.metrics.song import NEEDS_TWO, NO_REFERENCE

RATE = 4000


@pytest.fixture
def song() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Four true stems with their accompaniment, estimates of all five, and the mixture; three seconds."""
    rng = np.random.default_rng(11)
    names = ("vocals", "drums", "bass", "other")
    references = {name: 0.1 * rng.standard_normal((3 * RATE, 2)) for name in names}
    references["accompaniment"] = references["drums"] + references["bass"] + references["other"]
    mixture = references["vocals"] + references["accompaniment"]
    estimates = {
        name: signal + 0.2 * (mixture - signal) + 0.01 * rng.standard_normal(signal.shape)
        for name, signal in references.items()
    }
    return references, estimates, mixture


def medians(references: dict[str, np.ndarray], estimates: dict[str, np.ndarray], stems: list[str]) -> dict:
    """What museval and NumPy make of these stems compared with each other."""
    result = museval_reference.evaluate(
        references=[references[stem] for stem in stems],
        estimates=[estimates[stem] for stem in stems],
        window=RATE,
        hop=RATE,
    )
    return {
        stem: {name: np.nanmedian(getattr(result, name)[number]) for name in BSSEVAL}
        for number, stem in enumerate(stems)
    }


def test_vocals_and_accompaniment(song) -> None:
    references, estimates, mixture = song
    pair = ["vocals", "accompaniment"]
    found = score_song(
        references={stem: references[stem] for stem in pair}, estimates=estimates, mixture=mixture, sample_rate=RATE
    )
    assert list(found) == pair
    expected = medians(references, estimates, pair)
    for stem in pair:
        alone = score(reference=references[stem], estimate=estimates[stem], mixture=mixture)
        for name, value in alone.values.items():
            assert found[stem].values[name] == value
        for name in BSSEVAL:
            assert found[stem].values[name] == pytest.approx(expected[stem][name], abs=1e-6)
            assert found[stem].frames[name].shape == (3,)
            assert found[stem].values[name] == np.median(found[stem].frames[name])
        assert found[stem].flags == ()


def test_more_stems_are_compared_as_museval_compares_them(song) -> None:
    """Vocals count against the accompaniment; the others against each other with the vocals among them.

    One channel, because museval takes most of a minute for four stems in stereo.
    """
    references, estimates = ({name: signal[:, :1] for name, signal in signals.items()} for signals in song[:2])
    found = score_song(references=references, estimates=estimates, mixture=None, sample_rate=RATE)
    pair = medians(references, estimates, ["vocals", "accompaniment"])
    four = medians(references, estimates, ["vocals", "drums", "bass", "other"])
    assert abs(pair["vocals"]["sar"] - four["vocals"]["sar"]) > 1e-3, "the scenarios must differ"
    for stem in references:
        expected = (pair if stem in pair else four)[stem]
        for name in BSSEVAL:
            assert found[stem].values[name] == pytest.approx(expected[name], abs=1e-6)


def test_engines(song) -> None:
    references, estimates, _ = song
    pair = {stem: references[stem] for stem in ("vocals", "accompaniment")}
    options = {"references": pair, "estimates": estimates, "mixture": None, "sample_rate": RATE}
    own, theirs, none = (score_song(**options, bsseval=engine) for engine in ("own", "museval", "none"))
    assert own["vocals"].values == pytest.approx(theirs["vocals"].values, abs=1e-6)
    assert set(none["vocals"].values) == set(METRICS) and not none["vocals"].frames
    with pytest.raises(MetricError, match="'mine' computes no BSSEval"):
        score_song(**options, bsseval="mine")


def test_one_estimate_has_no_bsseval_and_says_so(song) -> None:
    references, estimates, mixture = song
    found = score_song(
        references=references, estimates={"vocals": estimates["vocals"]}, mixture=mixture, sample_rate=RATE
    )
    assert list(found) == ["vocals"]
    assert found["vocals"].flags == (NEEDS_TWO,)
    assert "si_sdr" in found["vocals"].values and "sdr" not in found["vocals"].values


def test_silent_stems_are_said(song) -> None:
    references, estimates, mixture = song
    silent = np.zeros_like(mixture)
    pair = {"vocals": silent, "accompaniment": references["accompaniment"]}
    found = score_song(references=pair, estimates=estimates, mixture=mixture, sample_rate=RATE)
    assert found["vocals"].values == {} and found["vocals"].flags[0] == NO_REFERENCE
    assert found["accompaniment"].flags == ("BSSEval is not defined, the reference vocals being silent",)
    assert "si_sdr" in found["accompaniment"].values
    pair["vocals"] = references["vocals"]
    found = score_song(references=pair, estimates={**estimates, "vocals": silent}, mixture=mixture, sample_rate=RATE)
    assert found["vocals"].flags[-1] == "BSSEval is not defined, the estimate vocals being silent"


def test_silent_frames_are_counted_in_the_flags(song) -> None:
    references, estimates, mixture = song
    references["vocals"][RATE : 2 * RATE] = 0
    pair = {stem: references[stem] for stem in ("vocals", "accompaniment")}
    found = score_song(references=pair, estimates=estimates, mixture=mixture, sample_rate=RATE)
    for stem in pair:
        assert found[stem].flags == ("BSSEval leaves out 1 of 3 frames, some source being silent",)
        assert np.isnan(found[stem].frames["sdr"]).tolist() == [False, True, False]
        assert np.isfinite(list(found[stem].values.values())).all()
