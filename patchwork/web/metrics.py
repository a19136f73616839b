# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures for Prometheus, read from the database at the moment they are asked for.

Nothing is counted in the process that answers: any of several may be asked, and each says the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from hmac import compare_digest

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder

from patchwork.events.queries import readers
from patchwork.ingest.models import QuarantinedMail
from patchwork.jobs import queries
from patchwork.jobs.tallies import BUCKETS
from patchwork.outbox import queries as outbox

BEARER = "Bearer "

logger = logging.getLogger("patchwork.health")


def show(request: HttpRequest) -> HttpResponse:
    refusal = _refusal(request)
    if refusal:
        return refusal
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    try:
        return HttpResponse(encode(Figures()), content_type=content_type)
    except Error as error:
        logger.warning("no figures: %s", error)
        return _told("The database does not answer.", 503)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """The figures are for those who know the token. An address would prove nothing: behind a web
    server everybody seems to come from there."""
    if not settings.METRICS_TOKEN:
        return _told("Nobody may see the figures: METRICS_TOKEN is not set.", 403)
    said = request.headers.get("Authorization", "")
    if said.startswith(BEARER) and compare_digest(
        said.removeprefix(BEARER).strip().encode(), settings.METRICS_TOKEN.encode()
    ):
        return None
    response = _told("Authorization: Bearer with METRICS_TOKEN is needed.", 401)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _told(words: str, status: int) -> HttpResponse:
    return HttpResponse(f"{words}\n", content_type="text/plain", status=status)


class Figures:
    """A collector in Prometheus' sense."""

    def collect(self) -> Iterator[Metric]:
        yield from _open_jobs()
        yield from _attempts()
        yield from _workers()
        yield from _recurrences()
        yield from _readers()
        yield from _quarantine()
        yield from _open_mails()


def _open_jobs() -> Iterator[Metric]:
    labels = ["queue", "task", "state"]
    count = GaugeMetricFamily(
        "patchwork_jobs", "Jobs that are not finished, and those that are dead.", labels=labels
    )
    oldest = GaugeMetricFamily(
        "patchwork_job_oldest_seconds", "Since the oldest of them was queued.", labels=labels
    )
    late = GaugeMetricFamily(
        "patchwork_job_late_seconds",
        "For how long one of them could have run, and was not taken.",
        labels=labels,
    )
    for standing in queries.standings():
        values = [standing.queue, standing.name, standing.state.value]
        count.add_metric(values, standing.count)
        oldest.add_metric(values, standing.oldest)
        late.add_metric(values, standing.late)
    return iter((count, oldest, late))


def _attempts() -> Iterator[Metric]:
    labels = ["task", "outcome"]
    attempts = CounterMetricFamily(
        "patchwork_job_attempts", "Attempts that ended: done, retry, or dead.", labels=labels
    )
    durations = HistogramMetricFamily(
        "patchwork_job_duration_seconds", "How long they took.", labels=labels
    )
    for tallied in queries.tallied():
        values = [tallied.name, tallied.outcome.value]
        attempts.add_metric(values, tallied.count)
        within = zip(BUCKETS, tallied.within, strict=True)
        buckets = [(str(bound / 1000), float(count)) for bound, count in within]
        buckets.append(("+Inf", float(tallied.count)))
        durations.add_metric(values, buckets, tallied.seconds)
    return iter((attempts, durations))


def _workers() -> Iterator[Metric]:
    workers = GaugeMetricFamily(
        "patchwork_workers",
        "Processes that run jobs: alive, or silent for longer than JOB_LEASE_SECONDS.",
        labels=["state"],
    )
    lanes = GaugeMetricFamily("patchwork_worker_lanes", "Jobs that those alive can run at once.")
    there = list(queries.workers())
    alive = [worker.concurrency for worker in there if not worker.is_silent]
    workers.add_metric(["alive"], len(alive))
    workers.add_metric(["silent"], len(there) - len(alive))
    lanes.add_metric([], sum(alive))
    return iter((workers, lanes))


def _recurrences() -> Iterator[Metric]:
    late = GaugeMetricFamily(
        "patchwork_periodic_job_late_seconds",
        "Since something that recurs should have been queued.",
        labels=["name"],
    )
    for recurrence in queries.recurrences():
        late.add_metric([recurrence.name], recurrence.late)
    return iter((late,))


def _readers() -> Iterator[Metric]:
    behind = GaugeMetricFamily(
        "patchwork_consumer_behind_seconds",
        "Since the first event that a reader of the log has not dealt with.",
        labels=["consumer"],
    )
    failing = GaugeMetricFamily(
        "patchwork_consumer_failing", "1 if its last turn failed.", labels=["consumer"]
    )
    for reader in readers():
        behind.add_metric([reader.name], reader.behind)
        failing.add_metric([reader.name], reader.is_failing)
    return iter((behind, failing))


def _quarantine() -> Iterator[Metric]:
    waiting = QuarantinedMail.objects.filter(state=QuarantinedMail.State.WAITING)
    yield GaugeMetricFamily(
        "patchwork_quarantined_mails",
        "Mails that could not be taken in, and wait for somebody to look at them.",
        value=waiting.count(),
    )


def _open_mails() -> Iterator[Metric]:
    labels = ["kind", "state"]
    count = GaugeMetricFamily(
        "patchwork_outgoing_mails", "Mails that were neither sent nor dropped.", labels=labels
    )
    oldest = GaugeMetricFamily(
        "patchwork_outgoing_mail_oldest_seconds",
        "Since the oldest of them was written.",
        labels=labels,
    )
    for standing in outbox.standings():
        values = [standing.kind.value, standing.state.value]
        count.add_metric(values, standing.count)
        oldest.add_metric(values, standing.oldest)
    return iter((count, oldest))
