"""Runs a command and reports what it cost: `python -I -S measured_command.py REPORT PROGRAM ARGUMENTS…`.

A small process of its own, standard library only: Linux counts the memory of whoever starts a program towards that
program's peak, so a large benchmark must not start it itself. When standard input is closed, that is when the
benchmark is gone, everything ends at once.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time


def end_with_the_benchmark() -> None:
    """The benchmark made this process the leader of a group, to which the command and its children belong."""
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    report, *command = sys.argv[1:]
    threading.Thread(target=end_with_the_benchmark, daemon=True).start()
    started = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    unit = 1 if sys.platform == "darwin" else 1024
    cost = {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_memory": unit * usage.ru_maxrss,
        "exit": os.waitstatus_to_exitcode(status),
    }
    with open(report, "w", encoding="utf-8") as file:
        json.dump(cost, file)
    # the reading thread sits in a system call that an orderly exit would wait for
    os._exit(0)


if __name__ == "__main__":
    main()
