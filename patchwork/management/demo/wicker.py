# SPDX-License-Identifier: GPL-2.0-or-later
"""What went over the list of wicker, an invented tool that weaves log files into one timeline."""

from __future__ import annotations

from patchwork.management.demo.cast import BJORK, IGOR, LIN, NIAMH, OTTO, PETR, TADEO, YAW
from patchwork.management.demo.decisions import Decisions
from patchwork.management.demo.lists import MailingList
from patchwork.management.demo.trees import Create, Delete, Edit, Rename, Tree, apply_all, commit

BASE: Tree = {
    "README.md": """\
# wicker

Weaves the log files of several hosts into one timelime:

    wicker gate.log kitchen.log

Needs Python 3.9 and nothing else. Patches are welcome on the mailing list.
""",
    "wicker/__init__.py": '"""Weave log files into one timeline."""\n\n__version__ = "0.4"\n',
    "wicker/reader.py": '''\
"""Lines of log files, with the moment each was written."""

from datetime import datetime


class Line:
    def __init__(self, moment, source, text):
        self.moment = moment
        self.source = source
        self.text = text

    def __lt__(self, other):
        return self.moment < other.moment


def read(path):
    """The lines of a file, oldest first."""
    with open(path) as file:
        for text in file:
            stamp, _, rest = text.rstrip("\\n").partition(" ")
            yield Line(datetime.fromisoformat(stamp), path, rest)
''',
    "wicker/weave.py": '''\
"""Put lines of several sources in order."""

from heapq import merge

from wicker.reader import read


def weave(paths):
    return merge(*(read(path) for path in paths))
''',
    "wicker/cli.py": '''\
"""The command line."""

import sys

from wicker.weave import weave


def main():
    paths = sys.argv[1:]
    if not paths:
        print("usage: wicker FILE...", file=sys.stderr)
        return 2
    for line in weave(paths):
        print(line.moment.isoformat(), line.source, line.text)
    return 0
''',
    "tests/test_weave.py": """\
from wicker.weave import weave


def test_two_files_become_one(tmp_path):
    gate = tmp_path / "gate.log"
    gate.write_text("2024-05-01T10:00:00 open\\n2024-05-01T10:02:00 closed\\n")
    kitchen = tmp_path / "kitchen.log"
    kitchen.write_text("2024-05-01T10:01:00 kettle on\\n")
    texts = [line.text for line in weave([str(gate), str(kitchen)])]
    assert texts == ["open", "kettle on", "closed"]
""",
}

TYPO = commit(
    "README: fix typo",
    "timelime -> timeline",
    Edit("README.md", "into one timelime", "into one timeline"),
)
TYPO_TOO = commit(
    "README: fix typo",
    "",
    Edit("README.md", "one timelime:", "one timeline:"),
    Edit("README.md", "Needs Python 3.9 and", "It needs Python 3.9 and"),
)

MULTILINE_READ = commit(
    "reader: keep tracebacks with the line that they belong to",
    """
A line that does not begin with a moment belongs to the one before it. Until
now it ended the program with a ValueError.
""",
    Edit(
        "wicker/reader.py",
        """\
        for text in file:
            stamp, _, rest = text.rstrip("\\n").partition(" ")
            yield Line(datetime.fromisoformat(stamp), path, rest)
""",
        """\
        line = None
        for text in file:
            moment, rest = split(text.rstrip("\\n"))
            if moment is None and line is not None:
                line.text += "\\n" + rest
            elif moment is not None:
                if line is not None:
                    yield line
                line = Line(moment, path, rest)
        if line is not None:
            yield line


def split(text):
    \"\"\"The moment that a line begins with, if it does, and the rest.\"\"\"
    stamp, _, rest = text.partition(" ")
    try:
        return datetime.fromisoformat(stamp), rest
    except ValueError:
        return None, text
""",
    ),
)
MULTILINE_TEST = commit(
    "tests: hold tracebacks together",
    "",
    Create(
        "tests/test_reader.py",
        """\
from wicker.reader import read


def test_traceback_stays_with_its_line(tmp_path):
    log = tmp_path / "gate.log"
    log.write_text("2024-05-01T10:00:00 failed\\nTraceback:\\n  gate.py, line 7\\n")
    (line,) = read(str(log))
    assert line.text == "failed\\nTraceback:\\n  gate.py, line 7"
""",
    ),
)

ZONE_OPTION = commit(
    "cli: take --zone",
    """
For hosts that write local time and do not say so.
""",
    Edit(
        "wicker/cli.py",
        "    paths = sys.argv[1:]\n",
        """\
    paths = sys.argv[1:]
    zone = None
    if paths[:1] == ["--zone"]:
        zone, paths = ZoneInfo(paths[1]), paths[2:]
""",
    ),
    Edit("wicker/cli.py", "import sys\n", "import sys\nfrom zoneinfo import ZoneInfo\n"),
    Edit("wicker/cli.py", "weave(paths):", "weave(paths, zone):"),
)
ZONE_WEAVE = commit(
    "weave: pass the zone on",
    "",
    Edit("wicker/weave.py", "def weave(paths):", "def weave(paths, zone=None):"),
    Edit("wicker/weave.py", "(read(path) for", "(read(path, zone) for"),
)
ZONE_READ = commit(
    "reader: give moments without a zone the one that was asked for",
    """
Comparing a moment with a zone to one without raises TypeError, so a file of
each kind could not be woven at all.
""",
    Edit("wicker/reader.py", "def read(path):", "def read(path, zone=None):"),
    Edit(
        "wicker/reader.py",
        "            yield Line(datetime.fromisoformat(stamp), path, rest)\n",
        """\
            moment = datetime.fromisoformat(stamp)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=zone or timezone.utc)
            yield Line(moment, path, rest)
""",
    ),
    Edit("wicker/reader.py", "import datetime\n", "import datetime, timezone\n"),
)
ZONE_SHOW = commit(
    "cli: print everything in the zone that was asked for",
    """
Otherwise neighbours in the timeline can be hours apart on paper.
""",
    Edit("wicker/cli.py", "line.moment.isoformat()", "line.moment.astimezone(zone).isoformat()"),
)

FOLLOW = commit(
    "cli: add --follow",
    """
Looks at the end of each file once a second, as tail -f does.

Signed with a heavy heart: it is a busy loop.
""",
    Edit("wicker/cli.py", "import sys\n", "import sys\nimport time\n"),
    Edit(
        "wicker/cli.py",
        "    return 0\n",
        """\
    while follow:
        time.sleep(1)
        for line in weave(paths):
            if line.moment > last:
                print(line.moment.isoformat(), line.source, line.text)
                last = line.moment
    return 0
""",
    ),
)

LAYOUT = commit(
    "Move the package below src/",
    """
So that the tests run against what is installed, not against what lies around.
""",
    *(
        Rename(f"wicker/{name}", f"src/wicker/{name}")
        for name in ("__init__.py", "reader.py", "weave.py", "cli.py")
    ),
)
PYPROJECT = commit(
    "Describe the package in pyproject.toml",
    "",
    Create(
        "pyproject.toml",
        '[project]\nname = "wicker"\nversion = "0.4"\nrequires-python = ">=3.9"\n\n'
        '[project.scripts]\nwicker = "wicker.cli:main"\n',
    ),
)

COLOUR = commit(
    "cli: a colour for each source",
    """
Only on a terminal, and not when NO_COLOR is set.
""",
    Create(
        "wicker/colour.py",
        '''\
"""A colour for each source."""

import os
import sys
from zlib import crc32

COLOURS = (31, 32, 33, 34, 35, 36)


def wanted():
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def paint(source):
    if not wanted():
        return source
    return f"\\033[{COLOURS[crc32(source.encode()) % len(COLOURS)]}m{source}\\033[0m"
''',
    ),
    Edit("wicker/cli.py", "line.source, line.text", "paint(line.source), line.text"),
    Edit(
        "wicker/cli.py", "from wicker.weave", "from wicker.colour import paint\nfrom wicker.weave"
    ),
)

GZIP = commit(
    "reader: read files that logrotate has packed",
    "",
    Edit("wicker/reader.py", "    with open(path) as file:\n", "    with opened(path) as file:\n"),
    Edit(
        "wicker/reader.py",
        "def read(path):\n",
        """\
def opened(path):
    if path.endswith(".gz"):
        return gzip.open(path, "rt")
    return open(path)


def read(path):
""",
    ),
    Edit("wicker/reader.py", "from datetime", "import gzip\nfrom datetime"),
)

OLD_TESTS = commit(
    "tests: drop the only one that is slow",
    "It takes 3 ms.",
    Delete("tests/test_weave.py"),
)

USAGE = commit(
    "cli: print the version with --version",
    "",
    Edit(
        "wicker/cli.py",
        "    paths = sys.argv[1:]\n",
        """\
    if sys.argv[1:] == ["--version"]:
        print(__version__)
        return 0
    paths = sys.argv[1:]
""",
    ),
    Edit("wicker/cli.py", "from wicker.weave", "from wicker import __version__\nfrom wicker.weave"),
)


def tell(ml: MailingList, decisions: Decisions) -> None:
    """Everything that went over the list, oldest first."""
    _typos(ml, decisions)
    tree = apply_all(BASE, [TYPO])
    _zones(ml, decisions, tree)
    _tracebacks(ml, decisions, tree)
    _layout(ml, decisions, tree)
    _single_patches(ml, decisions, tree)


def _typos(ml: MailingList, decisions: Decisions) -> None:
    """Two people see the same mistake; the second is not a new revision of the first."""
    first = ml.post(PETR, 30.6, "typo", BASE, [TYPO])
    ml.reply(first.first, TADEO, 30.4, "typo-r1", f"Thanks, Petr!\n\n{TADEO.signs('Acked-by')}")
    decisions.state("Accepted", first)
    decisions.commit("c0ffee5ab1e0fade5e1ec7ed0ddba11ca5cade42", first)
    decisions.archive(first)
    second = ml.post(LIN, 29.8, "typo-too", BASE, [TYPO_TOO])
    ml.reply(second.first, PETR, 29.7, "typo-too-r1", "You are a day late, somebody was faster :)")
    decisions.state("Not Applicable", second)


def _zones(ml: MailingList, decisions: Decisions, base: Tree) -> None:
    """A second round with another number of patches, announced in its title."""
    first = ml.post(
        IGOR,
        18.2,
        "zones.v1",
        base,
        [ZONE_OPTION, ZONE_WEAVE],
        title="Hosts that do not tell their time zone",
        letter="""
Our gate writes local time without saying so. This adds --zone.

It does not do anything yet; I would like to hear what you think of the option.
""",
    )
    doubt = ml.reply(
        first.cover or first.first,
        TADEO,
        17.5,
        "zones.v1-r1",
        """
> It does not do anything yet; I would like to hear what you think of the option.

The option is right. But send it together with what makes it work, please, so that each commit
can be tried.
""",
    )
    ml.reply(
        doubt,
        OTTO,
        17.3,
        "zones.v1-r2",
        """
On a side note: what about files from the hour that daylight saving time repeats?

>> Our gate writes local time without saying so.
> The option is right.

fold=0 for all of them would be wrong every autumn.
""",
    )
    second = ml.post(
        IGOR,
        12.8,
        "zones.v2",
        base,
        [ZONE_READ, ZONE_WEAVE, ZONE_OPTION, ZONE_SHOW],
        title="Hosts that do not tell their time zone (v2)",
        letter="""
Our gate writes local time without saying so. This adds --zone, and now it
works: what was missing are the first patch and the last.

The repeated hour in autumn is not solved. I do not know how to.
""",
    )
    for number in (1, 2):
        ml.reply(
            second.patches[number], TADEO, 11.9, f"zones.v2-r{number}", TADEO.signs("Reviewed-by")
        )
    ml.reply(
        second.patches[4],
        OTTO,
        11.4,
        "zones.v2-r4",
        f"""
> Otherwise neighbours in the timeline can be hours apart on paper.

They were, here. Thanks!

{OTTO.signs("Tested-by")}
{NIAMH.signs("Tested-by")}
""",
    )
    decisions.state("Accepted", second, (1, 2))
    decisions.state("Under Review", second, (3, 4))
    decisions.delegate("tadeo", second)
    decisions.review("tadeo", second)
    decisions.result("tests", "success", second, summary="py3.9 py3.10 py3.11 py3.12: 2 passed")
    decisions.result("types", "info", second, summary="no annotations, nothing to check")


def _tracebacks(ml: MailingList, decisions: Decisions, base: Tree) -> None:
    """Patches without a cover letter, accepted in part."""
    posted = ml.post(NIAMH, 9.3, "tracebacks", base, [MULTILINE_READ, MULTILINE_TEST])
    ml.reply(
        posted.patches[1],
        TADEO,
        8.8,
        "tracebacks-r1",
        f"""
> +            if moment is None and line is not None:
> +                line.text += "\\n" + rest

For a traceback of 100,000 lines this is quadratic, but then there are other problems. Taken.

{TADEO.signs("Reviewed-by")}
""",
    )
    ml.reply(
        posted.patches[2],
        TADEO,
        8.7,
        "tracebacks-r2",
        """
> +    (line,) = read(str(log))

Nice trick. What does it say for a file that begins with the traceback?
""",
    )
    decisions.state("Accepted", posted, (1,))
    decisions.delegate("tadeo", posted)
    decisions.check("tests", "success", posted, summary="3 passed")


def _layout(ml: MailingList, decisions: Decisions, base: Tree) -> None:
    """Renames, and a result that says no."""
    posted = ml.post(
        PETR,
        5.2,
        "layout",
        base,
        [LAYOUT, PYPROJECT],
        title="A package that can be installed",
        letter="""
Move the modules below src/ and describe the package, so that

    pip install .

works. No line of code changes.
""",
    )
    ml.reply(
        posted.cover or posted.first,
        BJORK,
        4.9,
        "layout-r1",
        f"""
I package wicker for my distribution and have been waiting for this.

{BJORK.signs("Acked-by")}
""",
    )
    decisions.result(
        "tests",
        "failure",
        posted,
        url="https://ci.example.org/wicker/77/",
        summary="tests/test_weave.py: ModuleNotFoundError: No module named 'wicker'",
    )
    decisions.review("tadeo", posted)


def _single_patches(ml: MailingList, decisions: Decisions, base: Tree) -> None:
    """What comes on any day."""
    follow = ml.post(YAW, 21.7, "follow", base, [FOLLOW])
    ml.reply(
        follow.first,
        TADEO,
        21.3,
        "follow-r1",
        """
> Signed with a heavy heart: it is a busy loop.

And it reads all files from the start every second. Somebody with inotify at hand should do
this; until then I will leave it.
""",
    )
    decisions.state("Deferred", follow)
    colour = ml.post(OTTO, 7.9, "colour", base, [COLOUR])
    ml.reply(
        colour.first,
        TADEO,
        7.6,
        "colour-r1",
        """
> +    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")

This asks for each line. Ask once, at the start. Then I will gladly take it.
""",
    )
    decisions.state("Changes Requested", colour)
    decisions.delegate("tadeo", colour)
    decisions.check("tests", "success", colour, summary="3 passed")
    decisions.check("spelling", "failure", colour, summary="wicker/colour.py: colour -> color")
    ml.post(LIN, 3.6, "gzip", base, [GZIP])
    ml.post(NIAMH, 2.7, "old-tests", base, [OLD_TESTS], prefix="PATCH RFC")
    ml.post(BJORK, 0.3, "version", base, [USAGE])
