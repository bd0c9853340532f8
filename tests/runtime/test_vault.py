"""The vault: what is sealed opens with the right key at the right place, and nowhere else."""

from __future__ import annotations

import pytest

from domain.kit.errors import Unavailable
from runtime.vault import BrokenSeal, UnknownKey, Vault

OLD, NEW = "o" * 16, "n" * 16
DOCUMENT = {"password": "hunter2", "ü": [1, None]}


def test_a_document_opens_where_it_was_sealed() -> None:
    """Sealing and opening give the same document, and no two seals look alike."""
    vault = Vault([OLD])
    sealed = [vault.seal(DOCUMENT, "here") for _ in range(2)]
    assert [vault.open(one, "here") for one in sealed] == [DOCUMENT, DOCUMENT]
    assert sealed[0] != sealed[1]
    assert b"hunter2" not in sealed[0]


def test_a_document_does_not_open_at_another_place() -> None:
    """Copied to another channel or environment it stays shut, with every key."""
    with pytest.raises(BrokenSeal):
        Vault([OLD]).open(Vault([OLD]).seal(DOCUMENT, "production"), "development")


@pytest.mark.parametrize("position", [0, 1, 10, 25, -1])
def test_a_changed_document_does_not_open(position: int) -> None:
    """Every byte counts: format, key id, nonce, text and tag."""
    sealed = bytearray(Vault([OLD]).seal(DOCUMENT, "here"))
    sealed[position] ^= 1
    with pytest.raises((BrokenSeal, UnknownKey)):
        Vault([OLD]).open(bytes(sealed), "here")


@pytest.mark.parametrize("sealed", [b"", b"x", b"\x01", b"\x01" * 21, b"gAAAAABm"])
def test_what_was_never_sealed_is_broken(sealed: bytes) -> None:
    """Garbage of any length is told from a missing key."""
    with pytest.raises(BrokenSeal):
        Vault([OLD]).open(sealed, "here")


def test_a_missing_key_is_said_by_its_id() -> None:
    """It counts as a part that is away: it opens again once the key is back."""
    sealed = Vault([OLD]).seal(DOCUMENT, "here")
    with pytest.raises(UnknownKey) as caught:
        Vault([NEW]).open(sealed, "here")
    assert isinstance(caught.value, Unavailable)
    assert sealed[1:9].hex() == caught.value.key_id
    assert caught.value.key_id in str(caught.value)


def test_rotation_first_seals_all_open() -> None:
    """With the new key in front all opens, and what is sealed anew needs the new one only."""
    old = Vault([OLD]).seal(DOCUMENT, "here")
    both = Vault([NEW, OLD])
    assert both.open(old, "here") == DOCUMENT
    assert Vault([NEW]).open(both.seal(DOCUMENT, "here"), "here") == DOCUMENT


def test_a_signature_holds_for_its_purpose_and_its_keys() -> None:
    """What an older key has signed holds for as long as it is there, and for nothing else."""
    signature = Vault([OLD]).sign(b"said", "one use")
    rotated = Vault([NEW, OLD])
    assert rotated.has_signed(b"said", signature, "one use")
    assert not rotated.has_signed(b"said", signature, "another use")
    assert not rotated.has_signed(b"say", signature, "one use")
    assert not rotated.has_signed(b"said", b"", "one use")
    assert not Vault([NEW]).has_signed(b"said", signature, "one use")
    assert rotated.sign(b"said", "one use") != signature
