"""Logs say where a fault was, and nothing of what it was about."""

from __future__ import annotations

import logging

import pytest

from runtime.logs import configure_logs, get_logger
from runtime.settings import Settings


def test_exceptions_are_told_without_their_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Type and places are written, by our loggers and by those of libraries; the text never is."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logs(Settings(log_format="json"), process="test")
        try:
            raise ValueError("Key (email)=(ada@example.com) already exists.")
        except ValueError:
            get_logger("carillon").exception("ours")
            logging.getLogger("library").exception("theirs")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    written = capsys.readouterr().err
    assert "ada@example.com" not in written
    assert written.count('"type": "ValueError"') == 2
    assert written.count("test_logs.py:") >= 2
