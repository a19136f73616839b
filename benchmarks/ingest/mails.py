# SPDX-License-Identifier: GPL-2.0-or-later
"""The mails that are measured with: an archive, or synthetic ones."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from patchwork.ingest.sources import Found, Source, find

LIST_ID = "test.example.com"
LIST_ADDRESS = "test@example.com"
PATCHES_PER_SERIES = 4

_TRUTH = re.compile(r"<(\d+\.\d+)-")
_FIRST_DATE = datetime(2015, 1, 1, tzinfo=UTC)
_SEED = 20_240_229
_WORDS = """acpi bridge cache clock driver event fault filter flag guard handle index input kernel
latch limit mutex option page parser queue reader register ring route shadow signal slot socket
table thread timer token trace verifier window writer""".split()  # noqa: SIM905 (a text is easier to read)


def read(archive: Path) -> list[bytes]:
    """All mails of an archive."""
    return [found.raw for source in find(str(archive)).sources for found in source.mails()]


def shuffled(raws: list[bytes]) -> list[bytes]:
    """The same mails in an order that is wrong, but the same each time."""
    mixed = list(raws)
    random.Random(_SEED).shuffle(mixed)
    return mixed


def posting_of(msgid: str) -> str | None:
    """The posting that a patch or a cover letter is of, which its Message-ID tells."""
    found = _TRUTH.match(msgid)
    return found[1] if found else None


class Listed(Source):
    """Mails that are at hand already."""

    def __init__(self, raws: list[bytes]) -> None:
        super().__init__("a list", 0, None)
        self._raws = raws

    def mails(self, after: str = "") -> Iterator[Found]:
        for number, raw in enumerate(self._raws, 1):
            yield Found(raw, str(number))

    def position(self) -> int:
        return 0


def synthetic_archive(path: Path, count: int) -> Path:
    """An mbox with so many synthetic mails."""
    with path.open("wb") as file:
        for number, raw in enumerate(synthetic(), 1):
            file.write(b"From nobody Mon Sep 17 00:00:00 2001\n" + raw + b"\n")
            if number == count:
                break
    return path


def synthetic(serial: int = 0) -> Iterator[bytes]:
    """Series after series: a cover letter, four patches, a reply. As many as somebody wants.

    Others than these, when they are counted from another serial on.
    """
    chance = random.Random(_SEED + serial)
    while True:
        serial += 1
        yield from _series(serial, chance)


def _series(serial: int, chance: random.Random) -> Iterator[bytes]:
    date = _FIRST_DATE + timedelta(minutes=7 * (serial % 1_000_000))
    author, reviewer = (f"dev{number}" for number in chance.sample(range(400), 2))
    title = " ".join(chance.choices(_WORDS, k=5))
    total = PATCHES_PER_SERIES
    cover = f"<{date:%Y%m%d%H%M%S}.{serial}-1-{author}@example.net>"
    yield _mail(author, date, f"[PATCH 0/{total}] {title} {serial}", cover, [], _lines(chance, 8))
    for number in range(1, total + 1):
        msgid = f"<{date:%Y%m%d%H%M%S}.{serial}-{number + 1}-{author}@example.net>"
        subject = f"[PATCH {number}/{total}] {' '.join(chance.choices(_WORDS, k=4))}"
        text = _patch(author, chance)
        yield _mail(author, date + timedelta(seconds=number), subject, msgid, [cover], text)
    reply = f"<reply-{serial}@example.net>"
    text = f"{_lines(chance, 3)}\nReviewed-by: {reviewer} <{reviewer}@example.net>\n"
    later = date + timedelta(hours=3)
    yield _mail(
        reviewer, later, f"Re: [PATCH {total}/{total}] {title}", reply, [cover, msgid], text
    )


def _mail(
    sender: str, date: datetime, subject: str, msgid: str, references: Iterable[str], text: str
) -> bytes:
    headers = [
        f"From: {sender.title()} <{sender}@example.net>",
        f"To: {LIST_ADDRESS}",
        f"Date: {format_datetime(date)}",
        f"Subject: {subject}",
        f"Message-ID: {msgid}",
        *(f"{name}: {' '.join(references)}" for name in ("References", "In-Reply-To")),
        f"List-Id: <{LIST_ID}>",
    ]
    return "\n".join([*filter(lambda line: line[-2:] != ": ", headers), "", text]).encode()


def _lines(chance: random.Random, count: int) -> str:
    return "\n".join(" ".join(chance.choices(_WORDS, k=10)) for _ in range(count)) + "\n"


def _patch(author: str, chance: random.Random) -> str:
    file = f"{chance.choice(_WORDS)}/{chance.choice(_WORDS)}.c"
    line = chance.randrange(1, 2000)
    before, after = (" ".join(chance.choices(_WORDS, k=6)) for _ in range(2))
    return (
        f"{_lines(chance, 4)}\n"
        f"Signed-off-by: {author.title()} <{author}@example.net>\n"
        "---\n"
        f" {file} | 2 +-\n"
        " 1 file changed, 1 insertion(+), 1 deletion(-)\n\n"
        f"diff --git a/{file} b/{file}\n"
        f"--- a/{file}\n"
        f"+++ b/{file}\n"
        f"@@ -{line},3 +{line},3 @@ {chance.choice(_WORDS)}()\n"
        " {\n"
        f"-\t{before};\n"
        f"+\t{after};\n"
        " }\n"
        "-- \n2.39.5\n"
    )
