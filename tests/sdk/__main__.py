"""`python -m tests.sdk`: run the own tests of Knock's Python SDK against the product.

They come from the source distribution of the version that is installed, which is fetched from the
package registry each time: nothing of it is kept here. What tries a transport of the client
(`aiohttp`) is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

from runtime.logs import configure_logs
from runtime.settings import Settings
from tests.sdk.target import target_on
from tests.support.account import Seeded
from tests.support.postgres import ROOT, new_database, running_cluster


def fetch(folder: Path) -> Path:
    """Fetch and unpack the sources of the SDK; returns their folder."""
    wanted = f"knockapi=={version('knockapi')}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*command, "--no-binary", "knockapi", "--dest", folder, wanted], check=True)
    (archive,) = folder.glob("knockapi-*.tar.gz")
    with tarfile.open(archive) as sources:
        sources.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


async def run(seeded: Seeded, sources: Path, arguments: list[str]) -> int:
    """Run the tests on a seeded database and return their exit code."""
    async with target_on(seeded) as target:
        seeded.keep()
        facts = sources / "facts.json"
        about = {"url": seeded.url, "restoring": seeded.restoring(), "ids": target.ids}
        facts.write_text(json.dumps(about))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-q", "-p", "sdk_plugin"),
            *("-o", "addopts=", "-o", "timeout=120", "-k", "not aiohttp"),
            *(arguments or ["tests/api_resources"]),
            cwd=sources,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT / "tests" / "sdk"),
                "TEST_API_BASE_URL": target.address,
                "SDK_TESTS_FACTS": str(facts),
            },
        )
        return await process.wait()


def main() -> int:
    """Fetch, serve and run; return the exit code of the tests."""
    parser = argparse.ArgumentParser(prog="python -m tests.sdk", description=__doc__)
    parser.add_argument("arguments", nargs="*", help="what pytest is told, of the SDK's tests")
    parser.add_argument(
        "--sources", type=Path, help="sources that were fetched and unpacked before"
    )
    given = parser.parse_args()
    configure_logs(Settings(log_level="error"), process="sdk")
    with tempfile.TemporaryDirectory() as name, running_cluster() as server:
        sources = given.sources or fetch(Path(name))
        seeded = Seeded.on(new_database(server))
        return asyncio.run(run(seeded, sources, given.arguments))


if __name__ == "__main__":
    sys.exit(main())
