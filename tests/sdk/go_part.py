"""Knock's Go SDK: its own tests, then tests of ours that use it (`go/smoke_test.go`).

The module proxy is asked for the newest version each time. The SDK's own tests look at no value,
so ours compare what comes back.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from tests.sdk.parts import Trial, fetch, find_tool, judged, listen, run
from tests.sdk.target import API_KEY
from tests.support.postgres import ROOT

_MODULE = "github.com/knocklabs/knock-go"


async def try_go(trial: Trial) -> int:
    """Run the SDK's tests and a module of ours with it; return the exit code. Raises Missing."""
    go, smoke = find_tool("go"), trial.folder / "smoke"
    smoke.mkdir()
    shutil.copy(ROOT / "tests" / "sdk" / "go" / "smoke_test.go", smoke)
    await fetch([go, "mod", "init", "smoke"], smoke, "a Go module")
    if trial.sources:
        # Any version will do for a module that is replaced.
        replaced = f"-replace={_MODULE}={trial.sources.absolute()}"
        await fetch([go, "mod", "edit", replaced, f"-require={_MODULE}@v1.0.0"], smoke, _MODULE)
    else:
        await fetch([go, "get", f"{_MODULE}@latest"], smoke, _MODULE)
    await fetch([go, "mod", "tidy"], smoke, f"what {_MODULE} needs")
    sources = await fetch([go, "list", "-m", "-f", "{{.Dir}}", _MODULE], smoke, _MODULE)
    own = 0 if trial.arguments else await _try_own(trial, go, Path(sources))
    ours = await run(
        [go, "test", "-count=1", *(trial.arguments or ["-v"]), "./..."],
        smoke,
        {
            "KNOCK_BASE_URL": trial.target.address,
            "KNOCK_API_KEY": API_KEY,
            "SDK_TESTS_FACTS": str(trial.facts()),
        },
    )
    return own or ours


async def _try_own(trial: Trial, go: str, sources: Path) -> int:
    folder = trial.folder / "own"
    # What the proxy's modules are kept in is read-only, and a copy of it would be.
    shutil.copytree(sources, folder, copy_function=shutil.copyfile)
    for path in (folder, *folder.rglob("*/")):
        path.chmod(0o755)
    for path in folder.glob("*_test.go"):
        path.write_text(re.sub(r"(?m)^\tt\.Skip\(.*\)$", "", path.read_text()))
    said = await listen(
        [go, "test", "-count=1", "-json", "."],
        folder,
        {"TEST_API_BASE_URL": trial.target.doorway},
    )
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    found = {
        line["Test"]: line["Action"] == "pass"
        for line in lines
        if line["Action"] in ("pass", "fail", "skip") and "Test" in line
    }
    bad = {test for test, has_passed in found.items() if not has_passed}
    print(
        *(line["Output"] for line in lines if line.get("Test") in bad and "Output" in line), sep=""
    )
    return judged(found, "go")
