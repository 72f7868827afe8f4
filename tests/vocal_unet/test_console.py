"""How commands start TensorFlow, and what they say of Ctrl-C."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

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
    with pytest.raises(SystemExit) as end:
        console.run(app, [])
    assert (end.value.code, capsys.readouterr().err) == (console.INTERRUPTED, (said or "interrupted") + "\n")
