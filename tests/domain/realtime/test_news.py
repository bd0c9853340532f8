"""News as it is carried from process to process."""

from __future__ import annotations

import json
from uuid import uuid4

from domain.realtime.news import FeedNews, FeedTopic, GuideNews, pack, unpack


def feed_news(user_id: str) -> FeedNews:
    """Make news of an item."""
    return FeedNews(FeedTopic(uuid4(), uuid4(), user_id), uuid4())


def test_news_comes_as_it_went() -> None:
    """Whatever characters the id of a user has."""
    news = [feed_news("a:b c/ü\u2028"), GuideNews(uuid4(), "ellie", "tour"), feed_news("")]
    (text,) = pack(news)
    assert unpack(text) == news
    assert pack([]) == []


def test_what_is_too_long_for_one_text_goes_in_several() -> None:
    """PostgreSQL carries less than 8,000 bytes at a time."""
    news = [feed_news("ü" * 256) for _ in range(40)]
    texts = pack(news)
    assert len(texts) > 1
    assert max(len(text.encode()) for text in texts) < 8000
    assert [each for text in texts for each in unpack(text)] == news


def test_what_another_version_tells_is_passed_over() -> None:
    """Other entries, and what is no list, spoil nothing beside them."""
    known = feed_news("ellie")
    (text,) = pack([known])
    entries = json.loads(text)
    told = json.dumps([["other", 1], ["feed", "no-id", "b", "c", "d"], 7, *entries])
    assert unpack(told) == [known]
    assert unpack("not json") == []
    assert unpack("7") == []
