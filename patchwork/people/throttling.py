# SPDX-License-Identifier: GPL-2.0-or-later
"""How often somebody may be wrong: names and passwords are not to be found out by trying.

Failures are counted by the address that they come from and by the name that is tried, whether or
not there is such an account, so that a refusal tells nothing. Who has logged in to an account from
an address lately is a pair of its own there: the failures of others, at that address or with that
name, do not lock it out.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from unicodedata import normalize

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from patchwork.databases import until_it_passes
from patchwork.people.models import Throttle

PAIR_KEPT = timedelta(days=30)
"""For so long an address is known to an account that has logged in from there."""
PAIR_NOTED = timedelta(days=1)
"""That it has logged in again is written down so often at most."""
TOKENS_MADE = 20
"""How many tokens an account may make within the time that failures are counted."""
RERUNS_ASKED = 5
"""How often an account may have the same series tested again within that time."""
LINKS_ASKED = 20
"""How many mails with a link to confirm something are sent for one address within that time."""
NETWORK_BITS = 64
"""What one customer has of IPv6 addresses, at least, is one address to us."""

logger = logging.getLogger("patchwork.people")

_PAIR = "pair:"
_IGNORED = re.compile(r"[^\w.@+-]")


class Throttled(Exception):
    """Nothing was tried: it failed too often lately."""

    def __init__(self, seconds: int) -> None:
        minutes = max(1, round(seconds / 60))
        super().__init__(
            "Too many attempts. Try again in "
            + ("a minute." if minutes == 1 else f"{minutes} minutes.")
        )
        self.seconds = seconds


@dataclass(frozen=True)
class Attempt:
    """Somebody at an address who says to have an account of that name, and tries to prove it."""

    address: str
    name: str = ""
    """Empty for a token, which does not say whose it is."""

    def require(self) -> None:
        """Refuse to look whether it is right if it was wrong too often."""
        _refuse_above(self._limits)

    def failed(self) -> None:
        for key in self._limits:
            _count(key)

    def succeeded(self) -> None:
        """From now on the failures of others do not matter here."""
        if not self.address:
            return
        now = timezone.now()
        pair = Throttle.objects.filter(pk=self._pair)
        if self._is_known:
            pair.filter(began__lt=now - PAIR_NOTED).update(began=now)
        elif not pair.update(began=now):
            Throttle.objects.get_or_create(pk=self._pair, defaults={"began": now})

    @cached_property
    def _limits(self) -> dict[str, int]:
        """Key -> how many failures are tolerated."""
        if self._is_known:
            # Not the pair itself: whoever fails does not become better known by it.
            return {f"known:{self._pair}": settings.LOGIN_FAILURES_PER_ACCOUNT}
        limits = {}
        if self.address:
            limits[f"address:{self.address}"] = settings.LOGIN_FAILURES_PER_ADDRESS
        if self.name:
            limits[f"account:{_hashed(self.name)}"] = settings.LOGIN_FAILURES_PER_ACCOUNT
        return limits

    @cached_property
    def _is_known(self) -> bool:
        if not self.address or not self.name:
            return False
        since = timezone.now() - PAIR_KEPT
        return Throttle.objects.filter(pk=self._pair, began__gt=since).exists()

    @property
    def _pair(self) -> str:
        return f"{_PAIR}{self.address}:{_hashed(self.name)}"


def count_token(user: AbstractBaseUser) -> None:
    """An account makes a token; refuse when it has made too many lately."""
    key = f"tokens:{user.pk}"
    _refuse_above({key: TOKENS_MADE})
    _count(key)


@contextmanager
def counted_rerun(user: AbstractBaseUser, series_id: int) -> Iterator[None]:
    """An account has a series tested again, which keeps the machines of others busy; what fails
    meanwhile keeps none."""
    key = f"rerun:{user.pk}:{series_id}"
    _refuse_above({key: RERUNS_ASKED})
    yield
    _count(key)


def count_link(address: str) -> None:
    """Somebody at an address has a link sent to whatever mail address he names."""
    if address:
        key = f"links:{address}"
        _refuse_above({key: LINKS_ASKED})
        _count(key)


def address_of(request_meta: Mapping[str, str]) -> str:
    """Where a request comes from, for counting; empty when its address says nothing.

    Of X-Forwarded-For only the last entries count, those that our own proxies have written: the
    others are whatever somebody has sent. Without a proxy that we know of, a request from this
    machine has come through one that we do not know of, and everybody would be the same.
    """
    written = request_meta.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        forwarded = request_meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(forwarded) >= settings.TRUSTED_PROXIES:
            written = forwarded[-settings.TRUSTED_PROXIES] or written
    address = _parsed(written)
    if address is None or address.is_loopback:
        if not settings.TRUSTED_PROXIES and "HTTP_X_FORWARDED_FOR" in request_meta:
            _warn_of_proxy()
        return ""
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), NETWORK_BITS), strict=False))
    return str(address)


@cache
def _warn_of_proxy() -> None:
    """Once is enough: everybody behind that proxy is alike."""
    logger.warning(
        "Requests come through a web server on this machine, and TRUSTED_PROXIES is 0: failed "
        "logins are not counted by address, so that wrong passwords from anywhere can lock an "
        "account out. Set TRUSTED_PROXIES to 1."
    )


def prune() -> int:
    """Forget what does not count any more."""
    now = timezone.now()
    is_pair = Q(pk__startswith=_PAIR)
    over = ~is_pair & Q(began__lt=now - _window()) | is_pair & Q(began__lt=now - PAIR_KEPT)
    return Throttle.objects.filter(over).delete()[0]


def _window() -> timedelta:
    return timedelta(minutes=settings.LOGIN_FAILURES_MINUTES)


def _refuse_above(limits: Mapping[str, int]) -> None:
    """A limit of 0 is none."""
    now = timezone.now()
    rows = Throttle.objects.filter(pk__in=sorted(limits), began__gt=now - _window())
    ends: list[datetime] = [
        began + _window()
        for key, began, count in rows.values_list("pk", "began", "count")
        if 0 < limits[key] <= count
    ]
    if ends:
        raise Throttled(max(1, round((max(ends) - now).total_seconds())))


def _count(key: str) -> None:
    """One more. Each step is a single statement that sees what others have committed."""
    until_it_passes(lambda: _count_once(key))


def _count_once(key: str) -> None:
    now = timezone.now()
    row, since = Throttle.objects.filter(pk=key), now - _window()
    if row.filter(began__gt=since).update(count=F("count") + 1):
        return
    if row.filter(began__lte=since).update(count=1, began=now):
        return
    try:
        with transaction.atomic():
            Throttle.objects.create(pk=key, began=now, count=1)
    except IntegrityError:
        row.update(count=F("count") + 1)


def _hashed(text: str) -> str:
    """People type passwords where a name is asked for, and names can be longer than a key.

    What a form or a database takes for the same name is the same here: blanks around it, capitals,
    accents, characters that nobody sees.
    """
    plain = _IGNORED.sub("", normalize("NFKD", text.casefold()).casefold())
    return sha256(plain.encode("utf-8", "replace")).hexdigest()


def _parsed(written: str) -> IPv4Address | IPv6Address | None:
    """Proxies write ``192.0.2.1``, ``192.0.2.1:47``, ``2001:db8::1`` or ``[2001:db8::1]:47``."""
    text = written.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
