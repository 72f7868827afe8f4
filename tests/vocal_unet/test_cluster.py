"""Songs separated on a Dask cluster: the same stems, and a song that fails does not stop the others."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import exit_code
from vocal_unet import cluster, write_audio
from vocal_unet.cli import app
from vocal_unet.cluster import on_cluster
from vocal_unet.errors import AudioError, ClusterError, ConfigError

distributed = pytest.importorskip("distributed")


def small_cluster() -> Any:
    """A scheduler, and a worker that is a thread of this process."""
    return distributed.LocalCluster(
        1, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address="127.0.0.1:0"
    )


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with small_cluster() as small:
        yield small.scheduler_address


class Counter:
    made: list[int] = []  # noqa: RUF012
    closed: list[int] = []  # noqa: RUF012

    def __init__(self, start: int) -> None:
        self.start = start
        self.made.append(start)

    def do(self, item: int) -> int:
        if item < 0:
            raise ConfigError(f"{item} is negative")
        return self.start + item

    def close(self) -> None:
        self.closed.append(self.start)


def test_a_worker_makes_what_it_needs_once_and_gives_it_back(address: str) -> None:
    assert dict(on_cluster(Counter, 100, [1, 2, 3], address)) == {1: 101, 2: 102, 3: 103}
    assert dict(on_cluster(Counter, 200, [1], address)) == {1: 201}
    assert Counter.made == Counter.closed == [100, 200]
    with pytest.raises(ConfigError, match="-1 is negative"):
        dict(on_cluster(Counter, 100, [-1], address))


class Slow(Counter):
    def do(self, item: int) -> int:
        time.sleep(0.2)
        return item


def test_a_cluster_that_is_lost() -> None:
    with small_cluster() as small:
        results = on_cluster(Slow, 0, range(100), small.scheduler_address)
        assert next(results) == (0, 0)
        small.close()
        with pytest.raises(ClusterError, match="the cluster was lost"):
            list(results)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("nonsense", "no address of a Dask scheduler"), ("tcp://127.0.0.1:1", "no Dask scheduler answers there")],
)
def test_a_cluster_that_is_not_there(monkeypatch: pytest.MonkeyPatch, wrong: str, message: str) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with pytest.raises(ClusterError, match=message):
        next(on_cluster(Counter, 0, [1], wrong))


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'vocal-unet\[dask\]'"):
        next(on_cluster(Counter, 0, [1], "tcp://127.0.0.1:1"))


def test_the_command_gives_the_same_stems(
    address: str, small_spleeter: Path, tone: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a.wav", "b.flac")):
        write_audio(tmp_path / "music" / name, tone(9000, seed=seed), 44100)
    # its header is whole, so it fails in the worker
    whole = (tmp_path / "music" / "b.flac").read_bytes()
    (tmp_path / "music" / "cut.flac").write_bytes(whole[: len(whole) // 3])

    def separate(*arguments: str) -> int:
        return exit_code(app, "separate", "music", "-p", small_spleeter, *arguments)

    assert separate("-o", "here") == AudioError.exit_code
    capfd.readouterr()
    assert separate("-o", "there", "--dask", address) == AudioError.exit_code
    printed = capfd.readouterr()
    assert "2 of 3 songs separated, 1 failed:" in printed.err and "cut.flac" in printed.err
    assert len(printed.out.splitlines()) == 4
    here = {path.relative_to(tmp_path / "here"): path.read_bytes() for path in (tmp_path / "here").rglob("*.wav")}
    there = {path.relative_to(tmp_path / "there"): path.read_bytes() for path in (tmp_path / "there").rglob("*.wav")}
    assert here == there and len(here) == 4
    assert separate("-o", "there", "--dask", address, "--skip-existing") == AudioError.exit_code
    assert "2 skipped" in capfd.readouterr().err
    assert separate("-", "-o", "-", "--dask", address) == ConfigError.exit_code
