"""How to start the original Spleeter 2.4.2 in its own environment."""

from __future__ import annotations

from pathlib import Path

from spleeter_bench import sidecar
from spleeter_bench.sidecar.environment import ensure_environment, isolated_variables
from spleeter_bench.sidecar.weights import spleeter_descriptor, weights_folder
from spleeter_bench.systems.process import Launch

MWF = "@mwf"


def original_launch(argument: str) -> Launch:
    """Command of Spleeter's worker for `2stems`, a JSON file, or one of them with `@mwf` for Wiener filtering.

    Raises:
        SystemUnavailableError: its environment cannot be made.
    """
    worker = Path(sidecar.__path__[0]) / "spleeter_worker.py"
    command = [str(ensure_environment()), str(worker), spleeter_descriptor(argument.removesuffix(MWF))]
    if argument.endswith(MWF):
        command.append("--mwf")
    return Launch(command, {**isolated_variables(), "MODEL_PATH": str(weights_folder())})
