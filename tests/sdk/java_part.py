"""Knock's Java SDK: its own tests.

It is built from a checkout with Maven (`java/pom.xml`), because its own build fetches Gradle from
elsewhere than the registry. That takes some minutes.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

from tests.sdk.parts import Trial, fetch, find_tool, judged, needs_sources, run
from tests.support.postgres import ROOT

_TESTS = Path("knock-java-core/src/test/kotlin/app/knock/api")
# Tests of the client that waits for answers; the other sends the same requests.
_OWN = ("TestServerExtension.kt", "services/blocking")
_SKIPPED = re.compile(r"@Disabled\(\s*\"[^\"]*\"\s*\)")


async def try_java(trial: Trial) -> int:
    """Run the tests of `knock-java`; return 1 when one is not as expected. Raises Missing."""
    mvn, folder = find_tool("mvn"), trial.folder
    sources = needs_sources(trial, "knocklabs/knock-java").absolute()
    for name in _OWN:
        taken, put = sources / _TESTS / name, folder / "tests" / name
        put.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if taken.is_dir() else shutil.copy
        copy(taken, put)
    for path in (folder / "tests").rglob("*Test.kt"):
        # Those that the SDK's authors do not run, because their mock server fails them.
        path.write_text(_SKIPPED.sub("", path.read_text()))
    shutil.copy(ROOT / "tests" / "sdk" / "java" / "pom.xml", folder)
    given = [mvn, "-B", "-q", f"-Dsdk={sources}", *trial.arguments]
    await fetch([*given, "dependency:go-offline"], folder, "what knock-java needs")
    await run([*given, "test"], folder, {"TEST_API_BASE_URL": trial.target.doorway})
    return judged(_results(folder / "target" / "surefire-reports"), "java")


def _results(reports: Path) -> dict[str, bool]:
    """Return of each test whether it has passed; one that was skipped has not."""
    cases = [
        case for path in reports.glob("*.xml") for case in ElementTree.parse(path).iter("testcase")
    ]
    return {
        f"{case.attrib['classname']}.{case.attrib['name']}": all(
            case.find(mark) is None for mark in ("failure", "error", "skipped")
        )
        for case in cases
    }
