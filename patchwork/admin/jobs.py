# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs, what recurs, and who works."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django import forms
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.http import urlencode

from patchwork.admin.acting import Act, ActingAdmin
from patchwork.admin.base import ReadOnlyAdmin, TableAdmin, number
from patchwork.admin.standing import ALL, HoldingUpAdmin, StateFilter, as_list, badge, link, told
from patchwork.jobs import changes, queries
from patchwork.jobs.models import Job, JobState, PeriodicJob, Worker

if TYPE_CHECKING:
    PeriodicModelForm = forms.ModelForm[PeriodicJob]
else:
    PeriodicModelForm = forms.ModelForm

YEAR = 366 * 24 * 3600

_LOOKS = {
    JobState.BLOCKED: "",
    JobState.QUEUED: "busy",
    JobState.RUNNING: "busy",
    JobState.RETRY: "care",
    JobState.DONE: "good",
    JobState.DEAD: "bad",
    JobState.CANCELLED: "",
}

_standings: WeakKeyDictionary[HttpRequest, list[queries.Standing]] = WeakKeyDictionary()


def standings(request: HttpRequest) -> list[queries.Standing]:
    """Asked once for a page, however many filters need to know."""
    if request not in _standings:
        _standings[request] = queries.standings()
    return _standings[request]


class JobStateFilter(StateFilter):
    vocabulary = JobState
    open = queries.OPEN

    def counts(self, request: HttpRequest) -> Counter[str]:
        counts = Counter[str]()
        for standing in standings(request):
            counts[standing.state] += standing.count
        return counts


class KnownFilter(admin.SimpleListFilter):
    """Values of a column of which all are known without reading the table."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(str(self.parameter_name))
        known = self.known(request) | ({chosen} if chosen else set())
        return [(value, self.shown(value)) for value in sorted(known)]

    def shown(self, value: str) -> str:
        return value

    def known(self, request: HttpRequest) -> set[str]:
        """The values of rows that may be looked for."""
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return (
            queryset.filter(**{str(self.parameter_name): self.value()})
            if self.value()
            else queryset
        )


class QueueFilter(KnownFilter):
    title = "queue"
    parameter_name = "queue"

    def known(self, request: HttpRequest) -> set[str]:
        return {standing.queue for standing in standings(request)}


class TaskFilter(KnownFilter):
    title = "task"
    parameter_name = "name"

    def known(self, request: HttpRequest) -> set[str]:
        return {standing.name for standing in standings(request)} | queries.known_tasks()

    def shown(self, value: str) -> str:
        return short(value)


@admin.register(Job)
class JobAdmin(ActingAdmin, HoldingUpAdmin, ReadOnlyAdmin):
    """What is decided on and has to be done. What is done stays for some days."""

    acts = [
        Act(
            "retry",
            "Retry",
            "run it as soon as a worker is free, with as many attempts as a new one.",
            "will be run again",
            lambda job: changes.retry(job.pk),
            lambda job: job.state in changes.RETRIED,
        ),
        Act(
            "drop",
            "Drop",
            "never run it. Those that it held up go on.",
            "dropped",
            lambda job: changes.drop(job.pk),
            lambda job: job.state in changes.DROPPED,
        ),
    ]
    refusal = changes.CannotDo
    list_display = [
        "id",
        "standing",
        "task",
        "what_is_wrong",
        "key",
        "attempts",
        "created",
        "queue",
    ]
    list_display_links = ["id", "task"]
    list_filter = [JobStateFilter, QueueFilter, TaskFilter]
    search_fields = ["key__exact", "correlation__exact", "name__icontains", "error__icontains"]
    search_help_text = (
        "An id, a key or a correlation; or a part of an open job's task or error. Of others, too, "
        "when their state is chosen."
    )
    show_facets = admin.ShowFacets.NEVER
    fieldsets = [
        (None, {"fields": ["standing", "task_told", "arguments_told", "line"]}),
        ("What went wrong", {"fields": ["error_told", "traceback_told"]}),
        (
            "When",
            {
                "fields": [
                    *("attempts", "worker", "due", "run_after"),
                    *("created", "started", "finished"),
                ]
            },
        ),
        ("More", {"fields": ["queue", "result_told", "correlation_told", "idempotency_key"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return super().get_queryset(request).defer("arguments", "result", "traceback")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        if not search_term:
            return queryset, False
        job_id = number(search_term)
        if job_id is not None:
            return queryset.filter(pk=job_id), False
        exact = Q(key=search_term) | Q(correlation=search_term)
        part = Q(name__icontains=search_term) | Q(error__icontains=search_term)
        if not request.GET.get("state"):
            # Texts of a million finished jobs take seconds to read, and have nothing to tell.
            part &= Q(state__in=queries.OPEN)
        return queryset.filter(exact | part), False

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return [queries.newest_first(JobStateFilter.states(request))]

    def held_up(self, rows: Iterable[Any]) -> Mapping[int, int]:
        return queries.held_up(rows)

    @admin.display(description="state", ordering="state")
    def standing(self, job: Job) -> str:
        state = JobState(job.state)
        return badge(state.label, _LOOKS[state])

    @admin.display(description="task", ordering="name")
    def task(self, job: Job) -> str:
        return short(job.name)

    @admin.display(description="task")
    def task_told(self, job: Job) -> str:
        return job.name

    @admin.display(description="error")
    def what_is_wrong(self, job: Any) -> str:
        """In a line, after how many jobs wait for this one."""
        words = job.error.partition("\n")[0]
        shown = words if len(words) <= 100 else f"{words[:99]}\N{HORIZONTAL ELLIPSIS}"
        if not job.holds_up:
            return shown
        look = "bad" if job.state == JobState.DEAD else ""
        return format_html("{} {}", badge(f"holds up {job.holds_up:,} others", look), shown)

    @admin.display(description="arguments")
    def arguments_told(self, job: Job) -> str | None:
        return told(pretty(job.arguments))

    @admin.display(description="result")
    def result_told(self, job: Job) -> str | None:
        return told("" if job.result is None else pretty(job.result))

    @admin.display(description="error")
    def error_told(self, job: Job) -> str | None:
        return told(job.error)

    @admin.display(description="traceback")
    def traceback_told(self, job: Job) -> str | None:
        return told(job.traceback)

    @admin.display(description="correlation")
    def correlation_told(self, job: Job) -> str | None:
        if not job.correlation:
            return None
        return link(jobs_with(correlation=job.correlation), job.correlation)

    @admin.display(description="key")
    def line(self, job: Job) -> str | None:
        """The key, with who goes first and who waits."""
        if not job.key:
            return None
        line = queries.line_of(job.key)
        others = link(jobs_with(key=job.key), "all its jobs")
        rows: list[str] = [format_html("{} ({})", job.key, others)]
        if line.head and line.head != job:
            rows.append(format_html("after {}", link_to(line.head)))
        elif line.head and line.count:
            look = "bad" if job.state == JobState.DEAD else ""
            words = "holds up {} others" if line.count > 1 else "holds up another one"
            held = words.format(f"{line.count:,}")
            rows.append(badge(held, look))
        rows += [link_to(one) for one in line.followers if one != job]
        if line.count > len(line.followers):
            rows.append(f"and {line.count - len(line.followers):,} more")
        return as_list(rows)


def short(name: str) -> str:
    """What a task is called in its room."""
    return ".".join(name.split(".")[-2:])


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def link_to(job: Job) -> str:
    address = reverse("admin:patchwork_job_change", args=[job.pk])
    return format_html("{} ({})", link(address, str(job)), job.get_state_display())


def jobs_with(**values: str) -> str:
    return f"{reverse('admin:patchwork_job_changelist')}?{urlencode({**values, 'state': ALL})}"


class PeriodicJobForm(PeriodicModelForm):
    every = forms.IntegerField(
        min_value=1, max_value=YEAR, label="Seconds between two runs", help_text="At most a year."
    )

    class Meta:
        model = PeriodicJob
        fields = ["every", "enabled"]


@admin.register(PeriodicJob)
class PeriodicJobAdmin(ActingAdmin, TableAdmin):
    """What recurs. It is queued when it is due, by whichever worker sees that first."""

    form = PeriodicJobForm
    acts = [
        Act(
            "run",
            "Run now",
            "queue it in this moment instead of when it is due.",
            "queued by the next worker that looks",
            lambda row: changes.run_now(row.pk),
            lambda row: row.enabled,
        )
    ]
    refusal = changes.CannotDo
    list_display = ["name", "every", "enabled", "due", "last_queued"]
    fields = ["name", "every", "enabled", "due", "last_queued"]
    readonly_fields = ["name", "due", "last_queued"]
    ordering = ["name"]

    def save_model(self, request: HttpRequest, obj: PeriodicJob, form: Any, change: bool) -> None:
        decided = form.cleaned_data
        changes.set_rhythm(obj.pk, every=decided["every"], enabled=decided["enabled"])

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    """Processes that run jobs. One that ended by itself has signed off and is not here."""

    list_display = ["name", "runner", "queues_told", "concurrency", "started", "seen_told"]
    fields = ["name", "runner", "queues_told", "concurrency", "started", "seen_told"]

    class Media:
        css = {"all": ["patchwork/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return queries.workers()

    @admin.display(description="queues")
    def queues_told(self, worker: Worker) -> str:
        return worker.queues or "all"

    @admin.display(description="last seen", ordering="seen")
    def seen_told(self, worker: Any) -> str:
        seen = formats.localize(timezone.localtime(worker.seen))
        if not worker.is_silent:
            return seen
        return format_html('{} <span class="standing bad">not heard of since</span>', seen)
