"""museval's own regression case, for whoever has its data: no package ships them, so elsewhere this is skipped.

    git clone https://github.com/sigsep/sigsep-mus-eval
    MUSEVAL_REPOSITORY=sigsep-mus-eval python -m pytest tests/spleeter_bench/test_museval_regression.py

The expected numbers are tests/data/Music Delta - 80s Rock.json of that repository; the song lies beside them, or where
`musdb.DB(download=True)` puts its sample.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from spleeter_bench.metrics import bsseval, museval_reference
from vocal_unet import read_audio

SONG = "Music Delta - 80s Rock"
MUSDB_SAMPLE = Path("~/MUSDB18/MUSDB18-7").expanduser()
TOLERANCE = 1e-3
"""dB; museval's own, whose numbers have five decimals and were made with another decoder."""


@pytest.mark.parametrize("engine", [bsseval, museval_reference], ids=["own", "museval"])
def test_random_estimates_get_the_published_numbers(engine) -> None:
    if "MUSEVAL_REPOSITORY" not in os.environ:
        pytest.skip("museval's test data are wanted: set MUSEVAL_REPOSITORY to a clone of sigsep-mus-eval")
    data = Path(os.environ["MUSEVAL_REPOSITORY"]) / "tests" / "data"
    expected = json.loads((data / f"{SONG}.json").read_text("utf-8"))
    found = [path for folder in (data, MUSDB_SAMPLE) for path in folder.rglob(f"{SONG}.stem.mp4")]
    assert found, f"no {SONG}.stem.mp4 below {data} or {MUSDB_SAMPLE}"

    mixture, drums, bass, other, vocals = (read_audio(found[0], stream=stream)[0] for stream in range(5))
    # as museval's test makes its estimates
    state = np.random.RandomState(0)
    estimates = {stem: state.random_sample(mixture.shape) for stem in ("vocals", "accompaniment")}
    references = {"vocals": vocals, "accompaniment": drums + bass + other}
    result = engine.evaluate(references=references, estimates=estimates)
    for target in expected["targets"]:
        for metric in ("SDR", "ISR", "SIR", "SAR"):
            published = [frame["metrics"][metric] for frame in target["frames"]]
            frames = result.by_metric(target["name"])[metric.lower()]
            np.testing.assert_allclose(frames, published, atol=TOLERANCE, rtol=0, err_msg=f"{target['name']} {metric}")
