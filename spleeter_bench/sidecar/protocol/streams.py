"""Keeps a worker's pipe to itself, so that no library can print into it or read from it."""

from __future__ import annotations

import os
from typing import BinaryIO


def claim_pipe() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output away from everybody else.

    Call it before anything else is imported. Afterwards whatever is printed, by Python or by native code, goes to
    standard error, and standard input is empty.

    Returns:
        The stream requests are read from, and the stream answers are written to.
    """
    requests, answers = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")
