"""What a process has loaded for good, and need not be looked through again."""

from __future__ import annotations

import gc


def settle_memory() -> None:
    """Leave all that the process holds by now out of every later search for garbage.

    To be called once, when it begins to serve. Python searches through everything each time that a
    quarter more has come; with the libraries that we load, this takes some 250 ms, in which nobody
    is answered and no walk goes on.
    """
    gc.collect()
    gc.freeze()
