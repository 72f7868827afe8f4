"""Where the jobs of a run are done: in this process, in several on this machine, or on a Dask cluster."""

from spleeter_bench.executors.here import do_here
from spleeter_bench.executors.local import do_in_processes

__all__ = ["do_here", "do_in_processes"]
