# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is asked to review a series, and what they hear of it."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sites.models import Site

from patchwork.ingest.receiving import receive_many
from patchwork.outbox.models import OutgoingMail
from patchwork.people.models import EmailOptout
from patchwork.projects.models import Project
from patchwork.tests.letters import thread
from patchwork.tracking import changes
from patchwork.tracking.models import Series


@pytest.fixture(autouse=True)
def site(db: None) -> None:
    Site.objects.update(domain="patchwork.example.com:8000")
    Site.objects.clear_cache()


@pytest.fixture
def series(project: Project) -> Series:
    receive_many(thread("+ [PATCH 0/1] Größe\n+--> [PATCH 1/1] One"))
    return Series.objects.get()


def account(name: str, email: str | None = None) -> User:
    return User.objects.create_user(name, f"{name}@example.org" if email is None else email)


def sent() -> list[tuple[str, str]]:
    """Whom the mails are for, and their subjects; they are forgotten."""
    rows = OutgoingMail.objects.order_by("pk").values_list("recipients__address", "subject")
    found = list(rows)
    OutgoingMail.objects.all().delete()
    return found


REQUEST, DROPPED = "Review request for Größe", "Review request dropped for Größe"


def test_each_hears_what_concerns_him(series: Series) -> None:
    maria, nils, olga = account("maria"), account("nils"), account("olga")
    changes.set_reviewer(series, nils, maria)
    assert sent() == [("nils@example.org", REQUEST)]
    changes.set_reviewer(series, olga, maria)
    assert sent() == [("olga@example.org", REQUEST), ("nils@example.org", DROPPED)]
    changes.set_reviewer(series, None, None)
    assert sent() == [("olga@example.org", DROPPED)]


def test_nobody_is_told_what_he_did(series: Series) -> None:
    maria, nils = account("maria"), account("nils")
    changes.set_reviewer(series, maria, maria)
    assert sent() == []
    changes.set_reviewer(series, nils, maria)
    assert sent() == [("nils@example.org", REQUEST)]
    changes.set_reviewer(series, None, nils)
    assert sent() == []


def test_the_same_again_moves_the_series_and_tells_nobody(series: Series) -> None:
    maria, nils = account("maria"), account("nils")
    changes.set_reviewer(series, nils, maria)
    sent()
    before = series.last_updated
    changes.set_reviewer(series, nils, maria)
    assert series.last_updated > before
    before = series.last_updated
    changes.touch(series)
    assert series.last_updated > before
    assert (sent(), series.reviewer) == ([], nils)


@pytest.mark.parametrize("address", ["", "no address", "nils@exa mple.org"])
def test_who_cannot_be_written_to_is_asked_all_the_same(series: Series, address: str) -> None:
    changes.set_reviewer(series, nils := account("nils", address), None)
    assert (series.reviewer, sent()) == (nils, [])


def test_who_wants_no_mail_gets_none(series: Series) -> None:
    EmailOptout.objects.create(email_key="nils@example.org")
    changes.set_reviewer(series, account("nils", "Nils@Example.org"), None)
    assert sent() == []


def test_what_the_mail_says(series: Series, settings: Any) -> None:
    settings.FORCE_HTTPS_LINKS = True
    settings.NOTIFICATION_FROM_EMAIL = "Patchwork <noreply@example.com>"
    nils = account("nils")
    nils.first_name, nils.last_name = "Nils", "Näher"
    nils.save()
    changes.set_reviewer(series, nils, account("maria"))
    row = OutgoingMail.objects.get()
    mail = message_from_bytes(row.read_bytes(), policy=policy.default)
    assert (row.kind, mail["Subject"]) == ("notice", REQUEST)
    assert mail["From"] == "Patchwork <noreply@example.com>"
    assert mail["To"] == "Nils Näher <nils@example.org>"
    assert mail["Message-ID"].endswith("@patchwork.example.com>")
    assert (mail["Auto-Submitted"], mail["X-Patchwork-Hint"]) == ("auto-generated", "ignore")
    assert mail.get_content().replace("\r\n", "\n") == (
        "maria asks you to review this series:\n\n  Größe\n  by Alice <alice@example.org>\n\n"
        f"https://patchwork.example.com:8000/series/{series.pk}/\n"
        "\n-- \nPatchwork at https://patchwork.example.com:8000/\n"
        "If you want no mail from here: https://patchwork.example.com:8000/mail/\n"
    )


def test_a_series_without_a_name_goes_by_its_first_patch(project: Project) -> None:
    receive_many(thread("+ [PATCH 1/2] One\n+--> [PATCH 2/2] Two"))
    changes.set_reviewer(Series.objects.get(), account("nils"), None)
    assert sent() == [("nils@example.org", "Review request for series starting with One")]
