# SPDX-License-Identifier: GPL-2.0-or-later
"""How the pages write times, texts out of mails, and addresses of lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from patchwork.projects.models import Project
from patchwork.tracking.models import Mail
from patchwork.tracking.queries import COUNT_LIMIT
from patchwork.web import texts

register = template.Library()

_STEPS = (
    (timedelta(minutes=1), timedelta(hours=1), "min"),
    (timedelta(hours=1), timedelta(days=1), "h"),
    (timedelta(days=1), timedelta(days=31), "d"),
)


@register.filter
def mail_text(text: str) -> SafeString:
    """A mail's text as HTML."""
    return texts.mail_text(text)


@register.filter
def visible(text: str) -> str:
    """A line of a mail with what could disguise it spelled out; escaped like any other text."""
    return texts.visible(text)


@register.filter
def link(address: str) -> SafeString:
    """A link where the address is one of the web, else the address as text."""
    if texts.has_web_scheme(address):
        return format_html('<a href="{0}" rel="nofollow noopener">{0}</a>', address)
    return format_html("<code>{}</code>", texts.visible(address))


@register.simple_tag
def archived_at(project: Project, mail: Mail) -> str:
    """Where the list's archive has a mail; empty when nobody told us, or it is no web address."""
    msgid = quote(mail.msgid.strip("<>"), safe="@")
    return _filled(project.list_archive_url_format, msgid)


@register.simple_tag
def commit_at(project: Project, commit: str) -> str:
    """Where the project's repository shows a commit; empty when nobody told us."""
    return _filled(project.commit_url_format, quote(commit, safe=""))


def _filled(pattern: str, value: str) -> str:
    address = pattern.replace("{}", value)
    return address if pattern and texts.has_web_scheme(address) else ""


@register.filter
def moment(date: datetime) -> SafeString:
    """A date with its time of day."""
    local = timezone.localtime(date)
    return _time(date, f"{local:%d %b %Y, %H:%M}")


@register.filter
def age(date: datetime) -> SafeString:
    """How long ago, in as few characters as a list has room for; the date for older things."""
    return _time(date, _written_age(date, timezone.now()))


@register.filter
def counted(number: int) -> str:
    """A count that stopped at its limit says so."""
    return f"more than {COUNT_LIMIT:,}" if number > COUNT_LIMIT else f"{number:,}"


def _written_age(date: datetime, now: datetime) -> str:
    passed = now - date
    if abs(passed) < timedelta(minutes=1):
        return "now"
    for unit, limit, word in _STEPS:
        if timedelta() < passed < limit:
            return f"{passed // unit} {word} ago"
    return f"{timezone.localtime(date):%d %b %Y}"


def _time(date: datetime, shown: str) -> SafeString:
    exact = date.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        exact.strftime("%Y-%m-%dT%H:%M:%SZ"),
        exact.strftime("%Y-%m-%d %H:%M:%S"),
        shown,
    )
