"""The highest resident memory a process ever had."""

from __future__ import annotations

import resource
import sys


def peak_memory() -> int:
    """Highest resident memory of this process up to now, in bytes.

    Linux carries `ru_maxrss` over from the process that started this one, so a small worker of a large benchmark would
    look large; the kernel's `VmHWM` starts anew with the program.
    """
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return 1024 * int(line.split()[1])
    except FileNotFoundError:
        pass  # macOS has no /proc
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
