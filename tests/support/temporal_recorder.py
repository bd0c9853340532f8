"""Stands in for the Temporal client: records starts and signals instead of sending them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class _Handle:
    """A handle of one recorded workflow."""

    recorder: TemporalRecorder
    id: str

    async def signal(self, signal: Any, *args: Any, **options: Any) -> None:
        """Record a signal."""
        self.recorder.signals.append((self.id, signal, args))

    async def cancel(self, **options: Any) -> None:
        """Record a cancellation."""
        self.recorder.cancels.append(self.id)


@dataclass
class TemporalRecorder:
    """The calls that a Temporal client was asked to make."""

    starts: list[tuple[str, Any, dict[str, Any]]] = field(default_factory=list)
    signals: list[tuple[str, Any, tuple[Any, ...]]] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    identity: str = "test"
    namespace: str = "default"

    async def start_workflow(self, workflow: Any, *args: Any, **options: Any) -> _Handle:
        """Record a start."""
        argument = args[0] if args else options.get("arg")
        self.starts.append((options["id"], argument, options))
        return _Handle(self, options["id"])

    def get_workflow_handle(self, workflow_id: str, **options: Any) -> _Handle:
        """Return a handle that records."""
        return _Handle(self, workflow_id)
