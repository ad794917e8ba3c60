"""Runs a command that ends when the process that started it ends, even by SIGKILL.

``python die_with_parent.py PARENT COMMAND...`` asks the kernel for a SIGTERM at the parent's death,
then becomes the command. It is a program of its own, not a ``preexec_fn``, because code between fork and
exec may deadlock in a process with threads. The kernel watches the parent's *thread*: start such
commands from one that lives as long as they should.

Only Linux has this (prctl(2), PR_SET_PDEATHSIG). Elsewhere a killed parent leaves its children, and
the next start or stop of the stack, which keeps their ids, ends them.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Tie this process to its parent and become the command; never returns."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the line above
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the stack's own command, no shell wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
