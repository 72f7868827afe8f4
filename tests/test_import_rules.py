"""The rooms of the house: who may import whom, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import vocal_unet

ROOT = Path(__file__).parents[1]
MODULES = sorted(p for package in ("vocal_unet", "spleeter_bench") for p in (ROOT / package).rglob("*.py"))

# What each room of vocal_unet may import from the others; sub-folders count as one room.
ALLOWED = {
    "__init__": {"version"},
    "version": set(),
    "__main__": {"cli"},
    "errors": set(),
    "config": {"errors"},
    "console": {"errors"},
    "naming": {"errors"},
    "songs": {"errors"},
    "rates": {"audio"},
    "ahead": set(),
    "clipping": set(),
    "stem_files": {"errors", "config", "audio", "clipping"},
    "audio": {"errors", "config"},
    "framing": {"errors", "config"},
    "masks": {"errors", "config", "framing"},
    "streaming": {"errors", "config"},
    "models": {"config"},
    "losses": {"config"},
    "spleeter": {"errors", "config", "lock", "safetensors"},
    "safetensors": {"errors"},
    "shipped": set(),
    "packed": {"errors", "config", "models", "safetensors"},
    "lock": set(),
    "exported": {"errors", "config", "streaming"},
    "loading": {"errors", "config", "exported", "models", "packed", "shipped", "spleeter"},
    "wiener": set(),
    "spectrogram": set(),
    "plots": {"errors", "audio", "spectrogram"},
    "cluster": {"errors"},
    "device": {"config", "models"},
    "graph": {"config", "device", "framing", "loading", "masks", "models", "streaming", "wiener"},
    "separator": {
        "ahead",
        "device",
        "errors",
        "config",
        "audio",
        "exported",
        "graph",
        "streaming",
        "loading",
        "naming",
        "rates",
        "stem_files",
    },
    "export": {
        "errors",
        "config",
        "audio",
        "exported",
        "framing",
        "graph",
        "loading",
        "masks",
        "shipped",
        "separator",
        "spleeter",
        "version",
    },
    "data": {"errors", "config", "audio", "framing"},
    "training": {"errors", "config", "console", "data", "framing", "lock", "losses", "masks", "models", "version"},
    "data_cli": {"errors", "config", "console", "data"},
    "cli": {
        "errors",
        "config",
        "console",
        "naming",
        "songs",
        "rates",
        "clipping",
        "cluster",
        "stem_files",
        "audio",
        "plots",
        "separator",
        "loading",
        "data",
        "data_cli",
        "training",
        "export",
        "spleeter",
        "version",
    },
}
NO_TENSORFLOW = {
    "vocal_unet": {
        "__init__",
        "version",
        "errors",
        "config",
        "console",
        "naming",
        "songs",
        "rates",
        "ahead",
        "clipping",
        "cluster",
        "stem_files",
        "audio",
        "spectrogram",
        "plots",
        "models",
        "losses",
        "data_cli",
        "cli",
        "__main__",
    },
    "spleeter_bench": {
        "__init__",
        "errors",
        "metrics",
        "records",
        "aggregate",
        "report",
        "figures",
        "listening",
        "page",
        "page_commands",
        "own_command",
        "speed_command",
        "statistics",
        "runner",
        "evaluate",
        "executors",
        "estimates",
        "museval_files",
        "files",
        "plan",
        "tracks",
        "cli",
        "__main__",
        "sidecar",
    },
}
IN_SPLEETERS_ENVIRONMENT = {
    "generate_checkpoint.py",
    "separate_file.py",
    "spleeter_weights.py",
    "spleeter_worker.py",
    "training_step.py",
}
MAY_USE_VOCAL_UNET = {
    "__init__",
    "errors",
    "tracks",
    "estimates",
    "executors",
    "systems",
    "parity",
    "page",
    "page_commands",
    "figures",
    "speed",
    "speed_command",
    "cli",
}


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(module, names) of every import; relative ones resolved; type-checking blocks do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        or (top_level_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
        for inner in ast.walk(node)
    }
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) + "." if node.level else ""
            yield (base + (node.module or "")).rstrip("."), tuple(alias.name for alias in node.names)


def room(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    package, here = path.relative_to(ROOT).parts[0], room(path)
    for module, names in imports(path):
        parts = module.split(".")
        if here not in ("cli", "__main__"):
            assert "cli" not in parts[1:] and not (parts[0] in ALLOWED and "cli" in names), f"{path} imports a cli"
        if package == "vocal_unet":
            assert parts[0] != "spleeter_bench", f"{path}: vocal_unet must not know the benchmark"
            if parts[0] == "vocal_unet" and here != "__init__":
                for other in parts[1:2] or names:
                    assert other == here or other in ALLOWED[here], f"{path} ({here}) must not import {other}"
        elif parts[0] == "vocal_unet" and module != "vocal_unet.lock":  # which needs nothing else of it
            assert here in MAY_USE_VOCAL_UNET, f"{path}: only {sorted(MAY_USE_VOCAL_UNET)} may use vocal_unet"
            public = module == "vocal_unet" and set(names) <= {*vocal_unet.__all__, "console"}
            assert public or module in ("vocal_unet.version", "vocal_unet.console", "vocal_unet.cluster"), (
                f"{path}: {module} is not a public name"
            )


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_light_modules_do_not_import_tensorflow(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    if room(path) not in NO_TENSORFLOW[package] or path.name in IN_SPLEETERS_ENVIRONMENT:
        pytest.skip("may use TensorFlow")
    heavy = {"tensorflow"} if room(path) in ("models", "losses") else {"tensorflow", "keras"}
    inside = path.name == "console.py"  # imports TensorFlow for the commands, inside a function
    found = {module.split(".")[0] for module, _ in imports(path, top_level_only=inside)}
    assert not found & heavy


@pytest.mark.parametrize("name", sorted(IN_SPLEETERS_ENVIRONMENT))
def test_what_runs_in_spleeters_environment_knows_nothing_of_ours(name: str) -> None:
    modules = {module.split(".")[0] for module, _ in imports(ROOT / "spleeter_bench" / "sidecar" / name)}
    assert not modules & {"vocal_unet", "spleeter_bench", "keras", "rich", "typer"}
