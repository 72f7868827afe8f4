"""The audit of the paper's table: the figures it prints, and that they come from the axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spleeter_bench import audit
from spleeter_bench.metrics import si_sdr, si_snr


def test_the_mixture_of_the_real_clip(clip_path: Path) -> None:
    from spleeter_bench.tracks import find_tracks

    song = find_tracks(["example"])[0].load()
    vocals = song.references["vocals"]
    wide, narrow = audit.compare_axes("mixture", reference=vocals, estimate=song.mixture)
    assert (wide.dtype, narrow.dtype) == ("float64", "float32")
    for line in (wide, narrow):
        assert line.right_si_snr == pytest.approx(-6.99, abs=0.005)
        assert line.right_si_sdr == pytest.approx(-6.99, abs=0.005)
    # another decoder's last bit moves the float64 floor by tenths of a dB
    assert wide.wrong_si_snr == pytest.approx(124.9, abs=0.2)
    assert wide.wrong_si_sdr == pytest.approx(5.95, abs=0.05)
    assert narrow.wrong_si_snr == pytest.approx(31.8, abs=0.2)
    assert narrow.wrong_si_sdr == pytest.approx(5.7, abs=0.1)
    assert wide.right_si_snr == pytest.approx(si_snr(reference=vocals, estimate=song.mixture), abs=1e-9)
    assert wide.right_si_sdr == pytest.approx(si_sdr(reference=vocals, estimate=song.mixture), abs=1e-9)


def test_noise_scores_as_well_as_anything_along_the_wrong_axis() -> None:
    rng = np.random.default_rng(0)
    reference, estimate = 0.1 * rng.standard_normal((2, 5000, 2))
    line = audit.compare_axes("noise", reference=reference, estimate=estimate)[0]
    assert line.right_si_snr < -30 and line.wrong_si_snr > 100


def test_the_page_says_what_the_paper_printed() -> None:
    line = audit.Line("mixture", "float64", -6.99, -6.98, 124.9, 5.95)
    page = audit.render([line])
    rows = page.splitlines()
    assert any(row.split() == ["mixture", "float64", "-6.99", "/", "-6.98", "124.90", "/", "5.95"] for row in rows)
    assert any("its model" in row and row.endswith("122.79 / 12.63") for row in rows)
    assert any("Spleeter" in row and row.endswith("36.89 / 9.79") for row in rows)
    assert rows[-3:] == list(audit.EXPLANATION)
