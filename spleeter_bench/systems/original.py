"""How to start the original Spleeter 2.4.2 in its own environment."""

from __future__ import annotations

from pathlib import Path

from spleeter_bench import sidecar
from spleeter_bench.rival import RIVAL, checkpoint_folder
from spleeter_bench.sidecar.environment import ensure_environment, isolated_variables
from spleeter_bench.sidecar.weights import spleeter_descriptor, weights_folder
from spleeter_bench.systems.base import MWF
from spleeter_bench.systems.process import Launch


def original_launch(argument: str) -> Launch:
    """Command of Spleeter's worker for `2stems`, a JSON file, `rival`, or one of them with `@mwf` for Wiener filtering.

    Raises:
        SystemUnavailableError: its environment cannot be made, or the rival's checkpoint cannot be written.
    """
    python, name, weights = ensure_environment(), argument.removesuffix(MWF), weights_folder()
    if name == RIVAL:
        weights = checkpoint_folder()
        name = str(weights / f"{RIVAL}.json")
    worker = Path(sidecar.__path__[0]) / "spleeter_worker.py"
    command = [str(python), str(worker), spleeter_descriptor(name)]
    if argument.endswith(MWF):
        command.append("--mwf")
    return Launch(command, {**isolated_variables(), "MODEL_PATH": str(weights)})
