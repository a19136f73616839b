# SPDX-License-Identifier: GPL-2.0-or-later
"""Real mails for tests, one by one or as a thread written as a picture.

A picture has a line a mail; what stands further to the right answers what stands above it::

    + [PATCH 0/2] Feature
    +--> [PATCH 1/2] One               #one
    |  +--> bob: Re: [PATCH 1/2] One   says=Reviewed-by: Bob <bob@example.org>
    |     +--> [PATCH v2 1/2] One      @3d

Alice wrote it unless somebody else is named. Each was sent a minute after the line above; ``@3d``
(``@5h``, ``@7m``): that long after the beginning. Behind two blanks may stand ``diff`` (it shows a
diff although it looks like no patch), ``nodiff``, ``says=...`` (to the end of the line).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

LIST_ID = "list.example.org"
BEGINNING = datetime(2024, 1, 1, 12, tzinfo=UTC)

_LINE = re.compile(
    r"(?P<tree>[ |+>-]*)(?:(?P<who>[a-z]+): )?(?P<subject>\S.*?)(?:  +(?P<notes>.*))?"
)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def diff(name: str = "file.c", line: str = "new") -> str:
    """A small diff, a different one for each name and line."""
    return (
        f"diff --git a/{name} b/{name}\nindex 1111111..2222222 100644\n"
        f"--- a/{name}\n+++ b/{name}\n@@ -1,2 +1,3 @@\n context\n+{line}\n context\n"
    )


def address(who: str) -> str:
    return f"{who.title()} <{who}@example.org>"


def mail(
    subject: str,
    *,
    who: str = "alice",
    msgid: str = "<1@example.org>",
    references: Sequence[str] = (),
    date: datetime = BEGINNING,
    text: str = "A text.\n",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """One mail of the list."""
    fields = {
        "From": address(who),
        "To": f"<{LIST_ID.replace('.', '@', 1)}>",
        "Subject": subject,
        "Date": format_datetime(date),
        "Message-ID": msgid,
        "List-Id": f"<{LIST_ID}>",
    }
    if references:
        fields["In-Reply-To"] = references[-1]
        fields["References"] = " ".join(references)
    fields |= headers or {}
    head = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return f"{head}\n{text}".encode()


def patch(
    subject: str, *, text: str = "Because.\n\nSigned-off-by: A <a@example.org>\n", **more: object
) -> bytes:
    """One patch mail, its diff made from its subject."""
    body = f"{text}---\n file.c | 1 +\n\n{diff(line=subject)}-- \n2.39.5\n"
    return mail(subject, text=body, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Above:
    column: int
    msgid: str


def thread(picture: str, prefix: str = "m") -> list[bytes]:
    """The mails of a picture, from top to bottom."""
    mails = []
    path: list[_Above] = []
    date = BEGINNING - timedelta(minutes=1)
    for number, line in enumerate(filter(str.strip, picture.splitlines())):
        match = _LINE.fullmatch(line.rstrip())
        assert match is not None, line
        notes = match["notes"] or ""
        column = len(match["tree"])
        while path and path[-1].column >= column:
            path.pop()
        date = _date(notes, date)
        name = re.search(r"#(\S+)", notes)
        msgid = f"<{name[1] if name else f'{prefix}{number}'}@example.org>"
        mails.append(
            _letter(match["subject"], notes)(
                match["subject"],
                who=match["who"] or "alice",
                msgid=msgid,
                references=[above.msgid for above in path],
                date=date,
                **({"text": says[1] + "\n"} if (says := re.search(r"says=(.*)", notes)) else {}),
            )
        )
        path.append(_Above(column, msgid))
    return mails


def _letter(subject: str, notes: str) -> Callable[..., bytes]:
    is_patch = "[" in subject and not subject.startswith("Re:") and "0/" not in subject
    if "nodiff" in notes:
        return mail
    return patch if is_patch or re.search(r"\bdiff\b", notes) else mail


def _date(notes: str, before: datetime) -> datetime:
    if match := re.search(r"@([\d.]+)([mhd])\b", notes):
        return BEGINNING + timedelta(**{_UNITS[match[2]]: float(match[1])})
    return before + timedelta(minutes=1)
