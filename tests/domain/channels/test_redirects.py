"""Where people may be sent back to."""

from __future__ import annotations

import pytest

from domain.channels.redirects import may_send_to

ORIGINS = ("https://app.example.org", "http://intra.example.org:8080")


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.org",
        "https://app.example.org/settings?tab=slack#done",
        "https://APP.example.org:443/",
        "http://intra.example.org:8080/x",
    ],
)
def test_pages_of_an_origin_that_is_named(url: str) -> None:
    """Whatever page it is; an origin is scheme, host and port."""
    assert may_send_to(url, ORIGINS, allows_this_machine=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/settings",
        "//app.example.org",
        "http://app.example.org",
        "https://app.example.org:444",
        "https://app.example.org.evil.example",
        "https://evil.example/https://app.example.org",
        "https://app.example.org@evil.example",
        "https://user@app.example.org",
        "https://evil.example\\@app.example.org",
        "https:\\\\evil.example",
        "https://app.example.org\n.evil.example",
        " https://app.example.org",
        "https://app.example.org\t",
        "https://\u0430pp.example.org",
        "javascript:alert(1)//https://app.example.org",
        "data:text/html,x",
        "https://[app.example.org",
        "https://app.example.org:port",
        "http://localhost:3000",
        "http://127.0.0.1",
    ],
)
def test_nowhere_else(url: str) -> None:
    """Whatever tricks the address plays."""
    assert not may_send_to(url, ORIGINS, allows_this_machine=False)


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("http://localhost:3000/x", True),
        ("http://app.localhost", True),
        ("https://127.0.0.9:1", True),
        ("http://[::1]:3000", True),
        ("http://localhost.evil.example", False),
        ("http://10.0.0.1", False),
    ],
)
def test_pages_of_the_own_machine_while_developing(url: str, may: bool) -> None:
    """Without an operator having to name them."""
    assert may_send_to(url, (), allows_this_machine=True) is may
