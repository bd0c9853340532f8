"""Programs that run beside the tests, as a newcomer would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

from commands.dev.client import DevStack

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))
_DEMO = ("-m", "commands.cli", "demo")
_LONGEST_SECONDS = 60.0


class Program:
    """A Python program of the project, started at once.

    Args:
        arguments: what the interpreter is given.
        variables: of its environment, beside our own.
    """

    def __init__(self, *arguments: str, **variables: str) -> None:
        # A file and not a pipe: nobody reads while it runs.
        self._printed = TemporaryFile()  # noqa: SIM115 - closed with the result
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdout=self._printed,
            stderr=subprocess.STDOUT,
        )

    def result(self) -> tuple[int, str]:
        """Return exit code and everything printed, once it has ended."""
        code = self._process.wait(_LONGEST_SECONDS)
        self._printed.seek(0)
        return code, self._printed.read().decode()

    def close(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._printed.close()


def start_programs(stack: DevStack, folder: Path) -> dict[str, Program]:
    """Start the demo and all examples against a stack, and the demo where no API answers.

    Args:
        stack: what they talk to.
        folder: an empty folder, for the description of a stack that is not there.
    """
    home = Path(stack.mail_dir).parent
    description = (home / "dev.json").read_text()
    (folder / "dev.json").write_text(description.replace(stack.api_url, "http://127.0.0.1:9"))
    access = {
        "KNOCK_BASE_URL": stack.api_url,
        "KNOCK_API_KEY": stack.environments["development"].secret_key,
    }
    return {
        "demo": Program(*_DEMO, CARILLON_HOME=str(home)),
        "demo without an API": Program(*_DEMO, CARILLON_HOME=str(folder)),
        **{name: Program(f"examples/{name}", **access) for name in EXAMPLES},
    }
