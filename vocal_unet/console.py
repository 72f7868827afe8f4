"""How a command talks: progress on a terminal, quiet in a pipe, errors in one line with their exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from vocal_unet.errors import VocalUnetError

INTERRUPTED = 130

stderr = Console(stderr=True, highlight=False)


def import_tensorflow() -> None:
    """Import TensorFlow (seconds) without its start-up chatter, which no environment variable silences.

    What it wrote is shown after all when the import fails. Keras, which comes with it, would import pandas and matplotlib
    where they are installed, for functions that nothing here calls: half a second and 55 MB. What TensorFlow is made of stays to
    the end, so the garbage collector is told not to look through it, neither meanwhile nor at the end: another second.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as chatter:
        os.dup2(chatter.fileno(), 2)
        try:
            gc.disable()
            with _hidden("matplotlib", "pandas"):
                import tensorflow  # noqa: F401
            gc.freeze()
        except BaseException:
            chatter.seek(0)
            os.write(terminal, chatter.read())
            raise
        finally:
            gc.enable()
            os.dup2(terminal, 2)
            os.close(terminal)


@contextmanager
def _hidden(*modules: str) -> Iterator[None]:
    """Inside, these modules seem not to be installed, unless they have been imported already."""
    hidden = [module for module in modules if module not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None stands for what cannot be imported
    try:
        yield
    finally:
        for module in hidden:
            del sys.modules[module]


def one_line(error: Exception) -> str:
    """An error's message without line breaks."""
    return " ".join(str(error).split())


def progress_bar() -> Progress:
    """A progress bar on a terminal's stderr; silent in a pipe. Use as a context manager."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=stderr,
        disable=not stderr.is_terminal,
    )


@contextmanager
def download_bar(description: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar in bytes on a terminal's stderr, from the first bytes on; gives what takes (done, total)."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=stderr,
        disable=not stderr.is_terminal,
    )
    task = bar.add_task(description, total=None)

    def progress(done: int, total: int | None) -> None:
        bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield progress
    finally:
        bar.stop()


def _terminate(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C would: with blocks are left in order, so that no half-written file stays."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _say_interrupted(interrupt: KeyboardInterrupt) -> None:
    print(str(interrupt) or "interrupted", file=sys.stderr)


def run(app: Callable[..., Any], arguments: Sequence[str] | None = None) -> None:
    """Run a Typer app as the whole process.

    Errors of the package end as `error: …` on one line and their exit code; Ctrl-C ends with 130, SIGTERM with 143.
    With `--verbose` among the arguments the traceback is shown as well.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    interrupted = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.default_int_handler(number, frame)

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, _terminate)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, interrupt)
    try:
        code = app(args=arguments, standalone_mode=True)
    except SystemExit as end:
        code = end.code
        cause = getattr(end.__context__, "__cause__", None)
        if isinstance(cause, KeyboardInterrupt):  # Typer makes an exit of a Ctrl-C, and says nothing
            _say_interrupted(cause)
    except VocalUnetError as error:
        if "--verbose" in arguments:
            stderr.print_exception()
        print(f"error: {one_line(error)}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt as error:
        _say_interrupted(error)
        code = INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except Exception:
        if not interrupted.is_set():
            raise
        # a Ctrl-C while C code called Python: some libraries make an error of their own of it
        if "--verbose" in arguments:
            stderr.print_exception()
        _say_interrupted(KeyboardInterrupt())
        code = INTERRUPTED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    sys.exit(code)
