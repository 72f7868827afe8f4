"""The original Spleeter 2.4.2 itself, in its own environment, with generated weights."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import numpy as np
import pytest

from spleeter_bench.errors import BenchError, SystemFailedError, SystemUnavailableError
from spleeter_bench.sidecar.checkpoints import generate_checkpoint
from spleeter_bench.systems import make_system

pytestmark = [pytest.mark.original, pytest.mark.slow]

SMALL = {
    "mix_name": "mix",
    "instrument_list": ["vocals", "accompaniment"],
    "sample_rate": 44100,
    "frame_length": 4096,
    "frame_step": 1024,
    "T": 128,
    "F": 256,
    "n_channels": 2,
    "separation_exponent": 2,
    "mask_extension": "zeros",
    "model_dir": "small",
    "model": {"type": "unet.unet", "params": {"conv_n_filters": [2, 4, 4, 8, 8, 8]}},
}
NOISE = np.random.default_rng(0).uniform(-0.3, 0.3, (60_000, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JSON file that describes a tiny network of Spleeter's kind, the checkpoint `small/` beside it."""
    folder = tmp_path_factory.mktemp("models")
    path = folder / "small.json"
    path.write_text(json.dumps(SMALL))
    generate_checkpoint(str(path), folder, seed=1)
    return path


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send Spleeter's download to a port nobody listens on."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("GITHUB_HOST", f"http://127.0.0.1:{unused.getsockname()[1]}")


def test_separates_with_generated_weights(configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_PATH", str(configuration.parent))
    with make_system(f"spleeter:{configuration}") as system:
        first = system.separate(NOISE, 44100).stems
        second = system.separate(NOISE, 44100).stems
        mono = system.separate(NOISE[:, :1], 44100).stems
        assert mono["vocals"].shape == NOISE.shape, "Spleeter makes mono stereo"
        with pytest.raises(SystemFailedError, match="44100 Hz, not 48000 Hz"):
            system.separate(NOISE, 48000)
    assert system.info.weights == "generated random weights"
    assert system.info.versions["spleeter"] == "2.4.2"
    assert set(first) == {"vocals", "accompaniment"}
    for stem, audio in first.items():
        assert audio.shape == NOISE.shape
        np.testing.assert_array_equal(audio, second[stem])
        # A mask that is neither 0 nor 1: the stem is neither silent nor the mixture.
        assert 0.01 < np.std(audio) / np.std(NOISE) < 0.9
        assert np.std(audio - NOISE) > 0.1 * np.std(NOISE)


def test_wiener_filtering_changes_the_stems_and_adds_up(configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_PATH", str(configuration.parent))
    stems = {}
    for suffix in ("", "@mwf"):
        with make_system(f"spleeter:{configuration}{suffix}") as system:
            stems[suffix] = system.separate(NOISE, 44100).stems["vocals"]
    assert np.std(stems[""] - stems["@mwf"]) > 0.01 * np.std(stems[""])


def test_the_same_seed_gives_the_same_checkpoint(configuration: Path, tmp_path: Path) -> None:
    made = [generate_checkpoint(str(configuration), tmp_path / str(n), seed=seed) for n, seed in enumerate((1, 1, 2))]
    data = [(folder / "model-0.data-00000-of-00001").read_bytes() for folder in made]
    assert data[0] == data[1] != data[2]
    assert json.loads((made[0] / ".source.json").read_text())["source"] == "generated"
    assert (made[0] / "checkpoint").exists() and (made[0] / ".probe").exists()


def test_generated_weights_never_replace_real_ones(configuration: Path, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "model.index").write_text("trained for weeks")
    with pytest.raises(BenchError, match="holds something else than generated weights"):
        generate_checkpoint(str(configuration), tmp_path)
    assert (tmp_path / "small" / "model.index").read_text() == "trained for weeks"


def test_weights_that_cannot_be_downloaded(tmp_path: Path, no_download: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_PATH", str(tmp_path))
    (tmp_path / "2stems").mkdir()  # what Spleeter leaves behind when its download fails
    with pytest.raises(
        SystemUnavailableError, match=r"weights could not be downloaded .*put them in .*2stems"
    ) as caught:
        make_system("spleeter:2stems").start()
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] in ([], ["2stems"])
    assert not list(tmp_path.glob("2stems/*"))


def test_a_damaged_folder_is_not_separated_with(
    tmp_path: Path, no_download: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_PATH", str(tmp_path))
    (tmp_path / "2stems").mkdir()
    (tmp_path / "2stems" / ".probe").write_text("OK")
    with pytest.raises(SystemUnavailableError, match="holds no complete checkpoint"):
        make_system("spleeter:2stems").start()


def test_an_unknown_configuration_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_PATH", str(tmp_path))
    with pytest.raises(SystemFailedError, match="No embedded configuration 3stems found"):
        make_system("spleeter:3stems").start()
