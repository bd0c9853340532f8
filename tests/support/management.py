"""The Management API as tests call it; Knock has no released SDK for it."""

from __future__ import annotations

from typing import Any

import httpx


class Management:
    """Calls with a service token; every answer must be a success.

    Args:
        http: a client that sends the token.
    """

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def put(self, path: str, body: Any = None, **query: str) -> Any:
        """Send a PUT and return the decoded answer."""
        answer = self.http.put(path, json=body or {}, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def save_workflow(self, key: str, *steps: dict[str, Any], commit: bool = True) -> None:
        """Save a workflow in development, and commit it."""
        self.put(
            f"/v1/workflows/{key}",
            {"workflow": {"name": key, "steps": list(steps)}},
            environment="development",
            commit=str(commit).lower(),
        )
