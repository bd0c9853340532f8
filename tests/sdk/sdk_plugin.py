"""A plugin of pytest, in the process of an SDK's own tests.

What cannot pass must fail, so that the list of it (`sdk_expected.py`) does not go stale. The
package of the SDK's tests is named `tests` too, so this is a module of its own.
"""

from __future__ import annotations

import os
import re

import pytest
from sdk_expected import EXPECTED_FAILURES

_EXPECTED = EXPECTED_FAILURES[os.environ["SDK_TESTS_PART"]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is skipped for the sake of a mock server, and expect what is listed to fail."""
    for item in items:
        item.own_markers = [mark for mark in item.own_markers if mark.name != "skip"]
        for pattern, reason in _EXPECTED.items():
            if re.search(pattern, item.nodeid):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
