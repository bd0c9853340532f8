"""Logs say where a fault was, and nothing of what it was about."""

from __future__ import annotations

import json
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


def test_a_database_that_is_away_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The pool has a line for each connection, again and again; an operator has one in a while."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    pool = logging.getLogger("psycopg.pool")
    reason = "connection failed: Connection refused\n\tIs the server running?"

    def tell(at: float, message: str, *words: object) -> None:
        record = pool.makeRecord(pool.name, logging.WARNING, "", 0, message, words, None)
        record.created = at
        pool.handle(record)

    try:
        configure_logs(Settings(log_format="json"), process="test")
        for second in (0.0, 1.0, 29.0, 31.0):
            tell(1000 + second, "discarding broken connection: %s", "<BAD>")
            tell(1000 + second, "error connecting in %r: %s", "pool-1", reason)
            tell(1000 + second, "reconnection attempt in pool %r failed after %s sec", "pool-1", 4)
        tell(1000, "task run %s failed: %s: %s", "Add", "ValueError", "odd")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    away, again, odd = map(json.loads, capsys.readouterr().err.splitlines())
    for line in (away, again):
        assert (line["event"], line["level"]) == ("database_away", "warning")
        assert line["detail"] == "connection failed: Connection refused"
    assert odd["event"] == "task run Add failed: ValueError: odd"


def test_workflow_tasks_that_wait_for_the_database_are_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Temporal's SDK has a line for each task of each run; the rest of what it says is told."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    core = logging.getLogger("temporalio.core")
    slow = "[TMPRL1104] {}:4:1 Workflow task duration exceeded 5 seconds. {{'attempt': 1}}"

    def tell(at: float, message: str) -> None:
        record = core.makeRecord(core.name, logging.WARNING, "", 0, message, (), None)
        record.created = at
        core.handle(record)

    try:
        configure_logs(Settings(log_format="json"), process="test")
        for second in (0.0, 0.1, 29.0, 31.0):
            tell(1000 + second, slow.format(f"run-{second:g}"))
        tell(1001, "gRPC call retried")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    first, second, other = map(json.loads, capsys.readouterr().err.splitlines())
    for line, run in ((first, "run-0"), (second, "run-31")):
        assert (line["event"], line["level"]) == ("workflow_task_slow", "warning")
        assert line["detail"].startswith(f"{run}:4:1 Workflow task duration exceeded 5 seconds.")
    assert (other["event"], other["logger"]) == ("gRPC call retried", "temporalio.core")
