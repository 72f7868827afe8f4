"""How commands start TensorFlow."""

from __future__ import annotations

import subprocess
import sys

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
