"""The attachments of an e-mail, found in the data of its run.

Source: Knock docs, "Email attachments".
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from typing import cast

from domain.conditions import lookup
from domain.kit.json_types import JsonObject
from domain.messages.attachments import Attachment, Disposition
from templating.limits import LiquidError
from templating.liquid.renderer import one_line

# Where they stand in the data, unless a template says otherwise.
ATTACHMENTS = "attachments"
# Most files of one e-mail. A trigger carries 10 MB, and vendors take 10 to 40; files without end
# would be many parts of a mail that no program opens.
_MOST = 100
_LONGEST = 255
_DISPOSITIONS = ("inline", "attachment")
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - no password
# RFC 2045, 5.1.
_CONTENT_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}(?: *; *{_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]*"))*;? *')
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,128}")


def read_attachments(template: JsonObject, data: Mapping[str, object]) -> list[Attachment]:
    """Return the attachments that the data of a run brings for an e-mail.

    They stand at the template's `settings.attachment_key`, a path into the data, as one object or
    as a list of objects. What is no object there is data of another kind, and is none.

    Raises:
        LiquidError: one lacks what it needs, is malformed, or there are too many.
    """
    key = (template.get("settings") or {}).get("attachment_key") or ATTACHMENTS
    found = lookup({**data, "data": data}, key) if isinstance(key, str) else None
    given = found if isinstance(found, list) else [found]
    place = f"data.{str(key).removeprefix('data.')}"
    named = [
        (f"{place}[{number}]" if isinstance(found, list) else place, each)
        for number, each in enumerate(given)
        if isinstance(each, dict)
    ]
    if len(named) > _MOST:
        raise LiquidError(f"an e-mail may have at most {_MOST} attachments", field=place)
    faults = [f"{where}.{fault}" for where, each in named for fault in _faults(each)]
    if faults:
        more = f"; and {len(faults) - 10} more faults" if len(faults) > 10 else ""
        raise LiquidError("; ".join(faults[:10]) + more)
    return [_read(each, where) for where, each in named]


def _faults(given: JsonObject) -> Iterator[str]:
    """Yield what is wrong with an attachment, each fault after the name of its member."""
    for required in ("name", "content_type", "content"):
        if not isinstance(given.get(required), str) or not given[required].strip():
            yield f"{required} is required, as a string"
    if len(str(given.get("name"))) > _LONGEST:
        yield f"name has more than {_LONGEST} characters"
    kind = str(given.get("content_type") or "text/plain").strip()
    if len(kind) > _LONGEST or not _CONTENT_TYPE.fullmatch(kind):
        yield "content_type is not a MIME type"
    content_id = given.get("content_id")
    if content_id and not _CONTENT_ID.fullmatch(_bare(content_id)):
        yield "content_id is not a Content-ID"
    disposition = given.get("disposition")
    if disposition and str(disposition).lower() not in _DISPOSITIONS:
        yield "disposition is neither inline nor attachment"


def _read(given: JsonObject, where: str) -> Attachment:
    # Many encoders write lines.
    encoded = "".join(given["content"].split())
    try:
        content = binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError:
        raise LiquidError("is not base64", field=f"{where}.content") from None
    disposition = given.get("disposition")
    return Attachment(
        name=one_line(given["name"]),
        content_type=given["content_type"].strip(),
        content=content,
        content_id=_bare(given["content_id"]) if given.get("content_id") else None,
        disposition=cast(Disposition, disposition.lower()) if disposition else None,
    )


def _bare(content_id: object) -> str:
    return str(content_id).strip().removeprefix("<").removesuffix(">")
