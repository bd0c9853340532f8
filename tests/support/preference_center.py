"""Preference centers for tests: configured, opened, and their forms read as a browser would."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import httpx

from domain.kit.shapes import read_shape
from domain.preferences.center import CenterIn
from services.engine import Engine
from services.preferences.centers import put_center
from tests.support.builders import Environment


async def configure(
    engine: Engine, environment: Environment, *rows: dict[str, Any], enabled: bool = True
) -> None:
    """Let the page of an environment show rows."""
    sent = {"config": {"title": "Mine", "body": "Choose", "rows": list(rows)}, "enabled": enabled}
    await put_center(engine, environment.scope, read_shape(CenterIn, sent))


@dataclass(frozen=True)
class Switch:
    """A checkbox of a page."""

    name: str
    is_on: bool
    is_fixed: bool


class Form(HTMLParser):
    """The form of a page; `switches` by their labels."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.switches: dict[str, Switch] = {}
        self._open: Switch | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the fields."""
        found = dict(attrs)
        if tag == "input" and found.get("name") == "shown":
            self.shown.append(found["value"] or "")
        elif tag == "input" and found.get("name") == "on":
            self._open = Switch(found["value"] or "", "checked" in found, "disabled" in found)

    def handle_data(self, data: str) -> None:
        """Note what the label behind a checkbox says."""
        if self._open is not None:
            self.switches[data] = self._open
            self._open = None

    def sent(self, **wanted: bool) -> dict[str, list[str]]:
        """Return what a browser sends when some switches, by label, were set."""
        states = {label: wanted.get(label, one.is_on) for label, one in self.switches.items()}
        on = [
            one.name for label, one in self.switches.items() if states[label] and not one.is_fixed
        ]
        return {"shown": self.shown, "on": on}


async def open_form(client: httpx.AsyncClient, path: str) -> Form:
    """Open a page that has to be there."""
    answered = await client.get(path)
    assert answered.status_code == 200
    return Form(answered.text)
