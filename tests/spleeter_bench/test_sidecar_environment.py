"""The environment of the original Spleeter: made once, made anew when broken, and clear when it cannot be made."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spleeter_bench.errors import SystemUnavailableError
from spleeter_bench.sidecar import environment
from spleeter_bench.sidecar.environment import ensure_environment, environment_folder, remove_environment

FAKE_UV = """#!{python}
import os, sys, time
open({log!r}, "a").write(" ".join(sys.argv[1:]) + "\\n")
if sys.argv[1] == "python":
    print(sys.executable)
elif sys.argv[1] == "venv":
    os.makedirs(os.path.join(sys.argv[-1], "bin"))
elif sys.argv[1] == "pip":
    time.sleep(0.5)
    python = sys.argv[sys.argv.index("--python") + 1]
    open(python, "w").write("#!/bin/sh\\necho {version}\\n")
    os.chmod(python, 0o755)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPLEETER_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fake_uv(folder: Path, version: str = "2.4.2") -> tuple[Path, Path]:
    """A uv that makes an environment whose Python only says `version`, and the file it logs its calls to."""
    program, log = folder / "uv", folder / "uv.log"
    program.write_text(FAKE_UV.format(python=sys.executable, log=str(log), version=version))
    program.chmod(0o755)
    return program, log


def test_two_processes_at_once_make_it_once(cache: Path, tmp_path: Path) -> None:
    program, log = fake_uv(tmp_path)
    code = (
        "from spleeter_bench.sidecar import environment\n"
        f"environment.find_uv = lambda: {str(program)!r}\n"
        "print(environment.ensure_environment())"
    )
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert printed == [str(environment_folder() / "bin" / "python")] * 2
    assert sum(line.startswith("venv") for line in log.read_text().splitlines()) == 1


def test_a_half_made_or_broken_one_is_made_anew(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, log = fake_uv(tmp_path)
    monkeypatch.setattr(environment, "find_uv", lambda: str(program))
    environment_folder().mkdir(parents=True)
    (environment_folder() / "left behind").touch()
    python = ensure_environment()
    assert not (environment_folder() / "left behind").exists()
    python.unlink()
    assert ensure_environment().exists()
    calls = len(log.read_text().splitlines())
    ensure_environment()
    assert len(log.read_text().splitlines()) == calls
    remove_environment()
    remove_environment()
    assert not environment_folder().exists()


def test_another_version_of_spleeter_is_refused(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, _ = fake_uv(tmp_path, version="2.4.0")
    monkeypatch.setattr(environment, "find_uv", lambda: str(program))
    with pytest.raises(SystemUnavailableError, match=r"should hold Spleeter 2\.4\.2 but says .*2\.4\.0"):
        ensure_environment()
    assert not environment_folder().exists()


def test_no_python_is_one_line(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_PYTHON_PREFERENCE", "only-managed")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    with pytest.raises(SystemUnavailableError, match=r"Spleeter 2\.4\.2 could not be made \(.*Python 3\.11") as caught:
        ensure_environment()
    assert "\n" not in str(caught.value)
    assert not environment_folder().exists()


def test_no_network_is_one_line(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setattr(environment, "_choose_python", lambda uv: sys.executable)
    with pytest.raises(
        SystemUnavailableError, match="needs a network once; try again with: spleeter-bench setup"
    ) as caught:
        ensure_environment()
    assert "\n" not in str(caught.value)
    assert not environment_folder().exists()


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPLEETER_BENCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(SystemUnavailableError, match="point SPLEETER_BENCH_CACHE at a folder that can be written to"):
        ensure_environment()


def test_missing_uv_says_how_to_get_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    with pytest.raises(SystemUnavailableError, match="pip install uv"):
        ensure_environment()


def test_requirements_are_pinned_with_hashes_and_name_no_index() -> None:
    text = environment.REQUIREMENTS.read_text(encoding="utf-8")
    code = "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))
    entries = code.replace("\\\n", " ").splitlines()
    assert len(entries) > 60
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry), entry
    assert "://" not in text and "index" not in text and "file:" not in text
    assert any(entry.startswith(f"spleeter=={environment.SPLEETER_VERSION} ") for entry in entries)
