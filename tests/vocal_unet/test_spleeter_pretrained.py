"""Fetching and importing weights: against a local HTTP server, each case ends right or in one clear line."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import random_variables
from vocal_unet.errors import ConfigError, ModelError, VocalUnetError, WeightsUnavailableError
from vocal_unet.spleeter import pretrained
from vocal_unet.spleeter.checkpoint import write_checkpoint
from vocal_unet.spleeter.configuration import SpleeterModel, spleeter_model
from vocal_unet.spleeter.converted import CONVERTED_FILE, read_weights, verify_weights
from vocal_unet.spleeter.inventory import stored_models
from vocal_unet.spleeter.pretrained import fetch, import_model, weights_source

RELEASE = "/deezer/spleeter/releases/download/test"


class Server:
    """Serves `files` on 127.0.0.1; `cut` answers with only that many bytes of the body, then hangs up."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: int | None = None
        self.ranges = True
        self.requests: list[tuple[str, str | None]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.requests.append((request.path, wanted))
        if request.path not in self.files:
            request.send_error(404)
            return
        body, first = self.files[request.path], 0
        if wanted and self.ranges:
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            if first >= len(body):
                request.send_error(416)
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(len(body) - first))
        request.end_headers()
        request.wfile.write(body[first : self.cut])


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.server.shutdown()
    server.server.server_close()
    thread.join()


def packed(files: dict[str, bytes], *special: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in special:
            tar.addfile(info)
    return buffer.getvalue()


@pytest.fixture
def model(small_spleeter: Path) -> SpleeterModel:
    return spleeter_model(str(small_spleeter))


@pytest.fixture
def files(model: SpleeterModel, tmp_path: Path) -> dict[str, bytes]:
    """What Deezer's archives hold: a checkpoint, a meta graph, and what macOS left in them."""
    write_checkpoint(tmp_path / "origin", random_variables(model), model)
    files = {f"./{p.name}": p.read_bytes() for p in (tmp_path / "origin").iterdir() if p.name != ".probe"}
    return {**files, "./model-0.meta": b"graph", "./._model-0.index": b"resource fork"}


@pytest.fixture
def publish(
    server: Server, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., bytes]:
    """Publish an archive (by default a good one) under another release, with its checksum, and look there."""

    def publish(archive: bytes | None = None, sha256: str | None = None) -> bytes:
        archive = packed(files) if archive is None else archive
        server.files[f"{RELEASE}/small.tar.gz"] = archive
        index = {"small": sha256 or hashlib.sha256(archive).hexdigest()}
        server.files[f"{RELEASE}/checksum.json"] = json.dumps(index).encode()
        return archive

    monkeypatch.setenv("GITHUB_HOST", server.url)
    monkeypatch.setenv("GITHUB_RELEASE", "test")
    monkeypatch.setenv("MODEL_PATH", str(tmp_path / "cache"))
    return publish


def left(folder: Path) -> list[str]:
    """Everything below a folder but the lock file, which stays."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix != ".lock")


def one_line(error: pytest.ExceptionInfo) -> str:
    assert isinstance(error.value, VocalUnetError) and "\n" not in str(error.value)
    return str(error.value)


def test_fetch(publish, model, tmp_path, server) -> None:
    archive = publish()
    calls: list[tuple[int, int | None]] = []
    folder = fetch(model, lambda done, total: calls.append((done, total)))
    assert folder == tmp_path / "cache" / "small" and calls[-1] == (len(archive), len(archive))
    assert left(tmp_path / "cache") == [
        "small",
        *(
            f"small/{name}"
            for name in sorted(
                [
                    ".probe",
                    ".source.json",
                    "checkpoint",
                    "model-0.data-00000-of-00001",
                    "model-0.index",
                    "model-0.meta",
                    CONVERTED_FILE,
                ]
            )
        ),
    ]
    assert weights_source(folder) == f"{server.url}/deezer/spleeter release test"
    np.testing.assert_array_equal(read_weights(folder, model)["conv2d/bias"], random_variables(model)["conv2d/bias"])
    asked = len(server.requests)
    assert fetch(model) == folder and len(server.requests) == asked, "what is there is not fetched again"


def test_fetch_converts_a_checkpoint_that_is_there(publish, model, server) -> None:
    publish()
    folder = fetch(model)
    asked = len(server.requests)
    for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(b"damaged")):
        damage(folder / CONVERTED_FILE)
        fetch(model)
        assert "equal to the checkpoint" in verify_weights(folder, model)
    assert len(server.requests) == asked


def test_a_published_archive_has_its_pinned_checksum_from_any_host(publish, server, monkeypatch, tmp_path) -> None:
    publish()
    monkeypatch.delenv("GITHUB_RELEASE")
    server.files["/deezer/spleeter/releases/download/v1.4.0/2stems.tar.gz"] = packed({"model.index": b"forged"})
    server.files["/deezer/spleeter/releases/download/v1.4.0/checksum.json"] = b'{"2stems": "00"}'
    with pytest.raises(WeightsUnavailableError, match="SHA-256 f3a90b39") as error:
        fetch(spleeter_model("2stems"))
    one_line(error)
    assert left(tmp_path / "cache") == [] and len(server.requests) == 1


def test_checksum_mismatch(publish, model, tmp_path, server) -> None:
    publish(sha256="0" * 64)
    with pytest.raises(WeightsUnavailableError, match=r"small\.tar\.gz: .* SHA-256 0000.* nothing of it was kept"):
        fetch(model)
    assert left(tmp_path / "cache") == []
    publish()
    assert fetch(model).is_dir()


def test_not_found(publish, model, tmp_path, server) -> None:
    with pytest.raises(WeightsUnavailableError, match=r"checksum\.json: the server answers 404 Not Found") as error:
        fetch(model)
    assert "vocal-unet models import small.tar.gz" in one_line(error)
    publish()
    del server.files[f"{RELEASE}/small.tar.gz"]
    with pytest.raises(WeightsUnavailableError, match=r"small\.tar\.gz: the server answers 404 Not Found"):
        fetch(model)
    server.files[f"{RELEASE}/checksum.json"] = b"{}"
    with pytest.raises(WeightsUnavailableError, match="states no checksum for 'small'"):
        fetch(model)
    assert left(tmp_path / "cache") == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_cut_half_way_then_a_second_fetch(publish, model, tmp_path, server, ranges) -> None:
    archive = publish()
    server.ranges = ranges
    server.cut = len(archive) // 2
    with pytest.raises(WeightsUnavailableError, match=r"cut .* bytes are kept, the next try goes on"):
        fetch(model)
    kept = (tmp_path / "cache" / ".small.tar.gz.part").read_bytes()
    assert kept == archive[: len(kept)] and 0 < len(kept) <= server.cut and left(tmp_path / "cache")[1:] == []
    server.cut = None
    assert "equal to the checkpoint" in verify_weights(fetch(model), model)
    assert server.requests[-1] == (f"{RELEASE}/small.tar.gz", f"bytes={len(kept)}-")
    assert left(tmp_path / "cache")[0] == "small"


def test_a_complete_part_file_is_taken(publish, model, tmp_path) -> None:
    archive = publish()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / ".small.tar.gz.part").write_bytes(archive)
    assert "equal" in verify_weights(fetch(model), model)


def test_a_part_of_another_file_is_noticed_and_dropped(publish, model, tmp_path) -> None:
    publish()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / ".small.tar.gz.part").write_bytes(b"something else")
    with pytest.raises(WeightsUnavailableError, match="SHA-256"):
        fetch(model)
    assert "equal" in verify_weights(fetch(model), model)


def test_a_proxy_is_used(publish, model, server, monkeypatch) -> None:
    publish()
    monkeypatch.setenv("GITHUB_HOST", "http://models.example")
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    for path in list(server.files):
        server.files[f"http://models.example{path}"] = server.files.pop(path)
    assert fetch(model).is_dir()


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a folder that even root cannot write to")
def test_a_folder_that_cannot_be_written(publish, model, monkeypatch) -> None:
    publish()
    monkeypatch.setenv("MODEL_PATH", "/proc/models")
    with pytest.raises(WeightsUnavailableError, match=r"/proc/models/small: .* cannot be put there .* MODEL_PATH"):
        fetch(model)


def test_a_read_only_cache_is_read(publish, model, monkeypatch) -> None:
    publish()
    folder = fetch(model)

    opened = Path.open

    def read_only(self: Path, mode: str = "r", **keywords: object) -> object:
        if "r" not in mode:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, mode, **keywords)

    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # Taking the permission away would not stop a test that runs as root.
    monkeypatch.setattr(pretrained, "locked", denied)
    monkeypatch.setattr(Path, "open", read_only)
    assert fetch(model) == pretrained.weights_folder(model) == folder
    read_weights(folder, model)
    os.unlink(folder / CONVERTED_FILE)
    assert pretrained.weights_folder(model) == folder
    read_weights(folder, model)
    with pytest.raises(WeightsUnavailableError, match="Permission denied"):
        fetch(model)


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("names", "special", "says"),
    [
        (["../escaped"], [], "leads out"),
        (["ok/../../escaped"], [], "leads out"),
        (["/tmp/escaped"], [], "leads out"),
        (["..\\escaped"], [], "leads out"),
        (["C:escaped"], [], "leads out"),
        ([], [link("a", "/etc/passwd", tarfile.SYMTYPE)], "link"),
        ([], [link("a", "../../escaped", tarfile.SYMTYPE)], "link"),
        ([], [link("a", "checkpoint", tarfile.LNKTYPE)], "link"),
        ([], [link("a", "", tarfile.FIFOTYPE)], "device"),
        (["a/b/c/d"], [], "too deep"),
        (["x/checkpoint"], [], "twice"),
    ],
)
def test_malicious_archives(names, special, says, publish, files, model, tmp_path) -> None:
    publish(packed({**files, **{name: b"evil" for name in names}}, *special))
    before = {p for p in tmp_path.rglob("*")}
    with pytest.raises(ModelError, match=says) as error:
        fetch(model)
    one_line(error)
    assert left(tmp_path / "cache") == []
    assert {p for p in tmp_path.rglob("*")} - before <= {tmp_path / "cache", tmp_path / "cache" / ".small.lock"}


@pytest.mark.parametrize("content", ["no tar", "no checkpoint", "cut"])
def test_archives_that_are_no_model(content, publish, files, model, tmp_path) -> None:
    good = packed(files)
    publish({"no tar": b"<html>", "no checkpoint": packed({"readme": b""}), "cut": good[: len(good) // 2]}[content])
    with pytest.raises(ModelError):
        fetch(model)
    assert left(tmp_path / "cache") == []


FETCH = """
import sys
from vocal_unet.spleeter.configuration import spleeter_model
from vocal_unet.spleeter.pretrained import fetch
print("ready", flush=True)
sys.stdin.readline()
print(fetch(spleeter_model(sys.argv[1])))
"""


def test_two_processes_at_once(publish, small_spleeter, model, tmp_path, server) -> None:
    publish()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", FETCH, str(small_spleeter)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    assert [worker.communicate(timeout=120)[0].strip() for worker in workers] == [str(tmp_path / "cache" / "small")] * 2
    assert [worker.returncode for worker in workers] == [0, 0]
    assert [path for path, _ in server.requests].count(f"{RELEASE}/small.tar.gz") == 1
    assert "equal to the checkpoint" in verify_weights(tmp_path / "cache" / "small", model)


def test_what_somebody_keeps_there_is_not_deleted(publish, model, tmp_path) -> None:
    publish()
    (tmp_path / "cache" / "small").mkdir(parents=True)
    (tmp_path / "cache" / "small" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"holds something else than a model \(notes\.txt\)"):
        fetch(model)
    assert left(tmp_path / "cache") == ["small", "small/notes.txt"]
    (tmp_path / "cache" / "small" / "notes.txt").rename(tmp_path / "cache" / "small" / ".probe")
    assert fetch(model).is_dir(), "Spleeter's leftover is no obstacle"


@pytest.mark.parametrize("kind", ["folder", "archive", "wrapped"])
def test_import(kind, model, files, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MODEL_PATH", str(tmp_path / "cache"))
    origin = tmp_path / "origin"
    if kind != "folder":
        origin = tmp_path / "mine.tar.gz"
        prefix = "small/" if kind == "wrapped" else ""
        origin.write_bytes(packed({prefix + name.removeprefix("./"): content for name, content in files.items()}))
    folder = import_model(origin, model)
    assert "equal to the checkpoint" in verify_weights(folder, model)
    assert weights_source(folder) == f"imported from {origin.name}, origin unknown"
    with pytest.raises(ConfigError, match="has weights already; use --force"):
        import_model(origin, model)
    import_model(origin, model, replace=True)
    assert left(tmp_path / "cache")[0] == "small" and not list((tmp_path / "cache").glob(".small.[no]*"))
    states = {stored.name: stored for stored in stored_models()}
    assert states["small"].state == "ready" and states["small"].bytes > 0 and states["2stems"].state == "missing"


def test_import_keeps_the_word_generated(model, files, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MODEL_PATH", str(tmp_path / "cache"))
    for stated, told in (("generated", "generated random weights"), ("Deezer release v1.4.0", "origin unknown")):
        content = json.dumps({"source": stated}).encode()
        (tmp_path / "a.tar.gz").write_bytes(packed({**files, ".source.json": content}))
        assert told in weights_source(import_model(tmp_path / "a.tar.gz", model, replace=True))


def test_imports_that_cannot_work(model, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MODEL_PATH", str(tmp_path / "cache"))
    with pytest.raises(ConfigError, match="no such file"):
        import_model(tmp_path / "none", model)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="holds no Spleeter checkpoint"):
        import_model(tmp_path / "empty", model)
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(ModelError, match="not a whole tar archive"):
        import_model(tmp_path / "text", model)
    write_checkpoint(tmp_path / "good", random_variables(model), model)
    other = spleeter_model("2stems")
    with pytest.raises(ModelError, match="does not fit the model 2stems"):
        import_model(tmp_path / "good", other)
    assert not (tmp_path / "cache" / "2stems").exists()
