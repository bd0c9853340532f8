"""Tests that count CPU time, which a tracer of lines multiplies."""

from __future__ import annotations

import sys

import pytest

untraced = pytest.mark.skipif(
    sys.gettrace() is not None, reason="a tracer of lines multiplies the CPU time that this counts"
)
