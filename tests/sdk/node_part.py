"""Knock's SDKs for Node.js: their own tests.

The packages are published without them, so they are those of a checkout. What runs them comes from
the registry.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.sdk.parts import Trial, fetch, find_tool, judged, needs_sources, run

# What runs the tests, and the one package that an SDK needs itself.
_PACKAGES = ("jest@29", "@swc/core@1", "@swc/jest@0.2", "jose@6")


async def try_node(trial: Trial) -> int:
    """Run the tests of `@knocklabs/node`; return 1 when one is not as expected. Raises Missing."""
    return await _try(trial, "node", "@knocklabs/node", "knocklabs/knock-node")


async def try_management_node(trial: Trial) -> int:
    """Run the tests of `@knocklabs/mgmt`; return 1 when one is not as expected. Raises Missing."""
    return await _try(trial, "node-mgmt", "@knocklabs/mgmt", "knocklabs/knock-mgmt-node")


async def _try(trial: Trial, part: str, package: str, repository: str) -> int:
    npm, folder = find_tool("npm"), trial.folder
    sources = needs_sources(trial, repository)
    for name in ("src", "tests"):
        shutil.copytree(sources / name, folder / name)
    for path in (folder / "tests").rglob("*.test.ts"):
        # Those that the SDK's authors do not run, because their mock server fails them.
        path.write_text(path.read_text().replace("test.skip(", "test("))
    (folder / "package.json").write_text('{"private": true}')
    await fetch([npm, "install", "--no-audit", "--no-fund", *_PACKAGES], folder, "jest")
    (folder / "jest.config.json").write_text(json.dumps(_configuration(package)))
    results = folder / "results.json"
    await run(
        [
            *(folder / "node_modules" / ".bin" / "jest", "--runInBand", "--json"),
            *(f"--outputFile={results}", *(trial.arguments or ["tests/api-resources"])),
        ],
        folder,
        {"TEST_API_BASE_URL": trial.target.doorway},
    )
    found = {
        f"{Path(file['name']).name}: {test['fullName']}": test["status"] == "passed"
        for file in json.loads(results.read_text())["testResults"]
        for test in file["assertionResults"]
    }
    return judged(found, part)


def _configuration(package: str) -> dict[str, object]:
    typescript = {"parser": {"syntax": "typescript"}, "target": "es2022"}
    compiler = ["@swc/jest", {"jsc": typescript, "module": {"type": "commonjs"}, "swcrc": False}]
    return {
        "testEnvironment": "node",
        "transform": {r"^.+\.(t|j)sx?$": compiler},
        "transformIgnorePatterns": ["/node_modules/(?!jose)"],
        "moduleNameMapper": {
            f"^{package}$": "<rootDir>/src/index.ts",
            f"^{package}/(.*)$": "<rootDir>/src/$1",
        },
    }
