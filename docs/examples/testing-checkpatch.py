#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a checker such as checkpatch.pl on new series, and post what it says.

Reads events as "git pw poll-events" prints them. Each new revision is marked as pending; then the
checker gets the mail of every patch on its standard input, and all that it has printed becomes the
summary of the result. A line for cron:

    git pw poll-events | testing-checkpatch.py --checker 'scripts/checkpatch.pl --mailback -'
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from enum import Enum
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LONGEST_SUMMARY = 60_000
"""Characters. Whoever needs more puts the whole log somewhere, and posts its address."""
MAIL_BEGINS = re.compile(rb"^From \S+ .*\d{4}$", re.MULTILINE)
SUBJECT = re.compile(rb"^Subject:[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE | re.IGNORECASE)
TOTALS = re.compile(r"^total: (\d+) errors?, (\d+) warnings?", re.MULTILINE)


class State(Enum):
    """From harmless to bad."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class Verdict(NamedTuple):
    """What the checker said of one patch."""

    subject: str
    state: State
    text: str


class Revision(NamedTuple):
    """What is to be tested."""

    series: int
    number: int


class Trouble(Exception):
    """A revision could not be tested, which is not the fault of its patches."""


def main(arguments: Sequence[str]) -> int:
    asked = parser().parse_args(arguments)
    if not shutil.which(asked.checker[0]):
        print(f"{asked.checker[0]}: no such program", file=sys.stderr)
        return 2
    failures = 0
    for line in sys.stdin:
        try:
            revision = new_revision(line)
            if revision:
                test(revision, asked)
        except Trouble as trouble:
            # The others are still to be tested.
            print(f"{line.strip()}: {trouble}", file=sys.stderr)
            failures += 1
    return 1 if failures else 0


def parser() -> argparse.ArgumentParser:
    what, _, how = (__doc__ or "").partition("\n")
    made = argparse.ArgumentParser(
        description=what, epilog=how, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--checker",
        metavar="COMMAND",
        type=command,
        default="scripts/checkpatch.pl --mailback -",
        help="reads a patch from its standard input (%(default)s)",
    )
    made.add_argument("--test-name", metavar="NAME", default="checkpatch.pl", help="(%(default)s)")
    made.add_argument(
        *("--git-pw",),
        metavar="COMMAND",
        type=command,
        default="git pw",
        help="how to call git-pw (%(default)s)",
    )
    made.add_argument("--url", help="where to read more, for the results")
    made.add_argument(
        *("--timeout",),
        type=float,
        metavar="SECONDS",
        default=300,
        help="how long the checker may take for a patch (%(default)s)",
    )
    made.add_argument(
        "--dry-run", action="store_true", help="print the results instead of posting them"
    )
    return made


def command(line: str) -> list[str]:
    """The words of a command; one that is empty or has a quote open is refused."""
    words = shlex.split(line)
    if not words:
        raise ValueError(line)
    return words


def new_revision(line: str) -> Revision | None:
    """The revision that an event tells of, if it is one of those events."""
    try:
        event = json.loads(line)
        if event["name"] != "series-new-revision":
            return None
        return Revision(int(event["series"]), int(event["parameters"]["revision"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Trouble(f"not an event: {error!r}") from error


def test(revision: Revision, asked: argparse.Namespace) -> None:
    post(revision, asked, "pending", "")
    try:
        verdicts = checked(revision, asked)
    except Trouble as trouble:
        # Nobody shall wait for a result that does not come.
        post(revision, asked, State.WARNING.value, f"Not tested: {trouble}")
        raise
    worst = max(verdicts, key=lambda verdict: list(State).index(verdict.state)).state
    post(revision, asked, worst.value, summary(verdicts))


def checked(revision: Revision, asked: argparse.Namespace) -> list[Verdict]:
    mails = list(split(git_pw(asked, "mbox", "-r", str(revision.number), str(revision.series))))
    if not mails:
        raise Trouble("the revision has no patches")
    return [check(mail, asked) for mail in mails]


def split(mbox: bytes) -> Iterator[bytes]:
    """The mails of an mbox. A line in a message that begins with From is no border."""
    begins = [
        found.start()
        for found in MAIL_BEGINS.finditer(mbox)
        if found.start() == 0 or mbox.endswith(b"\n\n", 0, found.start())
    ]
    for start, end in zip(begins, [*begins[1:], len(mbox)]):
        yield mbox[start:end]


def check(mail: bytes, asked: argparse.Namespace) -> Verdict:
    """What the checker says; one that takes too long or crashes has not said anything good."""
    found = SUBJECT.search(mail)
    words = found[1].decode("utf-8", "replace") if found else "a patch without subject"
    subject = " ".join(words.split())
    try:
        done = subprocess.run(
            asked.checker,
            input=mail,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=asked.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        late = f"The checker was stopped after {asked.timeout:g} seconds."
        return Verdict(subject, State.WARNING, late)
    except OSError as error:
        raise Trouble(f"{asked.checker[0]}: {error.strerror}") from error
    text = done.stdout.decode("utf-8", "replace").strip()
    return Verdict(subject, judged(done.returncode, text), text)


def judged(status: int, text: str) -> State:
    """By the totals that checkpatch.pl prints, or by the exit status of checkers that do not."""
    totals = TOTALS.search(text)
    if totals:
        errors, warnings = int(totals[1]), int(totals[2])
        return State.FAILURE if errors else State.WARNING if warnings else State.SUCCESS
    return State.FAILURE if status else State.SUCCESS


def summary(verdicts: Iterable[Verdict]) -> str:
    told = "\n\n".join(f"{each.subject}: {each.state.value}\n{each.text}" for each in verdicts)
    if len(told) <= LONGEST_SUMMARY:
        return told
    return f"{told[:LONGEST_SUMMARY]}\n(and {len(told) - LONGEST_SUMMARY} characters more)"


def post(revision: Revision, asked: argparse.Namespace, state: str, text: str) -> None:
    if asked.dry_run:
        print(f"series {revision.series} (rev {revision.number}): {state}")
        if text:
            print(text)
        return
    more = ["--url", asked.url] if asked.url else []
    which = ["-r", str(revision.number), str(revision.series), asked.test_name, state]
    # In a file, because a command line has an end.
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "summary")
        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        git_pw(asked, "post-result", *which, *more, "--summary-from-file", path)


def git_pw(asked: argparse.Namespace, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            [*asked.git_pw, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise Trouble(f"{asked.git_pw[0]}: {error.strerror}") from error
    if done.returncode != 0:
        raise Trouble(done.stderr.decode("utf-8", "replace").strip() or "git-pw failed")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
