# SPDX-License-Identifier: GPL-2.0-or-later
"""People correct what belongs together. What they say goes before every rule, now and later.

A pin is kept with the mail that it is about, so that mails that arrive later, and a new grouping
of the whole project, come to the same answer. What has been announced stays: a revision keeps its
patches, and its number where that is free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from patchwork.databases import until_it_passes
from patchwork.projects.lock import lock
from patchwork.projects.queries import for_ingest
from patchwork.tracking import touched
from patchwork.tracking.changes.second_look import SecondLook
from patchwork.tracking.models import Mail, Pin, PostingClaim, Series

Actor = AbstractBaseUser | None


class CannotPin(ValueError):
    """The mail cannot be pinned to that; the message says why."""


def pin_posting(mail: Mail, with_mail: Mail | None, actor: Actor) -> None:
    """This patch or cover letter was sent with that one; None: it stands by itself."""
    _check(mail, with_mail)
    target = mail if with_mail is None else with_mail

    def write() -> None:
        _pin(mail, posting_of=target.msgid)

    _settle(write, [mail, target], actor)


def pin_series(mail: Mail, continues: Mail | None, actor: Actor) -> None:
    """Its posting continues the series of that patch or cover letter; None: it begins one."""
    _check(mail, continues)

    mails = [mail] if continues is None else [mail, continues]
    _settle(partial(_pin_series, mail, continues), mails, actor)


def unpin(mail: Mail, actor: Actor) -> None:
    """Leave it to the rules again."""

    def write() -> None:
        Pin.objects.filter(mail=mail).delete()
        has_claims = PostingClaim.objects.filter(mail=mail).exists()
        Mail.objects.filter(pk=mail.pk).update(has_claims=has_claims)

    _settle(write, [mail], actor)


def confirm_continuation(series: Series, actor: Actor) -> None:
    """Yes, it continues the series that it may continue."""
    earlier = series.possibly_continues
    if earlier is None:
        raise CannotPin(f"Series {series.pk} may not continue any other: there is no such guess.")
    pin_series(_first_mail(series), _first_mail(earlier), actor)


def deny_continuation(series: Series, actor: Actor) -> None:
    """No, it is a series of its own."""
    mail = _first_mail(series)

    def write() -> None:
        _pin_series(mail, None)
        Series.objects.filter(pk=series.pk).update(possibly_continues=None)

    _settle(write, [mail], actor)


def _check(mail: Mail, other: Mail | None) -> None:
    for each in (mail, other):
        if each is not None and each.kind not in touched.PIECES:
            raise CannotPin(f"{each.msgid} is no patch and no cover letter.")
    if other is not None and other.project_id != mail.project_id:
        raise CannotPin(f"{other.msgid} belongs to another project than {mail.msgid}.")


def _first_mail(series: Series) -> Mail:
    """A mail that speaks for a series: the earliest of its first revision."""
    mails = Mail.objects.filter(posting__series=series).order_by("posting__number", "date", "msgid")
    first = mails.first()
    if first is None:
        raise CannotPin(f"Series {series.pk} has no mail.")
    return first


def _pin(mail: Mail, **said: str | bool) -> None:
    Pin.objects.update_or_create(mail=mail, defaults=said)
    Mail.objects.filter(pk=mail.pk).update(has_claims=True)


def _pin_series(mail: Mail, continues: Mail | None) -> None:
    """What was said of another mail of its posting no longer counts."""
    if mail.posting_id is not None:
        Pin.objects.filter(mail__posting=mail.posting_id).exclude(mail=mail).update(
            stands_alone=False, continues=""
        )
    _pin(
        mail,
        stands_alone=continues is None,
        continues=continues.msgid if continues is not None else "",
    )


def _settle(write: Callable[[], None], mails: Iterable[Mail], actor: Actor) -> None:
    until_it_passes(partial(_write_and_settle, write, list(mails), actor))
    for mail in mails:
        mail.refresh_from_db()


def _write_and_settle(write: Callable[[], None], mails: list[Mail], actor: Actor) -> None:
    """Write a pin, then group and chain the series of these mails anew."""
    project_id = mails[0].project_id
    with transaction.atomic():
        lock([project_id])
        write()
        project = next(each for each in for_ingest() if each.pk == project_id)
        known = touched.by_msgid(project_id, [mail.msgid for mail in mails])
        series_ids = {each.series_id for each in known.values() if each.series_id}
        concerned = Mail.objects.filter(posting__series_id__in=series_ids, kind__in=touched.PIECES)
        SecondLook(
            project,
            {*known, *concerned.values_list("msgid", flat=True)},
            now=timezone.now(),
            historical=False,
            actor_id=actor.pk if actor else None,
        ).run()
