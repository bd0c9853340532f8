"""Knock's filters by the examples and rules of its documentation."""

from __future__ import annotations

import hashlib

import pytest

from templating.liquid.environment import LiquidError, render_text
from templating.liquid.library import Library
from templating.liquid.lookups import Lookups
from tests.support.tracing import untraced

SCOPE = {
    "count": 1,
    "a": ["x", {"k": 1}, "y", "x"],
    "b": [{"k": 1}, "x"],
    "text": '{"n": [1, 2], "s": "é"}',
    "dup": [1, True, 1, {"k": 1}, {"k": 1}, "1"],
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ a | json }}", '["x",{"k":1},"y","x"]'),
        ("{{ missing | json }}{{ nil | json }}{{ true | json }}", "nullnulltrue"),
        ("{% assign o = text | from_json %}{{ o.n[1] }}{{ o.s }}", "2é"),
        ("{{ count | pluralize: 'item', 'items' }}", "item"),
        ("{{ '1' | pluralize: 'item', 'items' }}", "item"),
        ("{{ 0 | pluralize: 'item', 'items' }}{{ nil | pluralize: 'a', 'b' }}", "itemsb"),
        ("{{ 'the qUICK fox' | titlecase }}", "The Quick Fox"),
        ("{{ a | intersect: b | json }}", '["x",{"k":1}]'),
        ("{{ a | intersect: missing | json }}", "[]"),
        ("{{ dup | uniq | json }}", '[1,true,{"k":1},"1"]'),
        ("{{ '**b** <i>i</i>' | from_markdown }}", "<p><strong>b</strong> <i>i</i></p>\n"),
        ("{{ '1.2.10' | compare_versions: '1.2.9' }}", "1"),
        ("{{ 'v1.2' | compare_versions: '1.2.0+build' }}", "0"),
        ("{{ '1.0.0-rc.2' | compare_versions: '1.0.0-rc.10' }}", "-1"),
        ("{{ '1.0.0-rc' | compare_versions: '1.0.0' }}", "-1"),
        ("{{ '1.0.0-1' | compare_versions: '1.0.0-a' }}", "-1"),
        ("{{ 'a--b-c' | replace: '--', '' | split: '-' | join: '+' }}", "ab+c"),
        ("{{ ' a  b ' | split: ' ' | json }}", '["a","b"]'),
        ("{{ 'abc' | split: '' | json }}{{ '' | split: ',' | json }}", '["a","b","c"][]'),
        ("{{ 'a <b>c</b><script>d</script> < e' | strip_html }}", "a c < e"),
    ],
)
def test_filter(source: str, expected: str) -> None:
    """Each filter does what its documentation says."""
    assert render_text(source, SCOPE) == expected


def test_hashes_are_hex_digests() -> None:
    """Hash filters digest the UTF-8 text and print hex; the HMAC agrees with RFC 4231's case 2."""
    assert render_text("{{ 'é' | md5 }}", {}) == hashlib.md5("é".encode()).hexdigest()
    assert render_text("{{ 'é' | sha256 }}", {}) == hashlib.sha256("é".encode()).hexdigest()
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    source = "{{ 'what do ya want for nothing?' | hmac_sha256: 'Jefe' }}"
    assert render_text(source, {}) == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'nope' | from_json }}",
        "{{ 'NaN' | from_json }}",
        "{{ 'x' | compare_versions: '1.0' }}",
        "{{ 'x' | hmac_sha256 }}",
        "{{ 1 | pluralize: 'a' }}",
        "{{ 10 | currency: 'pounds' }}",
        "{{ 'now' | format_date_in_locale: 'en', 'huge' }}",
    ],
)
def test_operands_without_meaning_are_errors(source: str) -> None:
    """A filter that cannot work raises instead of printing something wrong."""
    with pytest.raises(LiquidError):
        render_text(source, SCOPE)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "{{ '2024-01-01T00:30:00Z' | timezone: 'America/New_York' }}",
            "2023-12-31T19:30:00-05:00",
        ),
        ("{{ '2024-01-01T00:30:00' | timezone: 'Asia/Tokyo' }}", "2024-01-01T09:30:00+09:00"),
        ("{{ '2024-07-01T12:00:00.250Z' | date: '%d.%m.%Y %H:%M:%S.%L' }}",
         "01.07.2024 12:00:00.250"),
        ("{{ '2024-01-01T00:30:00Z' | date: '%H:%M %Z', 'America/New_York' }}", "19:30 EST"),
        ("{{ '2023-12-31T19:30:00-05:00' | date: '%H:%M %s' }}", "19:30 1704069000"),
        ("{{ 1704069000 | date: '%Y-%m-%d %H:%M' }}", "2024-01-01 00:30"),
        ("{{ '1704069000' | date: '%%s %Y' }}", "%s 2024"),
        ("{{ 'next week' | date: '%Y' }}{{ nil | date: '%Y' }}", "next week"),
        ("{{ '2024-01-01' | date }}", "2024-01-01"),
        ("{{ '2024-04-29T09:00:00.000Z' | date: '%I:%M%P %Z' }}", "09:00am UTC"),
        ("{{ '2024-04-29T09:00:00Z' | date: '%I:%M%P %Z', 'America/New_York' }}", "05:00am EDT"),
        ("{{ '2024-04-29T21:00:00+02:00' | date: '%-I:%M%P %Z' }}", "9:00pm +02:00"),
        ("{{ '2024-01-01T00:30:00Z' | date: '%H:%M', zone }}", "00:30"),
        ("{{ '2024-01-01T00:30:00Z' | date: '%H:%M', '' }}", "00:30"),
        ("{{ '2024-01-01T00:30:00+02:00' | date: '%H:%M %Z', 'PST' }}", "22:30 UTC"),
        ("{{ '2024-01-01T00:30:00+02:00' | timezone: zone }}", "2023-12-31T22:30:00+00:00"),
        ("{{ '2024-01-01T00:30:00Z' | timezone: '../../etc/passwd' }}",
         "2024-01-01T00:30:00+00:00"),
    ],
)  # fmt: skip
def test_dates(source: str, expected: str) -> None:
    """Moments keep their offset, naive ones are UTC, a zone converts, other text passes."""
    assert render_text(source, {}) == expected


@pytest.mark.parametrize("zone", ["missing", "'Mars/Olympus'"])
def test_whoever_has_no_zone_is_told_the_time_of_the_default_one(zone: str) -> None:
    """`timezone` moves to it, and `date` where it is given a zone; without one it moves nothing."""
    source = (
        f"{{{{ '2024-01-01T00:30:00Z' | timezone: {zone} }}}} "
        "{{ '2024-01-01T00:30:00Z' | date: '%H:%M', 'PST' }} "
        "{{ '2024-01-01T00:30:00Z' | date: '%H:%M' }}"
    )
    lookups = Lookups(library=Library(zone="Asia/Tokyo"))

    assert render_text(source, {}, lookups=lookups) == "2024-01-01T09:30:00+09:00 09:30 00:30"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ '2023-12-31T14:30:00Z' | format_date_in_locale: 'en-GB' }}", "31/12/2023"),
        ("{{ '2023-12-31T14:30:00Z' | format_date_in_locale: 'de', 'full' }}",
         "Sonntag, 31. Dezember 2023"),
        ("{{ '2023-12-31T14:30:00Z' | format_datetime_in_locale: 'en-GB', 'medium', 'short' }}",
         "31 Dec 2023, 14:30"),
        ("{{ '2023-12-31T14:30:00Z' | format_datetime_in_locale: 'en-US' }}",
         "12/31/23, 2:30 PM"),
        ("{{ '2023-12-31T14:30:00Z' | timezone: 'Asia/Tokyo' | format_datetime_in_locale: 'fr' }}",
         "31/12/2023, 23:30"),
        ("{{ 'soon' | format_date_in_locale: 'en' }}", "soon"),
        ("{{ 10000 | format_number: 'en' }}", "10,000"),
        ("{{ '1234.5' | format_number: 'de' }}", "1.234,5"),
        ("{{ 10 | format_number: missing }}{{ missing | format_number }}", "10"),
        ("{{ 10 | currency }}", "$10.00"),
        ("{{ 10 | currency: 'GBP' }}", "£10.00"),
        ("{{ 1234.5 | currency: 'eur', 'de' }}", "1.234,50\xa0€"),
        ("{{ 1000 | currency: 'JPY', 'en-XX' }}", "¥1,000"),
        ("{{ 10.99 | rounded_currency: 'GBP' }}", "£11"),
        ("{{ 2.5 | rounded_currency }}{{ 0.4 | rounded_currency }}", "$3$0"),
        ("{{ nil | currency }}{{ '' | rounded_currency }}", ""),
        ("{{ 'on request' | currency }} {{ 'n/a' | format_number }}", "on request n/a"),
        ("{{ 10 | currency: 'GBP', '!!' }} {{ 1000 | format_number: 'xx-Unknown' }}",
         "£10.00 1,000"),
        ("{{ '2023-12-31T14:30:00Z' | format_date_in_locale: 'klingon' }}", "12/31/23"),
    ],
)  # fmt: skip
def test_locales(source: str, expected: str) -> None:
    """Dates, numbers and money follow CLDR; an unknown region falls back to its language."""
    assert render_text(source, {}) == expected


@untraced
def test_all_documented_locales_are_known() -> None:
    """Every locale code that Knock lists formats a number."""
    codes = (
        "af ar az be bg bn bs ca cs cy da de de-DE el en en-US en-GB eo es es-419 et eu fa fi fr "
        "fr-CA fr-FR gl he hi hr hu id is it ja ja-JP ka km kn ko lb lo lt lv mk ml mn mr ms nb ne "
        "nl nn no or pa pl pl-PL pt pt-BR rm ro ru sk sl sq sr sv sw ta te th tr tt ug uk ur uz vi "
        "wo zh zh-CN zh-Hans zh-Hant"
    )
    # Each in a rendering of its own: reading a locale's data for the first time takes CPU time.
    for code in codes.split():
        assert render_text("{{ 1 | format_number: code }}", {"code": code})


@pytest.mark.parametrize(
    "spelling",
    [
        "2024-03-05T10:00:00Z",
        "2024-03-05T12:00:00+0200",
        "2024-03-05 10:00:00 UTC",
        "2024-03-05 12:00:00 +0200",
        "Tue, 05 Mar 2024 10:00:00 GMT",
        "Tue, 5 Mar 2024 05:00:00 EST",
        "5 March 2024 10:00",
        "March 5th, 2024 at 10:00 AM",
        "Tuesday, March 5, 2024, 10:00:00.000 am",
        "Tue Mar 05 2024 12:00:00 GMT+0200 (Eastern European Standard Time)",
        1709632800,
        "1709632800",
        1709632800000,
        "1709632800000",
    ],
)
def test_one_moment_in_many_spellings(spelling: object) -> None:
    """Dates in words, of mails and of JavaScript are read, and large numbers are milliseconds."""
    source = "{{ at | date: '%Y-%m-%dT%H:%M:%SZ', 'UTC' }}"
    assert render_text(source, {"at": spelling}) == "2024-03-05T10:00:00Z"


def test_a_date_in_words_needs_no_time() -> None:
    """A day alone is its midnight in UTC, and keeps no offset."""
    assert render_text("{{ 'March 14, 2016' | date: '%b %d, %y' }}", {}) == "Mar 14, 16"
    assert render_text("{{ 'noon' | date: '%Y' }}", {}) == "noon"


@pytest.mark.parametrize(
    "text",
    ["05/03/2024", "next week", "March 2024", "5 March", "March 32, 2024", "2024", "Monday",
     "31 Feb 2024", "March 5, 2024 25:00", "March 5, 2024 for us", "5 5 March 2024", "1 2 3"],
)  # fmt: skip
def test_what_may_mean_several_days_is_no_date(text: str) -> None:
    """A text that does not name one day stays as it is."""
    printed = render_text("{{ at | date: '%d' }}", {"at": text})
    assert printed == ("01" if text == "2024" else text)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ nil | compare_versions: '1.0' }}{{ '1.0' | compare_versions: missing }}", ""),
        ("{{ nil | from_json }}{{ '' | from_json }}{{ missing | from_json }}", ""),
    ],
)
def test_nothing_prints_nothing(source: str, expected: str) -> None:
    """A version or JSON that is not there is no error."""
    assert render_text(source, {}) == expected
