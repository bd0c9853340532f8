"""Puts other addresses into the links of HTML, Markdown and plain text, and changes nothing else.

Only `https://` links are touched (Knock docs: "Link and open tracking"). Every pattern takes time
in proportion to the text: none looks past the next `<`, bracket or blank for an end that may be
missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape, unescape

from templating.markup.html_text import close_references

# What an anchor has that is not tracked; the attribute itself is not sent.
NO_TRACK = "data-knock-no-track"

Track = Callable[[str], str]

_ANCHOR = re.compile(
    r"<a(?=[\s/])(?P<attributes>(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+)>", re.IGNORECASE
)
_ATTRIBUTE = re.compile(
    r"(?P<name>[^\s\"'<>/=]++)(?:\s*+=\s*+(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'"
    r"|(?P<bare>[^\s\"'<>]++)))?"
)
_BODY_END = re.compile(r"</body\s*+>", re.IGNORECASE)
_HTML_END = re.compile(r"</html\s*+>", re.IGNORECASE)

# Browsers leave these out of an address.
_IGNORED = re.compile(r"[\t\r\n]")
_HTTPS = re.compile(r"https://[^\s/]", re.IGNORECASE)
# An address that stands alone ends at typographic quotes and the ellipsis, and at the punctuation
# of languages that put no blank behind an address.
_MARKS = (
    r"\u00ab\u00bb\u2018-\u201f\u2026\u2039\u203a\u3000-\u303f"
    r"\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
_BARE = rf"https://[^\s<>\"'`\\|{_MARKS}]++"
_TRAILING = ".,;:!?*_~"
_TEXT_URL = re.compile(_BARE, re.IGNORECASE)
_PAIRS = {")": "(", "]": "[", "}": "{"}
# What stands in code is shown, and what an image has is fetched: neither is a link.
_MARKDOWN = re.compile(
    r"(?P<code>```(?:[^`]|`(?!``))*+(?:```)?|`[^`\n]*+`)"
    r"|(?P<image>!\[[^\[\]\n]*+\]\([^()\s]*+)"
    r"|(?P<before>\[(?:[^\[\]\n]|\[[^\[\]\n]*+\](?:\([^()\s]*+\))?)*+\]\(\s*+<?)"
    r"(?P<target>(?:[^\s()<>]|\([^\s()<>]*+\))++)"
    r"|(?P<reference>^[ ]{0,3}\[[^\[\]\n]++\]:\s*+<?)(?P<defined>https://[^\s<>]++)"
    r"|<(?P<slack>https://[^\s<>|]++)\|(?P<shown>[^<>\n]*+)>"
    r"|<(?P<auto>https://[^\s<>]++)>"
    r"|(?P<anchor><a(?=[\s/])(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+>)"
    rf"|(?P<url>{_BARE})",
    re.IGNORECASE | re.MULTILINE,
)


def is_tracked(url: str) -> bool:
    """Tell whether a link is of the kind that is tracked."""
    return _HTTPS.match(url) is not None


def track_html(html: str, track: Track) -> str:
    """Put other addresses into the anchors of HTML, but for those that say `data-knock-no-track`.

    Args:
        html: a document or a fragment.
        track: returns the address for a link, perhaps the same.
    """

    def tracked(match: re.Match[str]) -> str:
        tag, attributes = match[0], match["attributes"]
        for found in _ATTRIBUTE.finditer(attributes):
            if found["name"].lower() == NO_TRACK:
                first, end = match.start("attributes") - match.start(), len(tag) - 1
                kept = attributes[: found.start()].rstrip() + attributes[found.end() :]
                return f"{tag[:first]}{kept}{tag[end:]}"
        for found in _ATTRIBUTE.finditer(attributes):
            if found["name"].lower() != "href":
                continue
            url = _value(found)
            address = track(url) if is_tracked(url) else url
            if address == url:
                return tag
            at = match.start("attributes") - match.start()
            return f'{tag[: at + found.start()]}href="{escape(address)}"{tag[at + found.end() :]}'
        return tag

    return _ANCHOR.sub(tracked, html)


def untracked_links(html: str) -> Iterator[str]:
    """Yield the links of anchors that say they are not to be tracked."""
    for match in _ANCHOR.finditer(html):
        found = {
            each["name"].lower(): _value(each)
            for each in reversed(list(_ATTRIBUTE.finditer(match["attributes"])))
        }
        if NO_TRACK in found and "href" in found:
            yield found["href"]


def _value(attribute: re.Match[str]) -> str:
    """Return the value of an attribute as a browser reads it."""
    written = next(
        (attribute[name] for name in ("double", "single", "bare") if attribute[name] is not None),
        "",
    )
    return _IGNORED.sub("", unescape(close_references(written))).strip()


def add_pixel(html: str, address: str) -> str:
    """Add an image that nobody sees to the end of a document's body."""
    pixel = (
        f'<img src="{escape(address)}" width="1" height="1" alt=""'
        ' style="border:0;display:block;height:1px;width:1px">'
    )
    ends = [*_BODY_END.finditer(html)] or [*_HTML_END.finditer(html)]
    at = ends[-1].start() if ends else len(html)
    return f"{html[:at]}{pixel}{html[at:]}"


def track_text(text: str, track: Track) -> str:
    """Put other addresses in the place of those in plain text."""

    def tracked(match: re.Match[str]) -> str:
        url, rest = _without_punctuation(match[0])
        return track(url) + rest if is_tracked(url) else match[0]

    return _TEXT_URL.sub(tracked, text)


def track_markdown(text: str, track: Track, *, bare: bool = True) -> str:
    """Put other addresses into the links of Markdown, Slack's and HTML's among them.

    An address that stands alone becomes a link that shows it.

    Args:
        text: the source.
        track: returns the address for a link, perhaps the same.
        bare: whether addresses that stand alone count as links.
    """

    def tracked(match: re.Match[str]) -> str:
        target = match["target"]
        if target:
            return match["before"] + _tracked(target, track)
        if match["defined"]:
            return match["reference"] + _tracked(match["defined"], track)
        if match["slack"]:
            return f"<{_tracked(match['slack'], track)}|{match['shown']}>"
        if match["anchor"]:
            return track_html(match["anchor"], track)
        if not bare or not (match["auto"] or match["url"]):
            return match[0]
        url, rest = (match["auto"], "") if match["auto"] else _without_punctuation(match["url"])
        address = _tracked(url, track)
        return match[0] if address == url else f"[{url}]({address}){rest}"

    return _MARKDOWN.sub(tracked, text)


def _tracked(written: str, track: Track) -> str:
    """Return the address for a link of Markdown, as it is written if it stays the same."""
    url = unescape(close_references(written))
    address = track(url) if is_tracked(url) else url
    return written if address == url else address


def _without_punctuation(url: str) -> tuple[str, str]:
    """Split what ends a sentence, or closes a bracket before it, from an address."""
    unopened = {close: url.count(close) - url.count(open_) for close, open_ in _PAIRS.items()}
    end = len(url)
    while end and (url[end - 1] in _TRAILING or unopened.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in unopened:
            unopened[url[end]] -= 1
    return url[:end], url[end:]
