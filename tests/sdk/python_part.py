"""Knock's SDKs for Python: their own tests.

Those of the SDK come from the source distribution of the version that is installed. The Management
SDK is on no registry, so its tests are those of a checkout. What tries a transport of the clients
(`aiohttp`) is left out.
"""

from __future__ import annotations

import os
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

from tests.sdk.parts import Trial, fetch, needs_sources, run
from tests.support.postgres import ROOT


async def try_python(trial: Trial) -> int:
    """Run the tests of `knockapi`; return their exit code. Raises Missing."""
    return await _try(trial, "python", trial.sources or await _fetch(trial.folder))


async def try_management_python(trial: Trial) -> int:
    """Run the tests of `knock_mapi`; return their exit code. Raises Missing."""
    return await _try(trial, "python-mgmt", needs_sources(trial, "knocklabs/knock-mgmt-python"))


async def _try(trial: Trial, part: str, sources: Path) -> int:
    paths = (ROOT / "tests" / "sdk", sources.absolute() / "src")
    return await run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "sdk_plugin", "-p", "no:cacheprovider"),
            *("-o", "addopts=", "-o", "timeout=120", "-k", "not aiohttp"),
            *(trial.arguments or ["tests/api_resources"]),
        ],
        sources,
        {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TEST_API_BASE_URL": trial.target.doorway,
            "SDK_TESTS_PART": part,
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
