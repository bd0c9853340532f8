"""Who asks for a tracked link: a person, or a program that only looks where it leads.

Chat apps fetch every link of a message to show a preview of its target, and browsers fetch what
may be wanted next. Neither is a click. Scanners of mail that disguise themselves as browsers cannot
be told from people; that is a limit of all tracking (Knock docs: "Link and open tracking").
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Programs that say so themselves. Images are fetched through proxies for people: those of mail
# programs (GoogleImageProxy, YahooMailProxy) are not among these.
_PROGRAM = re.compile(
    r"bot\b|crawl|spider|preview|expanding|unfurl|facebookexternalhit|facebot|whatsapp/|embedly"
    r"|slack-imgproxy|barracuda|proofpoint|mimecast|safelinks",
    re.IGNORECASE,
)
_PREFETCH_HEADERS = ("purpose", "sec-purpose", "x-purpose", "x-moz")


def is_person(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a request counts as somebody's doing.

    Args:
        method: of the request; HEAD only asks where a link leads.
        headers: of the request, by their names in small letters.
    """
    if method != "GET" or _PROGRAM.search(headers.get("user-agent", "")):
        return False
    wishes = " ".join(headers.get(name, "") for name in _PREFETCH_HEADERS).lower()
    return "prefetch" not in wishes and "preview" not in wishes
