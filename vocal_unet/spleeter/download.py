"""Downloads a file: shows how far it is, goes on where an interrupted download stopped, checks the SHA-256."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vocal_unet.errors import WeightsUnavailableError

DownloadProgress = Callable[[int, "int | None"], None]
"""Called with the bytes that are here and the bytes of the whole file, None where the server does not say."""

TIMEOUT = 30
"""Seconds without a byte after which a server counts as gone."""
CHUNK = 1 << 13
"""Bytes taken at a time: as many at most are lost when the connection is cut."""


def download(url: str, target: Path, sha256: str, progress: DownloadProgress | None = None) -> Path:
    """Fetch `url` into the file `target`, which appears only when it is complete and has the checksum.

    A download that was cut short leaves `target` with the suffix `.part`; the next call asks the server for the rest only.
    Proxies are taken from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).

    Args:
        url: http or https address.
        target: file to make; its folder exists.
        sha256: hexadecimal checksum the file must have.
        progress: see `DownloadProgress`.

    Raises:
        WeightsUnavailableError: no connection, an HTTP error, a connection cut half-way, or another checksum.
        OSError: the file cannot be written.
    """
    import pooch
    import requests

    # pooch reports every download on stderr; progress is the caller's here.
    pooch.get_logger().setLevel(logging.WARNING)
    part = target.with_name(target.name + ".part")
    downloader = _ResumingDownloader(part, progress)
    try:
        pooch.retrieve(url, f"sha256:{sha256}", fname=target.name, path=target.parent, downloader=downloader)
    except requests.HTTPError as error:
        raise WeightsUnavailableError(f"{url}: the server answers {_status(error)}") from error
    except requests.RequestException as error:
        kept = f"; {part.stat().st_size} bytes are kept, the next try goes on from there" if part.is_file() else ""
        raise WeightsUnavailableError(f"{url}: {_reason(error)}{kept}") from error
    except ValueError as error:  # pooch's word for a checksum that differs, and what requests says of a broken address
        if isinstance(error, requests.RequestException) or "hash" not in str(error):
            raise WeightsUnavailableError(f"{url}: {_reason(error)}") from error
        raise WeightsUnavailableError(
            f"{url}: what was downloaded does not have the SHA-256 {sha256}; nothing of it was kept"
        ) from error
    return target


def fetch_json(url: str) -> Any:
    """The JSON document at `url`.

    Raises:
        WeightsUnavailableError: no connection, an HTTP error, or not JSON.
    """
    import requests

    try:
        response = requests.get(url, timeout=TIMEOUT)
        response.raise_for_status()
        return response.json()
    except requests.HTTPError as error:
        raise WeightsUnavailableError(f"{url}: the server answers {_status(error)}") from error
    except requests.RequestException as error:  # its JSONDecodeError is one as well
        raise WeightsUnavailableError(f"{url}: {_reason(error)}") from error


class _ResumingDownloader:
    """pooch's interface of a downloader; keeps what came so far in `part`."""

    def __init__(self, part: Path, progress: DownloadProgress | None) -> None:
        self._part = part
        self._progress = progress or (lambda done, total: None)

    def __call__(self, url: str, output_file: str, _: Any) -> None:
        import requests

        done = self._part.stat().st_size if self._part.is_file() else 0
        # Compression on the way would make the offsets those of another file.
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={done}-"} if done else {})}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if done and response.status_code == requests.codes.requested_range_not_satisfiable:
                # All of it may be here already, or the file has become shorter: the checksum tells which.
                os.replace(self._part, output_file)
                return
            response.raise_for_status()
            resumed = response.headers.get("Content-Range", "").startswith(f"bytes {done}-")
            if not (done and response.status_code == requests.codes.partial_content and resumed):
                done = 0
            length = response.headers.get("Content-Length", "")
            total = done + int(length) if length.isdigit() else None
            with self._part.open("ab" if done else "wb") as file:
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    self._progress(done, total)
        if total is not None and done < total:
            raise requests.ConnectionError(f"the connection ended after {done} of {total} bytes")
        os.replace(self._part, output_file)


def _status(error: Any) -> str:
    return f"{error.response.status_code} {error.response.reason}"


def _reason(error: Exception) -> str:
    """The innermost cause in one line: what requests and urllib3 wrap around it says nothing to a user."""
    import requests
    import urllib3

    text = str(error)
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy cannot be reached; check HTTP_PROXY and HTTPS_PROXY"
    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT} seconds"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut before the file was complete"
    cause = error.args[0] if error.args else None
    if isinstance(cause, urllib3.exceptions.MaxRetryError) and cause.reason is not None:
        text = str(cause.reason).rpartition(": ")[2]
        return f"no connection ({text})"
    return (text.splitlines() or [type(error).__name__])[0][:200]
