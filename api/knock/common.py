"""Shapes that several resources share."""

from __future__ import annotations

from domain.recipients.answers import ObjectReference, Reference, reference

__all__ = ["ObjectReference", "Reference", "reference"]
