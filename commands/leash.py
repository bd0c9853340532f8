"""Run a program that dies with its parent: `python leash.py PARENT SIGNAL ACCOUNT PROGRAM …`.

Executed by path and replaced by the program it starts (the process id stays), because the kernel's
"tell me when my parent dies" must be asked for by the child itself, after it changed its user.
Standard library only: it runs without site-packages, which keeps it at some 20 milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys

_PR_SET_PDEATHSIG = 1
_NO_ACCOUNT = "-"


def main(arguments: list[str]) -> int:
    """Take the account, tie this process to its parent, and become the program."""
    parent, death_signal, account, *program = arguments
    if account != _NO_ACCOUNT:
        entry = pwd.getpwnam(account)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != int(parent):
            return 1  # it died before we could ask
    try:
        os.execvp(program[0], program)  # noqa: S606 - our own command line, no shell
    except OSError as error:
        print(f"cannot run {program[0]}: {error}", file=sys.stderr)
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
