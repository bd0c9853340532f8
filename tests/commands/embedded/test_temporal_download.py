"""The SDK's download of the Temporal dev server, with a small script as what it has downloaded."""

from __future__ import annotations

from pathlib import Path

import temporalio

from commands.embedded.temporal_download import download_temporal


async def test_download_is_left_to_the_sdk(tmp_path: Path) -> None:
    """The SDK gets the server in a process of its own, which starts it only to see its help."""
    folder, calls = tmp_path / "sdk", tmp_path / "calls"
    folder.mkdir()
    server = folder / f"temporal-sdk-python-{temporalio.__version__}"
    server.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    server.chmod(0o755)
    assert await download_temporal(folder, say=lambda line: None) == server
    assert "--help" in calls.read_text()
