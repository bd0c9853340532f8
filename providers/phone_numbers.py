"""Reads phone numbers, as people write them."""

from __future__ import annotations

from domain.deliveries.delivery import Bounced


def read_number(given: object) -> str:
    """Return a number without what stands between its digits. Raises Bounced when it is none."""
    text = str(given or "")
    number = "".join(character for character in text if character not in " -()./\u00a0")
    if not number.removeprefix("+").isdecimal() or not number.isascii():
        raise Bounced("The number is not a phone number.")
    return number
