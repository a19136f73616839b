# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator does with jobs: by hand, and by the same rules whichever door it comes from."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from patchwork.jobs.announcing import announce
from patchwork.jobs.models import Job, JobKey, JobState, PeriodicJob
from patchwork.jobs.periodic import registered
from patchwork.jobs.queueing import lock_key, pass_on

RETRIED = (JobState.DEAD, JobState.CANCELLED, JobState.RETRY)
DROPPED = (JobState.BLOCKED, JobState.QUEUED, JobState.RETRY, JobState.DEAD)


class CannotDo(Exception):
    """The job does not stand where this could be done; says where it stands."""


def retry(job_id: int) -> Job:
    """Run it as soon as a worker is free, with as many attempts as a new one has.

    One that others of its key have passed by gets in line again: at its old place.
    """
    with transaction.atomic():
        job, head = _locked(job_id)
        if job.state not in RETRIED:
            raise CannotDo(f"{job} is {job.get_state_display()}; there is nothing to try again.")
        is_blocked = head not in (None, job.pk)
        if job.key and head is None:
            JobKey.objects.filter(pk=job.key).update(head=job.pk)
        job.state = JobState.BLOCKED if is_blocked else JobState.QUEUED
        job.blocked_key = job.key if is_blocked else None
        job.attempts = 0
        job.worker = ""
        job.run_after = job.finished = None
        job.save()
        if not is_blocked:
            Job.objects.filter(pk=job.pk).update(due=Now())
            announce(job.queue, [job.pk])
    return job


def drop(job_id: int) -> Job:
    """Never run it. Those of its key that it held up go on."""
    with transaction.atomic():
        job, head = _locked(job_id)
        if job.state not in DROPPED:
            raise CannotDo(f"{job} is {job.get_state_display()}; it cannot be dropped.")
        job.state = JobState.CANCELLED
        job.blocked_key = job.due = None
        job.worker = ""
        job.save()
        Job.objects.filter(pk=job.pk).update(finished=Now())
        if job.key:
            for next_id, queue in pass_on(job.key, job.pk, head):
                announce(queue, [next_id])
    return job


def set_rhythm(name: str, *, every: int, enabled: bool) -> None:
    """How often something recurs, counted from when it was last queued, and whether at all.

    What was switched off for longer than that is due at once when it is switched on again.
    """
    with transaction.atomic():
        row = PeriodicJob.objects.select_for_update().get(pk=name)
        rows = PeriodicJob.objects.filter(pk=name)
        if row.every != every and row.last_queued:
            rows.update(due=F("last_queued") + timedelta(seconds=every))
        rows.update(every=every, enabled=enabled)


def run_now(name: str) -> None:
    """Have it queued in this moment instead of when it is due; its rhythm begins anew."""
    if name not in {one.name for one in registered()}:
        raise CannotDo(f"Nothing is known here that recurs as {name}.")
    if not PeriodicJob.objects.filter(pk=name, enabled=True).update(due=Now()):
        raise CannotDo(f"{name} is switched off.")


def _locked(job_id: int) -> tuple[Job, int | None]:
    """The job, and which one of its key goes first; the key is locked before."""
    key = Job.objects.filter(pk=job_id).values_list("key", flat=True).first()
    head = lock_key(key) if key else None
    try:
        return Job.objects.select_for_update().get(pk=job_id), head
    except Job.DoesNotExist as error:
        raise CannotDo(f"There is no job {job_id}.") from error
