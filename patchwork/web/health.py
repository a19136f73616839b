# SPDX-License-Identifier: GPL-2.0-or-later
"""What machines ask: whether the process answers, whether it can work, and for figures."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.log import log_response

from patchwork.databases import select
from patchwork.jobs.attendance import is_anybody_there

KEPT_SECONDS = 1.0
"""However many ask, the database is asked no more often by one process."""
PATIENCE_SECONDS = 2.0
"""So long others wait for whoever is asking the database just now."""
NAMED = 3
"""Of many missing migrations, so many are named."""

Answer = Callable[[HttpRequest], HttpResponse]

logger = logging.getLogger("patchwork.health")


class Probes:
    """Answers machines before any other middleware looks at the request.

    They ask by an IP address, without HTTPS and without a session. ALLOWED_HOSTS, a redirect to
    HTTPS or a session would only be in their way, and no answer depends on the host's name.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self._answers: dict[str, Answer] = {"/healthz": alive, "/readyz": ready}
        if settings.ENABLE_METRICS:
            self._answers["/metrics"] = figures()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self._answers.get(request.path_info)
        if answer is None:
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = answer(request)
        response.headers["Cache-Control"] = "no-store"
        # Else Django logs each refusal as an error of the site, and mails it to ADMINS.
        log_response("%s", request.path_info, response=response, request=request, level="debug")
        return response


def figures() -> Answer:
    try:
        from patchwork.web.metrics import show
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        raise ImproperlyConfigured(
            "ENABLE_METRICS needs prometheus_client: install patchwork-tracker[metrics]."
        ) from error
    return show


def alive(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


def ready(request: HttpRequest) -> HttpResponse:
    checks = watch.checks()
    is_well = all(check.is_well for check in checks)
    status = 200 if is_well else 503
    if request.get_preferred_type(["text/plain", "application/json"]) == "application/json":
        told = {check.name: {"ok": check.is_well, "words": check.words} for check in checks}
        return JsonResponse({"ready": is_well, "checks": told}, status=status)
    lines = [
        "ready" if is_well else "not ready",
        *(f"{check.name}: {check.words}" for check in checks),
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain", status=status)


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    is_well: bool
    words: str
    for_the_log: str = ""
    """What only operators should read: it may tell names of hosts and accounts."""


class Watch:
    """Keeps the answers for a moment, so that a flood of questions stops here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: float | None = None
        self._checks: tuple[Check, ...] = ()

    def checks(self) -> tuple[Check, ...]:
        if not self._lock.acquire(timeout=PATIENCE_SECONDS):
            return (Check("database", False, f"has not answered for {PATIENCE_SECONDS:.0f} s"),)
        try:
            if self._asked is None or time.monotonic() - self._asked >= KEPT_SECONDS:
                before, self._checks = self._checks, ask()
                self._asked = time.monotonic()
                _tell(before, self._checks)
            return self._checks
        finally:
            self._lock.release()


watch = Watch()


def ask() -> tuple[Check, ...]:
    """All checks. When the database does not answer, the others would say the same."""
    database = _checked("database", _database)
    if not database.is_well:
        return (database,)
    checks = [database, _checked("migrations", _migrations)]
    if settings.READY_WORKER_SECONDS:
        checks.append(_checked("worker", _worker))
    return tuple(checks)


def _checked(name: str, missing: Callable[[], str]) -> Check:
    try:
        words = missing()
    except Error as error:
        return Check(name, False, f"no answer ({type(error).__name__})", str(error))
    return Check(name, not words, words or "ok")


def _database() -> str:
    select("SELECT 1", [])
    return ""


def _migrations() -> str:
    applied = MigrationRecorder(connection).applied_migrations()
    missing = sorted(f"{app}.{name}" for app, name in _migrations_of_this_version() - set(applied))
    if not missing:
        return ""
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return f"not applied: {', '.join(missing[:NAMED])}{more}"


@lru_cache
def _migrations_of_this_version() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.nodes)


def _worker() -> str:
    seconds = settings.READY_WORKER_SECONDS
    return "" if is_anybody_there(seconds) else f"none was seen in the last {seconds} s"


def _tell(before: tuple[Check, ...], now: tuple[Check, ...]) -> None:
    """Once, when it changes, however often it is asked."""
    unwell, before_unwell = _unwell(now), _unwell(before)
    if unwell and unwell != before_unwell:
        logger.warning("not ready: %s", "; ".join(unwell))
    elif before_unwell and not unwell:
        logger.warning("ready again")


def _unwell(checks: tuple[Check, ...]) -> list[str]:
    return [
        f"{check.name}: {check.for_the_log or check.words}" for check in checks if not check.is_well
    ]
