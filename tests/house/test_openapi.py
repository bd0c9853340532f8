"""The committed OpenAPI documents are those of the code."""

from __future__ import annotations

from scripts.openapi import render


def test_openapi_documents_are_current() -> None:
    """A change of the API shows in `docs/openapi/`; `make openapi` writes it again."""
    for path, text in render().items():
        assert path.read_text() == text
