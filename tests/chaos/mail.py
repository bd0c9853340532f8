"""What the SMTP sink received, and which kill made it receive something twice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path

from tests.chaos.killer import Kill
from tests.chaos.workflows import SUBJECT_PREFIX

# A part that is killed is missed for this long after it works again (heartbeats, time-outs).
_AFTERMATH_SECONDS = 1.0


@dataclass(slots=True)
class Mail:
    """The copies of one e-mail; instants are epoch seconds."""

    arrivals: list[float] = field(default_factory=list)
    message_ids: set[str] = field(default_factory=set)


def read_mail(folder: Path) -> dict[tuple[int, str], Mail]:
    """Return what arrived, by number of the trigger and user id."""
    parser = BytesHeaderParser(policy=policy.default)
    found: dict[tuple[int, str], Mail] = defaultdict(Mail)
    for path in sorted(folder.glob("*.eml")):
        with path.open("rb") as file:
            headers = parser.parse(file)
        prefix, number, user_id = str(headers["Subject"]).split()
        assert prefix == SUBJECT_PREFIX
        mail = found[int(number), user_id]
        mail.arrivals.append(int(path.name.partition("-")[0]) / 1e9)
        mail.message_ids.add(str(headers["Message-ID"]))
    return dict(found)


def causes(mail: Mail, kills: list[Kill]) -> list[str]:
    """Return the kills between the first and the last copy: one of them lost the outcome."""
    first, last = mail.arrivals[0] - _AFTERMATH_SECONDS, mail.arrivals[-1]
    return [f"{kill.part} at t+{kill.at_ms} ms" for kill in kills if first <= kill.at <= last]
