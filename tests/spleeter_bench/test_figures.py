"""Pictures for papers: every kind in every format, with names that look like formulas, and clear refusals."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spleeter_bench import cli, figures
from spleeter_bench.errors import BenchError
from spleeter_bench.estimates import kept_folders
from spleeter_bench.page import Excerpts
from tests.conftest import exit_code
from tests.page_run import SYSTEMS, Run, make_run

MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
DOLLARS = "$\\frac{1}{0}$ & $100"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    pytest.importorskip("matplotlib")
    return make_run(tmp_path_factory.mktemp("run"), SYSTEMS, (DOLLARS, "plain"))


def plot(*arguments: object) -> int:
    return exit_code(cli.app, "plot", *arguments)


@pytest.mark.parametrize("kind", ["box", "paired", "cost", "time"])
@pytest.mark.parametrize("suffix", figures.FORMATS)
def test_every_kind_in_every_format(run: Run, tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / "new" / f"picture{suffix}"
    assert plot(run.folder, "--kind", kind, "--song", "$", "-o", path) == 0
    assert path.read_bytes().startswith(MAGIC[suffix])
    assert [file.name for file in path.parent.iterdir()] == [path.name], "no temporary file is left"


def test_svg_says_names_as_they_are(run: Run, tmp_path: Path) -> None:
    assert plot(run.folder, "--kind", "time", "--song", "$", "-o", tmp_path / "a.svg") == 0
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "$\\frac{1}{0}$ &amp; $100" in text and "<script>window" not in text


def test_the_spectrograms_of_an_excerpt(run: Run, tmp_path: Path) -> None:
    folders = kept_folders(run.folder, SYSTEMS, DOLLARS)
    path = tmp_path / "spectrogram.png"
    figures.save(lambda: figures.spectrograms(run.tracks[0], folders, "vocals", Excerpts(2.0)), path, dpi=60)
    pixels = np.asarray(Image.open(path).convert("RGB"), int)
    assert pixels.shape[1] == 60 * figures.WIDTH
    # magma's dark and bright ends are both there: loud and silent parts on one scale
    assert (pixels.sum(axis=2) < 60).mean() > 0.05 and (np.ptp(pixels, axis=2) > 100).mean() > 0.02
    with pytest.raises(BenchError, match="--keep-estimates"):
        figures.save(lambda: figures.spectrograms(run.tracks[0], {"x": tmp_path}, "vocals", Excerpts()), path)


def test_what_cannot_be_drawn_is_said(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (("-o", tmp_path / "a.gif"), "written as .png"),
        (("-o", tmp_path / "a.png", "--metric", "nothing"), "it holds si_snr"),
        (("-o", tmp_path / "a.png", "--song", "nothing"), "no song with 'nothing'"),
        (("-o", tmp_path / "a.png", "--kind", "spectrogram"), "--data"),
        (("-o", tmp_path / "a.png", "--kind", "paired", "--systems", SYSTEMS[0]), "two systems"),
    ):
        assert plot(run.folder, *arguments) == 10
        assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert plot(run.folder, "-o", tmp_path / "a.png") == 10
    assert "pip install 'vocal-unet[plot]'" in capsys.readouterr().err
