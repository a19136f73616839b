# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers of both dialects for clients to talk to: real HTTP on loopback, answers made by hand.

They know two series: 7, with two patches that apply to ``TREE``, in two revisions, and 6. What the
server of the tracker itself answers is tested elsewhere; these also do what it never would.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TREE = {"greeting.txt": "hello\nworld\n", "count.txt": "one\ntwo\n"}

PATCHES = {
    71: """\
From 1111111111111111111111111111111111111111 Mon Sep 17 00:00:00 2001
From: Alice <alice@example.org>
Date: Mon, 1 Jan 2024 12:01:00 +0000
Subject: [PATCH 1/2] Greet everybody
Message-Id: <71@example.org>

Nobody is left out.
---
diff --git a/greeting.txt b/greeting.txt
--- a/greeting.txt
+++ b/greeting.txt
@@ -1,2 +1,2 @@
 hello
-world
+everybody
""",
    72: """\
From 2222222222222222222222222222222222222222 Mon Sep 17 00:00:00 2001
From: Alice <alice@example.org>
Date: Mon, 1 Jan 2024 12:02:00 +0000
Subject: [PATCH 2/2] Count to three
Message-Id: <72@example.org>

Two are not enough.
---
diff --git a/count.txt b/count.txt
--- a/count.txt
+++ b/count.txt
@@ -1,2 +1,3 @@
 one
 two
+three
""",
}
MBOX = "\n".join(PATCHES.values()).encode()
NAMES = {71: "[1/2] Greet everybody", 72: "[2/2] Count to three"}


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    parameters: Mapping[str, list[str]]
    headers: Mapping[str, str]
    document: Any


@dataclass(frozen=True)
class Answer:
    """What is said to a request: JSON, or bytes as they are."""

    content: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    promised: int | None = None
    """A Content-Length that is not kept."""


Answering = Callable[[Asked], Answer]


class Tracker:
    """A server's answers by method and path, and the requests that it has seen."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.seen = threading.Condition()
        self._answers: dict[tuple[str, str], Answering] = {}

    def at(self, path: str, content: object, method: str = "GET", **details: Any) -> None:
        """Say this from now on; lists of the dialects turn their pages."""
        answer = Answer(content, **details)
        self.when(path, lambda asked: answer, method)

    def when(self, path: str, answering: Answering, method: str = "GET") -> None:
        self._answers[method, path] = answering

    def answer(self, asked: Asked) -> Answer:
        with self.seen:
            self.asked.append(asked)
            self.seen.notify_all()
        answering = self._answers.get((asked.method, asked.path))
        return answering(asked) if answering else Answer({"detail": "Not found."}, 404)

    def wait_for(self, method: str, path: str) -> Asked:
        """The first request of this kind, when it comes."""
        with self.seen:
            found = self.seen.wait_for(lambda: self.requests(method, path), timeout=30)
        assert found, f"nobody has asked for {method} {path}"
        return found[0]

    def requests(self, method: str, path: str = "") -> list[Asked]:
        return [
            asked for asked in self.asked if asked.method == method and path in ("", asked.path)
        ]

    def written(self) -> list[tuple[str, str, Any]]:
        """All that was to be changed, in order."""
        return [(a.method, a.path, a.document) for a in self.asked if a.method != "GET"]


@contextmanager
def serving() -> Iterator[Tracker]:
    """A server on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            parts = urlsplit(self.path)
            answer = tracker.answer(
                Asked(
                    self.command,
                    parts.path,
                    parse_qs(parts.query),
                    dict(self.headers),
                    json.loads(body) if body else None,
                )
            )
            raw = answer.content
            content = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(answer.promised or len(content)))
            if "Content-Type" not in answer.headers:
                self.send_header("Content-Type", "application/json")
            for name, value in answer.headers.items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # A client may have left in the meantime.
                self.end_headers()
                self.wfile.write(content)
            if answer.promised:
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_PUT = handle_any

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        tracker = Tracker(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield tracker
        finally:
            server.shutdown()
            thread.join()


# --- The freedesktop dialect ----------------------------------------------------------------------


def freedesktop_series(number: int = 7, **changes: object) -> dict[str, object]:
    return {
        "id": number,
        "project": {"id": 1, "name": "A list", "linkname": "list"},
        "name": "Be friendly",
        "n_patches": 2,
        "submitter": {"id": 3, "name": "Alice"},
        "submitted": "2024-01-01T12:00:00",
        "last_updated": "2024-01-02T08:30:00.123456",
        "version": 2,
        "reviewer": None,
        "test_state": "warning",
        "state": "in progress",
        "state_summary": [{"name": "New", "final": False, "count": 2}],
        **changes,
    }


def freedesktop_patch(number: int, **changes: object) -> dict[str, object]:
    return {
        "id": number,
        "project": {"id": 1, "name": "A list", "linkname": "list"},
        "name": NAMES[number],
        "date": "2024-01-01T12:01:00",
        "last_updated": "2024-01-01T12:01:00",
        "submitter": {"id": 3, "name": "Alice"},
        "state": {"id": 1, "name": "New"},
        "content": PATCHES[number].partition("---\n")[2],
        **changes,
    }


def within_a_revision(number: int, **changes: object) -> dict[str, object]:
    """A patch as an expanded revision has it: what it names is not expanded once more."""
    return freedesktop_patch(number, **{"project": 1, "submitter": 3, "state": 1, **changes})


def freedesktop_event(number: int, revision: int, time: str) -> dict[str, object]:
    return {
        "name": "series-new-revision",
        "event_time": time,
        "series": number,
        "patch": None,
        "user": None,
        "parameters": {"revision": revision},
    }


def freedesktop_list(
    tracker: Tracker,
    path: str,
    found: list[Any],
    chosen: Callable[[Asked, Any], bool] | None = None,
) -> None:
    """A list that is turned page by page. Its links name a host that nobody can reach."""

    def answering(asked: Asked) -> Answer:
        rows = [row for row in found if chosen is None or chosen(asked, row)]
        size = int(asked.parameters.get("perpage", ["20"])[0])
        page = int(asked.parameters.get("page", ["1"])[0])
        last = page * size >= len(rows)
        query = f"page={page + 1}&perpage={size}"
        return Answer(
            {
                "count": len(rows),
                "next": None if last else f"http://unreachable.invalid{path}?{query}",
                "previous": None,
                "results": rows[(page - 1) * size : page * size],
            }
        )

    tracker.when(path, answering)


def reviewed(asked: Asked) -> Answer:
    account = asked.document["reviewer"]
    return Answer(freedesktop_series(reviewer=account and {"id": account, "name": "Mel"}))


def speak_freedesktop(tracker: Tracker, root: str = "/api/1.0/") -> None:
    freedesktop_list(tracker, f"{root}projects/", [{"id": 1, "linkname": "list"}])
    series = [freedesktop_series(), freedesktop_series(6, name="Older", state="done", version=1)]
    freedesktop_list(tracker, f"{root}projects/list/series/", series)
    freedesktop_list(
        tracker, f"{root}projects/list/patches/", [freedesktop_patch(n) for n in NAMES]
    )
    freedesktop_list(
        tracker,
        f"{root}projects/list/events/",
        [
            freedesktop_event(7, 2, "2024-01-02T08:30:00.123456"),
            freedesktop_event(7, 1, "2024-01-01T12:03:00"),
            freedesktop_event(6, 1, "2023-12-24T18:00:00.5"),
        ],
        lambda asked, event: event["event_time"] > asked.parameters.get("since", [""])[0],
    )
    tracker.at(f"{root}series/7/", freedesktop_series())
    tracker.when(f"{root}series/7/", reviewed, "PATCH")
    copied = {"version": 3, "cover_letter": None, "patches": list(NAMES)}
    tracker.at(f"{root}series/7/revisions/2/newrevision/", copied, "POST", status=201)
    for version, state in ((1, "success"), (2, "warning")):
        revision = f"{root}series/7/revisions/{version}/"
        tracker.at(
            revision,
            {
                "version": version,
                "cover_letter": f"We should be friendly,\nfor the {version}. time.\n",
                "patches": [within_a_revision(n) for n in NAMES],
            },
        )
        tracker.at(f"{revision}mbox/", MBOX)
        result = {
            "test_name": "checkpatch.pl",
            "state": state,
            "url": "https://ci.example.org/7",
            "summary": "total: 0 errors",
            "date": "2024-01-02T09:00:00",
        }
        tracker.at(f"{revision}test-results/", [result])
        tracker.at(f"{revision}test-results/", result, "POST", status=201)
    for number in NAMES:
        patch = f"{root}patches/{number}/"
        tracker.at(patch, freedesktop_patch(number))
        tracker.at(f"{patch}mbox/", PATCHES[number].encode())
        tracker.at(f"{patch}test-results/", [])
        tracker.at(f"{patch}test-results/", {}, "POST", status=201)


# --- The getpatchwork dialect ---------------------------------------------------------------------

USER = {"id": 4, "username": "mel", "first_name": "", "last_name": "", "email": "mel@example.org"}
PERSON = {"id": 3, "name": "Alice", "email": "alice@example.org"}


def getpatchwork_series(tracker: Tracker, number: int = 7, **changes: object) -> dict[str, object]:
    return {
        "id": number,
        "web_url": f"{tracker.url}/project/list/list/?series={number}",
        "project": {"id": 1, "link_name": "list"},
        "name": "Be friendly",
        "date": "2024-01-01T12:00:00",
        "submitter": PERSON,
        "version": 1,
        "total": 2,
        "received_total": 2,
        "received_all": True,
        "mbox": f"{tracker.url}/series/{number}/mbox/",
        "cover_letter": {"id": 70, "name": "[0/2] Be friendly"},
        "patches": [{"id": each, "name": name} for each, name in NAMES.items()],
        **changes,
    }


def getpatchwork_patch(tracker: Tracker, number: int, **changes: object) -> dict[str, object]:
    return {
        "id": number,
        "web_url": f"{tracker.url}/project/list/patch/{number}@example.org/",
        "project": {"id": 1, "link_name": "list"},
        "msgid": f"<{number}@example.org>",
        "date": "2024-01-01T12:01:00",
        "name": NAMES[number],
        "commit_ref": None,
        "pull_url": None,
        "state": "new",
        "archived": False,
        "hash": f"{number}" * 20,
        "submitter": PERSON,
        "delegate": USER,
        "mbox": f"{tracker.url}/project/list/patch/{number}@example.org/mbox/",
        "series": [{"id": 7, "name": "Be friendly", "version": 1}],
        "check": "fail",
        "tags": {},
        **changes,
    }


def getpatchwork_list(
    tracker: Tracker,
    path: str,
    found: list[Any],
    chosen: Callable[[Asked, Any], bool] | None = None,
) -> None:
    """A list whose next page is named by a header."""

    def answering(asked: Asked) -> Answer:
        rows = [row for row in found if chosen is None or chosen(asked, row)]
        size = int(asked.parameters.get("per_page", ["30"])[0])
        page = int(asked.parameters.get("page", ["1"])[0])
        links = [f'<http://unreachable.invalid{path}?page=1>; rel="first"']
        if page * size < len(rows):
            query = f"page={page + 1}&per_page={size}"
            links.insert(0, f'<http://unreachable.invalid{path}?{query}>; rel="next"')
        return Answer(rows[(page - 1) * size : page * size], headers={"Link": ", ".join(links)})

    tracker.when(path, answering)


def speak_getpatchwork(tracker: Tracker) -> None:
    getpatchwork_list(tracker, "/api/projects/", [{"id": 1, "link_name": "list"}])
    getpatchwork_list(tracker, "/api/series/", [getpatchwork_series(tracker)])
    tracker.at("/api/series/7/", getpatchwork_series(tracker))
    tracker.at("/series/7/mbox/", MBOX, headers={"Content-Type": "text/plain"})
    tracker.at("/api/covers/70/", {"id": 70, "content": "We should be friendly.\n"})
    getpatchwork_list(
        tracker,
        "/api/patches/",
        [getpatchwork_patch(tracker, n) for n in NAMES],
        lambda asked, patch: all(
            str(patch[name]) in asked.parameters.get(name, [str(patch[name])])
            for name in ("state", "hash")
        ),
    )
    for number in NAMES:
        patch = getpatchwork_patch(tracker, number)
        diff = PATCHES[number].partition("---\n")[2]
        tracker.at(f"/api/patches/{number}/", {**patch, "content": "A reason.", "diff": diff})
        tracker.at(f"/project/list/patch/{number}@example.org/mbox/", PATCHES[number].encode())
        check = {
            "id": 1,
            "user": USER,
            "date": "2024-01-02T09:00:00",
            "state": "fail",
            "target_url": "https://ci.example.org/7",
            "context": "build",
            "description": "does not build",
        }
        getpatchwork_list(tracker, f"/api/patches/{number}/checks/", [check])
        tracker.at(f"/api/patches/{number}/checks/", check, "POST", status=201)
        tracker.when(
            f"/api/patches/{number}/",
            lambda asked, patch=patch: Answer(  # type: ignore[misc]
                {**patch, **{k: v for k, v in asked.document.items() if k != "delegate"}}
            ),
            "PATCH",
        )
    getpatchwork_list(tracker, "/api/users/", [USER])
    getpatchwork_list(
        tracker,
        "/api/events/",
        [
            {
                "id": 12,
                "category": "patch-state-changed",
                "project": {"id": 1},
                "date": "2024-01-02T10:00:00",
                "actor": USER,
                "payload": {
                    "patch": {"id": 71},
                    "previous_state": "new",
                    "current_state": "accepted",
                },
            },
            {
                "id": 11,
                "category": "series-completed",
                "project": {"id": 1},
                "date": "2024-01-01T12:03:00",
                "actor": None,
                "payload": {"series": {"id": 7, "name": "Be friendly", "version": 1}},
            },
        ],
        lambda asked, event: (
            event["date"] >= asked.parameters.get("since", [""])[0]
            and event["category"] in asked.parameters.get("category", [event["category"]])
        ),
    )


def speak_old_getpatchwork(tracker: Tracker) -> None:
    """A server of that family alone has its own lists at 1.0 as well."""
    speak_getpatchwork(tracker)
    getpatchwork_list(tracker, "/api/1.0/projects/", [{"id": 1, "link_name": "list"}])
