"""Knock's Python SDK: its own tests.

They come from the source distribution of the version that is installed. What tries a transport of
the client (`aiohttp`) is left out.
"""

from __future__ import annotations

import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

from tests.sdk.parts import Trial, fetch, run
from tests.support.postgres import ROOT


async def try_python(trial: Trial) -> int:
    """Fetch and run the tests; return their exit code. Raises Missing."""
    return await run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "sdk_plugin"),
            *("-o", "addopts=", "-o", "timeout=120", "-k", "not aiohttp"),
            *(trial.arguments or ["tests/api_resources"]),
        ],
        trial.sources or await _fetch(trial.folder),
        {
            "PYTHONPATH": str(ROOT / "tests" / "sdk"),
            "TEST_API_BASE_URL": trial.target.address,
            "SDK_TESTS_FACTS": str(trial.facts()),
        },
    )


async def _fetch(folder: Path) -> Path:
    wanted = f"knockapi=={version('knockapi')}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    await fetch([*command, "--no-binary", "knockapi", "--dest", folder, wanted], folder, wanted)
    (archive,) = folder.glob("knockapi-*.tar.gz")
    with tarfile.open(archive) as sources:
        sources.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")
