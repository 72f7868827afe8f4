"""The systems a user can name: specs, the baselines, and what an unavailable model says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spleeter_bench.errors import BenchError, SystemFailedError
from spleeter_bench.rival import FOLDER
from spleeter_bench.systems import make_system
from spleeter_bench.systems.oracles import accompaniment

SAMPLES = 44100


@pytest.fixture(scope="module")
def song() -> dict[str, np.ndarray]:
    """A vibrato tone as vocals, decaying noise as drums, both stereo and one second long."""
    seconds = np.arange(SAMPLES) / 44100
    tone = np.sin(2 * np.pi * (440 * seconds + 3 * np.sin(2 * np.pi * 5 * seconds)))
    burst = np.random.default_rng(0).standard_normal((SAMPLES, 2)) * np.exp(-10 * (seconds % 0.25))[:, None]
    return {
        "vocals": (0.3 * tone[:, None] * [1, 0.8]).astype(np.float32),
        "drums": (0.1 * burst).astype(np.float32),
    }


def snr(reference: np.ndarray, estimate: np.ndarray) -> float:
    return 10 * np.log10(np.sum(reference**2) / np.sum((reference - estimate) ** 2))


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "mixture:x",
        "oracle",
        "oracle:none",
        "oracle:irm@x",
        "vocal-unet",
        "vocal-unet:",
        "keras:",
        "spleeter",
        "demucs",
    ],
)
def test_an_unknown_spec_names_the_known_ones(spec: str) -> None:
    with pytest.raises(
        BenchError, match=r"unknown system .*mixture, .*oracle:irm, .*vocal-unet:PATH .*spleeter:2stems"
    ):
        make_system(spec)


@pytest.mark.parametrize(
    ("spec", "needs_references"),
    [
        ("mixture", False),
        ("oracle:irm", True),
        ("oracle:irm@paper", True),
        ("vocal-unet:.", False),
        ("keras:spleeter:2stems", False),
        ("keras:spleeter:2stems@mwf", False),
        ("vocal-unet:demo@mwf", False),
        ("spleeter:2stems", False),
        ("spleeter:my/model.json@mwf", False),
    ],
)
def test_making_a_system_starts_nothing(spec: str, needs_references: bool) -> None:
    system = make_system(spec)
    assert system.spec == spec
    assert system.needs_references is needs_references


def test_mixture_is_the_mixture_and_needs_no_tensorflow(song: dict[str, np.ndarray]) -> None:
    mixture = song["vocals"] + song["drums"]
    with make_system("mixture") as system:
        separation = system.separate(mixture, 44100, references=song)
    np.testing.assert_array_equal(separation.stems["vocals"], mixture)
    np.testing.assert_array_equal(separation.stems["accompaniment"], mixture)
    assert "tensorflow" not in system.info.versions
    # TensorFlow alone needs more than 200 MB.
    assert separation.peak_memory < 150_000_000


@pytest.mark.parametrize("spec", ["oracle:irm", "oracle:irm@paper"])
def test_the_oracle_beats_the_mixture_by_far(spec: str, song: dict[str, np.ndarray]) -> None:
    mixture = song["vocals"] + song["drums"]
    with make_system(spec) as system:
        stems = system.separate(mixture, 44100, references=song).stems
        with pytest.raises(SystemFailedError, match="needs the reference vocals"):
            system.separate(mixture, 44100, references={"drums": song["drums"]})
    assert snr(song["vocals"], stems["vocals"]) > snr(song["vocals"], mixture) + 6
    # The two masks add up to one; float32 STFTs there and back lose about 120 dB.
    assert snr(mixture, stems["vocals"] + stems["accompaniment"]) > 100


def test_the_oracle_refuses_to_run_without_references(song: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="reference stems"):
        make_system("oracle:irm").separate(song["vocals"], 44100)


def test_accompaniment_is_the_reference_the_sum_or_the_rest(song: dict[str, np.ndarray]) -> None:
    vocals, drums = song["vocals"], song["drums"]
    mixture = vocals + drums
    np.testing.assert_array_equal(
        accompaniment(mixture, {"vocals": vocals, "accompaniment": drums, "bass": vocals}), drums
    )
    np.testing.assert_array_equal(
        accompaniment(mixture, {"vocals": vocals, "drums": drums, "bass": drums}), drums + drums
    )
    np.testing.assert_allclose(accompaniment(mixture, {"vocals": vocals}), drums, atol=1e-7)


@pytest.mark.parametrize("spec", ["keras:rival@mwf", "vocal-unet:demo@mwf"])
def test_our_models_take_the_wiener_filter(spec: str, song: dict[str, np.ndarray]) -> None:
    from vocal_unet import Separator

    mixture = song["vocals"] + song["drums"]
    model = FOLDER if "rival" in spec else "vocal-unet:demo"
    expected = Separator(model, mwf=True).separate(mixture)
    plain = Separator(model).separate(mixture)
    with make_system(spec) as system:
        stems = system.separate(mixture, 44100).stems
    for stem, samples in expected.items():
        np.testing.assert_allclose(stems[stem], samples, atol=1e-6)
        assert snr(plain[stem], samples) < 60


@pytest.mark.parametrize("kind", ["vocal-unet", "savedmodel", "dir"])
def test_a_misspelt_path_is_found_before_any_work(tmp_path: Path, kind: str) -> None:
    with pytest.raises(BenchError, match="nothing: no such file or folder"):
        make_system(f"{kind}:{tmp_path / 'nothing'}")


def test_a_folder_that_is_no_model_is_one_line(tmp_path: Path) -> None:
    system = make_system(f"vocal-unet:{tmp_path}")
    with pytest.raises(BenchError, match=re.escape(str(tmp_path))) as caught:
        system.start()
    assert "\n" not in str(caught.value)


def test_making_systems_imports_no_tensorflow_here() -> None:
    code = (
        "import sys\nfrom spleeter_bench.systems import make_system\n"
        "for spec in ('mixture', 'oracle:irm', 'keras:spleeter:2stems', 'spleeter:2stems'): make_system(spec)\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules), 'TensorFlow was imported'"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
