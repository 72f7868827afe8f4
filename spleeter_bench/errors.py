"""What can go wrong in a benchmark: subclasses of vocal_unet's root, so one place turns both into a line and an exit code."""

from vocal_unet import VocalUnetError


class BenchError(VocalUnetError):
    """Root of the benchmark's own errors."""

    exit_code = 10


class TrackError(BenchError):
    """A song to be scored is missing, broken or lacks a reference stem."""

    exit_code = 11


class SystemUnavailableError(BenchError):
    """A system cannot run here (no weights, no environment); it is reported with this reason and never scored."""

    exit_code = 12


class SystemFailedError(BenchError):
    """A system crashed, hung or answered with something that is no result."""

    exit_code = 13


class MetricError(BenchError):
    """Two signals cannot be compared: wrong axis, different lengths, silence, NaN."""

    exit_code = 14
