"""Run a program of ours so that it ends when the `./run` that started it ends.

`python child.py PARENT_PID PROGRAM ARGUMENTS…` asks Linux to send this
process SIGTERM when its parent dies, even by a kill, then becomes the program. Other
systems have no such wish; there an orphan ends with its next failed write.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with(parent: int) -> None:
    """Ask for SIGTERM at the parent's death; exit at once if it is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    end_with(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])
