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


def test_the_query_of_a_socket_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """It holds the key and the user token, and uvicorn writes it with each handshake."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logs(Settings(log_format="json", log_level="debug"), process="test")
        server = logging.getLogger("uvicorn.error")
        server.info('%s - "WebSocket %s" [accepted]', "1.2.3.4:5", "/ws?api_key=pk_secret")
        server.debug("< GET /ws?api_key=pk_secret HTTP/1.1")
        server.info("Uvicorn running on %s", "http://127.0.0.1")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    written = capsys.readouterr().err
    assert "pk_secret" not in written
    assert "Uvicorn running" in written
