# SPDX-License-Identifier: GPL-2.0-or-later
"""A diff is in no charset: ``git am`` gets the bytes that were sent, whatever they mean."""

from __future__ import annotations

from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.test import Client

from patchwork.ingest.receiving import receive_many
from patchwork.projects.models import Project
from patchwork.tests import factories
from patchwork.tests.gits import am, git
from patchwork.tests.letters import LIST_ID
from patchwork.tracking import mbox
from patchwork.tracking.models import Patch
from patchwork.xmlrpc.methods import patch_get_mbox

Tree = Mapping[str, bytes]

_EVERY_BYTE = bytes(byte for byte in range(1, 256) if byte not in b"\r\n")
LINES = b"one\ntwo\nthree\n"
CAFE = "café\n".encode("latin-1")
CASES: dict[str, tuple[Tree, Tree]] = {
    "beside a line": ({"a": CAFE + LINES}, {"a": CAFE + b"new\n" + LINES}),
    "a line itself": ({"a": LINES + CAFE}, {"a": LINES + CAFE.upper() + CAFE}),
    "a new file": ({"b": LINES}, {"b": LINES, "a": CAFE}),
    "two charsets": (
        {"a": CAFE + LINES, "b": "café\n".encode() + LINES},
        {"a": CAFE + b"new\n" + LINES, "b": "café\nneu: größer\n".encode() + LINES},
    ),
    "Cyrillic": ({"a": "ночь\n".encode("koi8-r")}, {"a": "ночь\nдень\n".encode("koi8-r")}),
    "Japanese": ({"a": "表\n".encode("shift-jis")}, {"a": "表示\n".encode("shift-jis")}),
    "carriage returns": (
        {"a": b"one\r\ncaf\xe9\r\ntwo\r\n"},
        {"a": b"one\r\ncaf\xe9\r\nneu\xfc\r\n2\r\n"},
    ),
    "every byte": ({"a": LINES + _EVERY_BYTE}, {"a": _EVERY_BYTE + b"\n" + LINES}),
    "UTF-8": ({"a": "Größe\n".encode()}, {"a": "Größe: 東京\n".encode()}),
}
TRANSFERS: dict[str, Callable[[bytes], bytes]] = {
    "8bit": bytes,
    "quoted-printable": lambda body: b"\n".join(
        b2a_qp(line, istext=False) for line in body.split(b"\n")
    ),
    "base64": encodebytes,
}


def committed(repository: Path, tree: Tree) -> str:
    """The commit's tree, as git names it."""
    for path, content in tree.items():
        (repository / path).write_bytes(content)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=Brew it")
    return git(repository, "rev-parse", "HEAD^{tree}")


class Change:
    """A commit that came in as a mail, and a repository that does not have it yet."""

    def __init__(self, place: Path, before: Tree, after: Tree) -> None:
        self.repository = place / "repository"
        self.repository.mkdir()
        git(self.repository, "init", "--quiet", "--initial-branch=main")
        committed(self.repository, before)
        self.tree = committed(self.repository, after)
        git(self.repository, "format-patch", "--quiet", "-1", "-o", "../out")
        (file,) = (place / "out").iterdir()
        self.body = file.read_bytes().partition(b"\n\n")[2]
        git(self.repository, "reset", "--quiet", "--hard", "HEAD^")

    def received(self, transfer: str, charset: str, why: str = "") -> Patch:
        said = f"; charset={charset}" if charset else ""
        head = (
            f"From: Ada <ada@example.org>\nSubject: [PATCH] Brew it\nMessage-ID: <1@example.org>\n"
            f"Date: Mon, 01 Jan 2024 12:00:00 +0000\nList-Id: <{LIST_ID}>\nMIME-Version: 1.0\n"
            f"Content-Type: text/plain{said}\nContent-Transfer-Encoding: {transfer}\n\n"
        )
        body = why.encode(charset or "ascii") + self.body
        receive_many([head.encode() + TRANSFERS[transfer](body)])
        return Patch.objects.get()

    def applied(self, content: bytes) -> str:
        am(self.repository, content)
        return git(self.repository, "rev-parse", "HEAD^{tree}")


@pytest.mark.parametrize(
    ("transfer", "charset"),
    [
        *(("8bit", charset) for charset in ("", "utf-8", "koi8-r", "shift-jis")),
        *((transfer, "iso-8859-1") for transfer in TRANSFERS),
    ],
)
@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_git_makes_the_same_files(
    project: Project, tmp_path: Path, before: Tree, after: Tree, transfer: str, charset: str
) -> None:
    change = Change(tmp_path, before, after)
    patch = change.received(transfer, charset)
    assert change.applied(mbox.of_patch(patch)) == change.tree


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-8"])
def test_the_message_is_text(project: Project, tmp_path: Path, charset: str) -> None:
    """What the mail's charset could not hold goes along with it."""
    change = Change(tmp_path, *CASES["two charsets"])
    patch = change.received("8bit", charset, "Weil es schön ist.\n")
    factories.give_trailer(factories.make_comment(patch), "Tested-by: Игорь <i@example.org>")
    assert change.applied(mbox.of_patch(patch)) == change.tree
    message = git(change.repository, "log", "-1", "--format=%B")
    assert message == "Brew it\n\nWeil es schön ist.\n\nTested-by: Игорь <i@example.org>"


def test_through_every_door(project: Project, tmp_path: Path, client: Client) -> None:
    """Programs make text of it on the way."""
    change = Change(tmp_path, *CASES["two charsets"])
    patch = change.received("8bit", "iso-8859-1")
    content = mbox.of_patch(patch)
    content.decode("ascii")
    assert patch_get_mbox(None, patch.pk).encode() == content
    for address in (
        f"/patch/{patch.pk}/mbox/",
        f"/series/{patch.places.get().revision.series_id}/mbox/",
        f"/api/1.0/patches/{patch.pk}/mbox/",
    ):
        assert client.get(address).content == content


def test_a_diff_that_is_not_in_the_mail(project: Project, tmp_path: Path) -> None:
    change = Change(tmp_path, *CASES["beside a line"])
    patch = change.received("8bit", "iso-8859-1")
    patch.diff = (patch.diff or "").replace("new", "neu")
    patch.save()
    assert "+neu\n café\n".encode() not in mbox.of_patch(patch)
    assert " café\n+neu\n".encode() in mbox.of_patch(patch)


def test_a_diff_in_an_attachment(project: Project, tmp_path: Path) -> None:
    change = Change(tmp_path, *CASES["beside a line"])
    head = (
        f"From: Ada <ada@example.org>\nSubject: [PATCH] Brew it\nMessage-ID: <1@example.org>\n"
        f"Date: Mon, 01 Jan 2024 12:00:00 +0000\nList-Id: <{LIST_ID}>\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=BB\n\n--BB\n"
        "Content-Type: text/plain; charset=utf-8\n\nWarum: größer.\n--BB\n"
        "Content-Type: text/x-patch\n\n"
    )
    receive_many([head.encode() + change.body + b"\n--BB--\n"])
    assert change.applied(mbox.of_patch(Patch.objects.get())) == change.tree
