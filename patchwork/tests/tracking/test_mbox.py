# SPDX-License-Identifier: GPL-2.0-or-later
"""What ``git am`` gets: checked by giving it to ``git am``."""

from __future__ import annotations

import io
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from patchwork.mail.facts import Trailer
from patchwork.mail.mbox import split_mbox
from patchwork.tests import factories
from patchwork.tests.gits import am, git, init
from patchwork.tracking import mbox


def mails(content: bytes) -> list[Message]:
    return [message_from_bytes(raw) for raw in split_mbox(io.BytesIO(content))]


def text_of(mail: Message) -> str:
    content = mail.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


@pytest.fixture
def series(project):
    return factories.make_series(
        project,
        factories.make_person("Þórdís Bjarkadóttir", "thordis@example.net"),
        patches=["one"],
    )


@pytest.fixture
def patch(series):
    return factories.patches_of(series)[0]


def test_a_patch_keeps_its_headers(patch):
    patch.delegate = User.objects.create(username="maren", email="maren@example.org")
    patch.save()
    (mail,) = mails(mbox.of_patch(patch))
    assert mail["Message-Id"] == patch.mail.msgid
    assert mail["Subject"] == "[1/1] one"
    assert mail["To"] == patch.project.listemail
    assert mail["Date"] == "Sun, 01 Mar 2026 12:00:00 +0000"
    assert mail["X-Patchwork-Id"] == str(patch.pk)
    assert mail["X-Patchwork-Delegate"] == "maren@example.org"


def test_what_others_said_goes_above_the_dashes(patch):
    patch.content = "Why.\n\nSigned-off-by: T <t@example.net>\n---\nnotes"
    patch.save()
    comment = factories.make_comment(patch)
    factories.give_trailer(comment, "Reviewed-by: Rita <rita@example.org>")
    factories.give_trailer(comment, "Signed-off-by: T <t@example.net>")
    (mail,) = mails(mbox.of_patch(patch))
    assert text_of(mail).startswith(
        "Why.\n\nSigned-off-by: T <t@example.net>\n"
        "Reviewed-by: Rita <rita@example.org>\n---\nnotes\n"
    )


def test_a_link_can_be_added(patch):
    content = mbox.of_patch(patch, lambda one: Trailer("Link", f"https://p.example.com/{one.pk}"))
    assert f"\n\nLink: https://p.example.com/{patch.pk}\n".encode() in content


def test_git_takes_a_revision_as_it_is(series, patch, tmp_path: Path):
    comment = factories.make_comment(patch)
    factories.give_trailer(comment, "Tested-by: Игорь <igor@example.org>")
    repository = init(tmp_path, {"lamp.c": "first\nsecond\n"})
    am(repository, mbox.of_revision(factories.newest(series)))
    log = git(repository, "log", "-1", "--format=%an|%ae|%s|%b")
    assert log.startswith("Þórdís Bjarkadóttir|thordis@example.net|one|Why one.")
    assert "Tested-by: Игорь <igor@example.org>" in log
    assert (repository / "lamp.c").read_text() == "first\n2nd\n"


def test_patches_come_in_the_order_in_which_they_apply(project):
    series = factories.make_series(project, patches=["one", "two", "three"])
    one, _, three = factories.patches_of(series)
    revision = factories.make_revision(series, [three, "2nd", one])
    subjects = [mail["Subject"] for mail in mails(mbox.of_revision(revision))]
    assert subjects == ["[3/3] three", "[v2,2/3] 2nd", "[1/3] one"]


def test_statements_do_not_grow(project, django_assert_num_queries):
    small = factories.newest(factories.make_series(project, patches=["one"]))
    large = factories.newest(factories.make_series(project, patches=[f"p{n}" for n in range(30)]))
    for revision in (small, large):
        with django_assert_num_queries(2):
            mbox.of_revision(revision)


@pytest.mark.parametrize(
    ("name", "file_name"),
    [
        ("[v2,1/3] lamp: dim it", "v2-1-3-lamp-dim-it"),
        ("../../etc/passwd", "etc-passwd"),
        ('a"\r\nX: y', "a-X-y"),
        ("☃", "patches"),
        ("a" * 300, "a" * 80),
    ],
)
def test_names_of_files(name, file_name):
    assert mbox.file_name(name) == file_name
