"""What all settings share: frozen dataclasses, validated when made, JSON in and out, unknown keys are errors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vocal_unet.errors import ConfigError

C = TypeVar("C", bound="Config")


def require(condition: bool, message: str) -> None:
    """Raise `ConfigError(message)` unless `condition` holds."""
    if not condition:
        raise ConfigError(message)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def require_whole(least: int, **values: tuple[Any, ...]) -> None:
    """Raise `ConfigError` unless all values are whole numbers of at least `least`."""
    for key, numbers in values.items():
        fits = all(isinstance(number, int) and not isinstance(number, bool) and number >= least for number in numbers)
        shown = numbers[0] if len(numbers) == 1 else numbers
        require(
            fits, f"{key} must be {'' if len(numbers) == 1 else 'made of '}whole numbers from {least} up, not {shown!r}"
        )


@dataclass(frozen=True)
class Config:
    """Base of all settings: `to_dict`, `from_dict` (unknown and mistyped keys are errors that name the key)."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; tuples become lists, nested configs become objects."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_dict(cls: type[C], values: Mapping[str, Any], where: str = "") -> C:
        """Build from JSON values. `where` (a file name, say) starts every error message.

        Raises:
            ConfigError: a key is unknown, a value has the wrong type or is out of range.
        """
        prefix = f"{where}: " if where else ""
        if not isinstance(values, Mapping):
            raise ConfigError(f"{prefix}{cls.__name__} must be an object, not {type(values).__name__}")
        fields = {field.name: field for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - set(fields))
        if unknown:
            raise ConfigError(f"{prefix}unknown key {unknown[0]!r} in {cls.__name__}; known keys: {', '.join(fields)}")
        made = {key: _coerce(value, fields[key], f"{prefix}{key}") for key, value in values.items()}
        try:
            return cls(**made)
        except TypeError as error:
            raise ConfigError(f"{prefix}{error}") from None
        except ConfigError as error:
            raise ConfigError(f"{prefix}{error}") from None


def _coerce(value: Any, field: dataclasses.Field, where: str) -> Any:
    """Turn a JSON value into what the field's default shows it should be."""
    default = field.default_factory() if callable(field.default_factory) else field.default
    if isinstance(default, Config):
        return type(default).from_dict(value, where)
    if isinstance(default, tuple):
        require(isinstance(value, (list, tuple)), f"{where} must be a list, not {value!r}")
        return tuple(value)
    if isinstance(default, bool) or default is None or default is dataclasses.MISSING:
        require(
            (default is not True and default is not False) or isinstance(value, bool),
            f"{where} must be true or false, not {value!r}",
        )
        return value
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    require(
        isinstance(value, type(default)) and not isinstance(value, bool),
        f"{where} must be {type(default).__name__}, not {value!r}",
    )
    return value


def read_json(path: Path) -> Any:
    """Parse a JSON file.

    Raises:
        ConfigError: the file is missing, unreadable or not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: not valid JSON (line {error.lineno}: {error.msg})") from None
