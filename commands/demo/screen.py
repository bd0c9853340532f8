"""What the demo prints: plain lines, with a little emphasis on a terminal."""

from __future__ import annotations

import sys
import textwrap
from datetime import datetime
from typing import TextIO

_WIDTH = 92
_BOLD, _DIM, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"


class Screen:
    """Prints at once, also into a pipe; emphasis only where it can be seen."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._is_terminal = self._out.isatty()

    def title(self, text: str) -> None:
        """Begin a scene."""
        self._print("")
        self._print(text, _BOLD)

    def say(self, text: str) -> None:
        """Print a line of a scene."""
        self._print(f"  {text}")

    def aside(self, text: str) -> None:
        """Print a line that explains."""
        self._print(f"  {text}", _DIM)

    def fact(self, name: str, value: object) -> None:
        """Print a name and a value, in columns."""
        self._print(f"  {name:<18} {value}")

    def quote(self, text: str) -> None:
        """Print what somebody received, set off by a bar."""
        for line in text.rstrip().splitlines():
            folded = textwrap.wrap(line, _WIDTH, drop_whitespace=False) or [""]
            for part in folded:
                self._print(f"  │ {part}".rstrip())

    def _print(self, text: str, emphasis: str = "") -> None:
        if emphasis and self._is_terminal:
            text = f"{emphasis}{text}{_RESET}"
        print(text, file=self._out, flush=True)


def clock_time(moment: datetime) -> str:
    """Write the time of day with milliseconds, as the moment's own zone has it."""
    return moment.strftime("%H:%M:%S.") + f"{moment.microsecond // 1000:03d}"
