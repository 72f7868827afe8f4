"""One worker process seen from the benchmark: send it a request, wait for the answer no longer than allowed, end it."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from spleeter_bench.errors import SystemFailedError
from spleeter_bench.sidecar.protocol.wire import WireError, read_message, write_message

_GRACE_SECONDS = 5.0
_TAIL_BYTES = 8192

Answer = tuple[dict[str, Any], dict[str, np.ndarray]]


class Connection:
    """A started worker. Its standard error goes to a temporary file, of which error messages quote the last line."""

    def __init__(self, spec: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the process, in a process group of its own so that a Ctrl-C reaches only the benchmark.

        Raises:
            SystemFailedError: the program cannot be started.
        """
        self._spec = spec
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            self._stderr.close()
            raise SystemFailedError(f"{spec}: cannot start {command[0]} ({error.strerror})") from error
        self._exchange_thread: threading.Thread | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    def request(
        self, kind: str, fields: Mapping[str, Any], arrays: Mapping[str, np.ndarray], timeout: float, about: str = ""
    ) -> Answer:
        """Send one request and wait for its answer; on any error the process is killed.

        Args:
            kind: "start" or "separate".
            fields: JSON values.
            arrays: float arrays.
            timeout: seconds that sending and answering may take together.
            about: what the request was about, for messages (a song's name).

        Raises:
            SystemFailedError: the process crashed, hung or wrote something that is no message.
        """
        outcome: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()
        self._exchange_thread = threading.Thread(
            target=self._exchange, args=(kind, fields, arrays, outcome), daemon=True
        )
        self._exchange_thread.start()
        try:
            answer = outcome.get(timeout=timeout)
            if isinstance(answer, BaseException):
                raise answer
            return answer
        except queue.Empty:
            problem = f"gave no answer within {timeout:g} seconds and was killed"
        except (EOFError, ConnectionError):
            problem = self._describe_end()
        except WireError as error:
            problem = f"answered with {error}"
        except BaseException:
            self.kill()
            raise
        message = f"{self._spec}{f' on {about}' if about else ''}: the process {problem}{self._quote_stderr()}"
        self.kill()
        raise SystemFailedError(message)

    def kill(self) -> None:
        """End the process and all it started, at once; calling it twice is fine."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._release()

    def close(self) -> None:
        """Let the process end by closing its pipe; kill it where it does not."""
        if self._process.returncode is None and not self._busy():
            assert self._process.stdin is not None
            with suppress(OSError):
                self._process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_SECONDS)
        self.kill()

    def _exchange(self, kind: str, fields: Mapping, arrays: Mapping, outcome: queue.SimpleQueue) -> None:
        """In a thread, because a hung worker can block the writing as well as the reading."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            write_message(self._process.stdin, kind, fields, arrays)  # type: ignore[arg-type]
            outcome.put(read_message(self._process.stdout))  # type: ignore[arg-type]
        except BaseException as error:
            outcome.put(error)

    def _busy(self) -> bool:
        return self._exchange_thread is not None and self._exchange_thread.is_alive()

    def _describe_end(self) -> str:
        try:
            code = self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its output and was killed"
        if code < 0:
            with suppress(ValueError):
                return f"crashed ({signal.Signals(-code).name})"
            return f"crashed (signal {-code})"
        return f"ended with exit code {code}"

    def _quote_stderr(self) -> str:
        size = os.fstat(self._stderr.fileno()).st_size
        tail = os.pread(self._stderr.fileno(), _TAIL_BYTES, max(0, size - _TAIL_BYTES))
        lines = [line.strip() for line in tail.decode("utf-8", "replace").splitlines() if line.strip()]
        return f"; its last words: {lines[-1][:300]}" if lines else ""

    def _release(self) -> None:
        """Close the files; a reader that a stray grandchild keeps waiting is left to the garbage collector."""
        if self._exchange_thread is not None:
            self._exchange_thread.join(_GRACE_SECONDS)
        if not self._busy():
            for stream in (self._process.stdin, self._process.stdout):
                assert stream is not None
                with suppress(OSError):
                    stream.close()
        self._stderr.close()
