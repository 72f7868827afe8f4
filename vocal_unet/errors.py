"""What can go wrong in a way the user can fix: one root, one subclass per thing, each with its exit code."""


class VocalUnetError(Exception):
    """Root of every error whose message alone tells the user what, which file and what to do."""

    exit_code = 1


class ConfigError(VocalUnetError):
    """A setting, a flag or a JSON key is unknown, missing or out of range."""

    exit_code = 2


class AudioError(VocalUnetError):
    """A sound file cannot be read, holds no audio or holds samples that are not numbers."""

    exit_code = 3


class OutputError(VocalUnetError):
    """A result cannot be written where it was asked for."""

    exit_code = 4


class ModelError(VocalUnetError):
    """A trained model or checkpoint is damaged or does not fit the network it is loaded into."""

    exit_code = 5


class WeightsUnavailableError(ModelError):
    """The weights of a known model are not on this machine and cannot be fetched."""

    exit_code = 6


class DataError(VocalUnetError):
    """A data set lacks songs, stems or matching lengths."""

    exit_code = 7


class TrainingError(VocalUnetError):
    """A training run cannot start or go on."""

    exit_code = 8


class ClusterError(VocalUnetError):
    """A Dask cluster cannot be reached, was lost, or lost every worker that was given a piece of work."""

    exit_code = 9


class CancelledError(VocalUnetError):
    """A progress callback asked to stop; nothing is wrong and nothing is left behind."""

    exit_code = 130
