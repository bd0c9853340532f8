"""Which requests for a tracked link are somebody's doing."""

from __future__ import annotations

import pytest

from domain.tracking.visitors import is_person

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.mark.parametrize("agent", ["", FIREFOX, GMAIL, "python-httpx/0.28"])
def test_people_and_their_proxies(agent: str) -> None:
    """Whoever does not say that it is a program is taken for a person, or fetches for one."""
    assert is_person("GET", {"user-agent": agent})


@pytest.mark.parametrize(
    "agent",
    [
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "WhatsApp/2.23.20.0",
        "facebookexternalhit/1.1 Facebot Twitterbot/1.0",
        "TelegramBot (like TwitterBot)",
    ],
)
def test_programs_that_show_previews(agent: str) -> None:
    """A chat app that fetches a link to show what is behind it is nobody's click."""
    assert not is_person("GET", {"user-agent": agent})


@pytest.mark.parametrize(
    "headers",
    [{"sec-purpose": "prefetch;prerender"}, {"purpose": "prefetch"}, {"x-moz": "prefetch"}],
)
def test_what_is_fetched_ahead(headers: dict[str, str]) -> None:
    """What a browser fetches because it may be wanted next was not wanted yet."""
    assert not is_person("GET", {"user-agent": FIREFOX, **headers})


def test_looking_where_a_link_leads() -> None:
    """HEAD is how scanners look; no browser follows a link by it."""
    assert not is_person("HEAD", {"user-agent": FIREFOX})
