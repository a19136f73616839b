# SPDX-License-Identifier: GPL-2.0-or-later
"""The part that looks at pages while an archive is taken in."""

from __future__ import annotations

import http.client
import itertools
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from benchmarks.command import LeftOut
from benchmarks.ingest.bench import Bench
from benchmarks.ingest.site import ACCOUNT, PASSWORD, Site, site
from benchmarks.machine import Figure, percentile
from benchmarks.site import ROOT, Failed
from benchmarks.web import gunicorn

READERS = 2
THINKING_SECONDS = 0.04
"""Between two requests of a visitor: together they ask for some thirty pages a second."""
SEEN = 100
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def web(bench: Bench) -> Iterator[Figure]:
    """Pages and logins (they write a session and an account) with and without an import."""
    if bench.server.name != "sqlite":
        raise LeftOut("only SQLite has a lock that all writers share")
    with site(bench.server) as place:
        half = len(bench.raws) // 2
        place.ask("take_in", path=str(bench.archive), start=0, end=min(half, 2000))
        with gunicorn(place) as port:
            visits = Visits(port, place)
            visits.run(lambda elapsed: elapsed > 2)
            quiet = visits.run(lambda elapsed: elapsed > bench.seconds / 2)
            with importing(bench, place) as is_over:
                busy = visits.run(lambda elapsed: is_over() or elapsed > bench.seconds)
    for words, times in (("nothing else", quiet), ("an import", busy)):
        for what, seconds in times.items():
            figures = [1000 * each for each in seconds]
            yield Figure(
                f"{what}, beside {words}",
                f"p50 {percentile(figures, 50):.0f} ms, p99 {percentile(figures, 99):.0f} ms, "
                f"longest {max(figures):.0f} ms, {len(figures)} requests",
            )


class Visits:
    """Visitors who read pages, and one who logs in again and again."""

    def __init__(self, port: int, place: Site) -> None:
        self._port = port
        newest = place.ask("newest", count=SEEN)
        pages = ["/", "/project/test/list/", "/project/test/patches/"]
        pages += [f"/series/{number}/" for number in newest["series"]]
        pages += [f"/patch/{number}/" for number in newest["patches"]]
        self._pages = itertools.cycle(pages)

    def run(self, is_over: Callable[[float], bool]) -> dict[str, list[float]]:
        """Seconds of each request."""
        times: dict[str, list[float]] = {"reading": [], "writing": []}
        over = threading.Event()
        failures: list[Exception] = []

        def visit(request: Callable[[], None], seconds: list[float]) -> None:
            try:
                while not over.is_set():
                    began = time.perf_counter()
                    request()
                    seconds.append(time.perf_counter() - began)
                    over.wait(THINKING_SECONDS)
            except Exception as error:  # noqa: BLE001 (told by the main thread)
                failures.append(error)

        visitors = [
            threading.Thread(target=visit, args=arguments)
            for arguments in [(self.read, times["reading"])] * READERS
            + [(self.log_in(), times["writing"])]
        ]
        began = time.monotonic()
        for visitor in visitors:
            visitor.start()
        while not failures and not is_over(time.monotonic() - began):
            time.sleep(0.05)
        over.set()
        for visitor in visitors:
            visitor.join()
        if failures:
            raise failures[0]
        return times

    def read(self) -> None:
        self._request("GET", next(self._pages))

    def log_in(self) -> Callable[[], None]:
        """A request that logs in; the form is fetched once."""
        headers, page = self._request("GET", "/user/login/")
        cookie = headers["Set-Cookie"].partition(";")[0]
        token = _TOKEN.search(page)
        assert token is not None, page
        form = urlencode(
            {"csrfmiddlewaretoken": token[1], "username": ACCOUNT, "password": PASSWORD}
        )
        more = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}

        def request() -> None:
            headers, _ = self._request("POST", "/user/login/", form, more, expected=302)
            assert "sessionid" in str(headers)

        return request

    def _request(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: dict[str, str] | None = None,
        expected: int = 200,
    ) -> tuple[http.client.HTTPMessage, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status != expected:
            raise Failed(f"{method} {path}: {response.status} instead of {expected}")
        return response.headers, text


@contextmanager
def importing(bench: Bench, place: Site) -> Iterator[Callable[[], bool]]:
    """An import beside it; tells whether it is over."""
    command = [sys.executable, str(ROOT / "manage.py"), "parsearchive", "--quiet"]
    with subprocess.Popen(
        [*command, str(bench.archive)],
        cwd=ROOT,
        env=place.environment,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            yield lambda: process.poll() is not None
        finally:
            process.terminate()
