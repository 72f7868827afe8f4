"""How commands start TensorFlow, and what they say of Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer

from tests.conftest import exit_code
from vocal_unet import console

STARTED = """
import gc, sys
from vocal_unet import console
console.import_tensorflow()
assert "tensorflow" in sys.modules and "keras" in sys.modules
assert not {"pandas", "matplotlib"} & set(sys.modules)
assert gc.isenabled() and gc.get_freeze_count() > 100_000
import pandas, matplotlib.pyplot
assert pandas.DataFrame and matplotlib.pyplot.plot
console.import_tensorflow()
import pandas
"""


def test_tensorflow_starts_without_what_is_not_needed_and_in_silence() -> None:
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("said", ["", "stopped; the same command goes on"])
def test_an_interrupt_is_said_once(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise KeyboardInterrupt(*filter(None, [said]))

    app = typer.Typer()
    app.command()(work)
    assert exit_code(app) == console.INTERRUPTED
    assert capsys.readouterr().err == (said or "interrupted") + "\n"


@pytest.fixture
def heeded_interrupts() -> Iterator[None]:
    """Where the tests run in the background, an interrupt is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded_interrupts")
def test_an_interrupt_that_a_library_made_an_error_of_is_one_still(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise TypeError("lost on the way") from None

    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    app = typer.Typer()
    app.command()(work)
    assert exit_code(app) == console.INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_an_error_without_an_interrupt_stays_one() -> None:
    def work() -> None:
        raise TypeError("a mistake of ours")

    app = typer.Typer()
    app.command()(work)
    with pytest.raises(TypeError, match="ours"):
        console.run(app, [])
