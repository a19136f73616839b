# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs, the keys that put them in line, what recurs, and who works."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from patchwork import correlation
from patchwork.databases import IdentifierField

KEY_LENGTH = 200


class JobState(models.TextChoices):
    """Where a job stands.

    A job that a worker has taken but not begun is still queued (or to be tried again).
    """

    BLOCKED = "blocked", "blocked"
    """Waits for an earlier job of its key."""
    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    RETRY = "retry", "to be tried again"
    DONE = "done", "done"
    DEAD = "dead", "dead"
    """Failed for good. Of a key it holds up the others, until it is retried or dropped."""
    CANCELLED = "cancelled", "dropped"


UNFINISHED = (JobState.BLOCKED, JobState.QUEUED, JobState.RUNNING, JobState.RETRY)


class Job(models.Model):
    """One piece of work, written in the transaction that decided on it.

    ``due`` says when somebody has to look at it: when it may run as long as it waits, and when its
    worker has to be given up as long as it is held. Nothing else is asked to find work, so what is
    done, dead or blocked (no ``due``) costs nothing, however much of it there is.
    """

    name = IdentifierField(max_length=200, help_text="The task: where its function is.")
    queue = IdentifierField(max_length=50)
    arguments = models.JSONField(help_text="What the function is called with.")
    state = IdentifierField(max_length=10, choices=JobState.choices)
    key = IdentifierField(
        max_length=KEY_LENGTH,
        db_default="",
        help_text="Jobs of one key run one at a time, in the order in which they were queued.",
    )
    blocked_key = IdentifierField(
        max_length=KEY_LENGTH, null=True, help_text="Its key, as long as another one goes first."
    )
    idempotency_key = IdentifierField(
        max_length=KEY_LENGTH,
        null=True,
        unique=True,
        help_text="A second job with the same one is not queued.",
    )
    run_after = models.DateTimeField(null=True, help_text="Not before this time.")
    due = models.DateTimeField(null=True, db_default=Now())
    worker = IdentifierField(max_length=120, db_default="")
    attempts = models.PositiveIntegerField(db_default=0)
    error = models.TextField(db_default="")
    traceback = models.TextField(db_default="")
    result = models.JSONField(null=True)
    correlation = IdentifierField(max_length=correlation.MAX_LENGTH, db_default="")
    created = models.DateTimeField(db_default=Now())
    started = models.DateTimeField(null=True, help_text="When the latest attempt began.")
    finished = models.DateTimeField(null=True)

    class Meta:
        app_label = "patchwork"
        indexes = [
            models.Index(fields=["due", "id"], name="job_due"),
            models.Index(fields=["queue", "due", "id"], name="job_queue_due"),
            models.Index(fields=["blocked_key", "id"], name="job_blocked_key"),
            models.Index(fields=["state", "id"], name="job_state"),
        ]

    def __str__(self) -> str:
        return f"job {self.pk}: {self.name}"


class JobKey(models.Model):
    """A key with unfinished jobs, and the one of them that goes first.

    Whoever queues a job of the key, or ends its head, locks this row: so no job is overlooked.
    """

    name = IdentifierField(max_length=KEY_LENGTH, primary_key=True)
    head = models.BigIntegerField(null=True, help_text="The job's id.")

    class Meta:
        app_label = "patchwork"

    def __str__(self) -> str:
        return self.name


class PeriodicJob(models.Model):
    """Something that recurs: queued once each time it is due, however many workers there are."""

    name = IdentifierField(max_length=KEY_LENGTH, primary_key=True)
    every = models.PositiveIntegerField("seconds between two runs")
    enabled = models.BooleanField(default=True)
    due = models.DateTimeField(db_default=Now())
    last_queued = models.DateTimeField(null=True)

    class Meta:
        app_label = "patchwork"

    def __str__(self) -> str:
        return self.name


class Worker(models.Model):
    """A process that runs jobs, as long as it says that it lives."""

    name = IdentifierField(max_length=120, unique=True)
    runner = IdentifierField(max_length=20)
    queues = models.TextField(db_default="", help_text="Separated by commas; empty: all.")
    concurrency = models.PositiveIntegerField(default=1)
    started = models.DateTimeField(db_default=Now())
    seen = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "patchwork"

    def __str__(self) -> str:
        return self.name


class JobTally(models.Model):
    """What has been done of a task since the beginning, for the metrics: jobs are pruned."""

    name = IdentifierField(max_length=200)
    outcome = IdentifierField(max_length=10, choices=JobState.choices)
    bucket = models.PositiveIntegerField(help_text="Took at most so many milliseconds.")
    count = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0)

    class Meta:
        app_label = "patchwork"
        constraints = [
            models.UniqueConstraint(fields=["name", "outcome", "bucket"], name="job_tally_of_task")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.outcome} within {self.bucket} ms: {self.count}"
