"""Knock's Go SDK: tests of ours that use it (`go/smoke_test.go`).

The module proxy is asked for the newest version each time.
"""

from __future__ import annotations

import shutil

from tests.sdk.parts import Trial, fetch, find_tool, run
from tests.sdk.target import API_KEY
from tests.support.postgres import ROOT

_MODULE = "github.com/knocklabs/knock-go"


async def try_go(trial: Trial) -> int:
    """Make a module of our tests and the SDK, and run it; return the exit code. Raises Missing."""
    go, folder = find_tool("go"), trial.folder
    shutil.copy(ROOT / "tests" / "sdk" / "go" / "smoke_test.go", folder)
    await fetch([go, "mod", "init", "smoke"], folder, "a Go module")
    if trial.sources:
        # Of a module that is replaced any version will do.
        replaced = f"-replace={_MODULE}={trial.sources.absolute()}"
        await fetch([go, "mod", "edit", replaced, f"-require={_MODULE}@v1.0.0"], folder, _MODULE)
    else:
        await fetch([go, "get", f"{_MODULE}@latest"], folder, _MODULE)
    await fetch([go, "mod", "tidy"], folder, f"what {_MODULE} needs")
    return await run(
        [go, "test", "-count=1", *(trial.arguments or ["-v"]), "./..."],
        folder,
        {
            "KNOCK_BASE_URL": trial.target.address,
            "KNOCK_API_KEY": API_KEY,
            "SDK_TESTS_FACTS": str(trial.facts()),
        },
    )
