"""What the Temporal client and the workers of a process share."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.temporal import DATA_CONVERTER, PayloadConverter

_JSON = b"json/plain"


@dataclass(frozen=True, slots=True)
class _Order:
    run_id: str
    turns: tuple[int, ...]


def test_a_workflow_builds_no_type_adapters_of_its_own() -> None:
    """A worker makes a converter for each workflow; what one has built, the next one uses."""
    first, second = PayloadConverter(), PayloadConverter()
    assert first.converters[_JSON] is second.converters[_JSON]


def test_a_dataclass_comes_back_as_it_went() -> None:
    """Tuples stay tuples, and the JSON is that of any other SDK."""
    converter = DATA_CONVERTER.payload_converter
    (payload,) = converter.to_payloads([_Order("1", (2, 3))])
    assert payload.metadata["encoding"] == _JSON
    assert payload.data == b'{"run_id":"1","turns":[2,3]}'
    assert converter.from_payloads([payload], [_Order]) == [_Order("1", (2, 3))]
