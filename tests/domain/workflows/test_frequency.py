"""What a recipient has one run for, by the frequency of a workflow."""

from __future__ import annotations

import pytest

from domain.workflows import TriggerFrequency


@pytest.mark.parametrize(
    ("frequency", "tenant", "expected"),
    [
        ("every_trigger", None, None),
        ("every_trigger", "acme", None),
        ("once_per_recipient", None, ""),
        ("once_per_recipient", "acme", ""),
        ("once_per_recipient_per_tenant", "acme", "acme"),
        ("once_per_recipient_per_tenant", None, ""),
    ],
)
def test_first_run_for(frequency: str, tenant: str | None, expected: str | None) -> None:
    """Once for all tenants, once for each of them, or with every trigger."""
    assert TriggerFrequency(frequency).first_run_for(tenant) == expected


@pytest.mark.parametrize("stored", ["once_in_a_blue_moon", None, 5, ["once_per_recipient"], {}])
def test_odd_frequency(stored: object) -> None:
    """A stored frequency that nobody here knows lets every trigger in."""
    assert TriggerFrequency.of(stored) is TriggerFrequency.EVERY_TRIGGER
