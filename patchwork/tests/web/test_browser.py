# SPDX-License-Identifier: GPL-2.0-or-later
"""Every page in a real browser: it loads clean, fits a phone, and needs no JavaScript."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from patchwork.management.demo.performance import perform
from patchwork.outbox.models import OutgoingMail
from patchwork.tracking.models import Patch, Series

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 800}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}"),
    pytest.mark.django_db(transaction=True),
]

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Playwright keeps an event loop running in this thread, and Django would refuse to work."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture
def site(live_server) -> str:
    call_command("loaddata", "default_tags", "default_states", verbosity=0)
    perform(timezone.now())
    return str(live_server.url)


def addresses() -> list[str]:
    """One of each kind of page, and each series that is out of the ordinary."""
    ipv6 = Series.objects.get(name="Answer lamps over IPv6")
    odd = Series.objects.exclude(possibly_continues=None) | Series.objects.filter(newest=None)
    patches = Patch.objects.filter(name__contains="IPv6") | Patch.objects.filter(diff=None)
    return [
        "/",
        "/project/lanternd/list/",
        "/project/lanternd/list/?state=all&archived=both&sort=name",
        "/project/wicker/list/?q=nothing+is+called+that",
        "/project/wicker/patches/",
        "/user/login/",
        "/mail/",
        "/mail/optout/",
        *(f"/series/{ipv6.pk}/rev/{number}/" for number in (1, 2, 3)),
        *(f"/series/{series.pk}/" for series in odd),
        *(f"/patch/{patch.pk}/" for patch in patches),
    ]


def open_clean(page, address: str, status: int = 200) -> None:
    """Open a page; whatever the browser complains about is a failure."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    answer = page.goto(address)
    assert answer.status == status
    assert not [one for one in complaints if str(status) not in one or status == 200], address


def overflow(page) -> int:
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return int(page.evaluate(width))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_pages_load_clean_and_fit(browser, site, size, scheme):
    context = browser.new_context(viewport=size, color_scheme=scheme, java_script_enabled=True)
    for address in addresses():
        page = context.new_page()
        open_clean(page, site + address)
        assert overflow(page) <= 0, address
        assert page.locator("main").count() == page.locator("h1").count() == 1, address
        page.close()
    context.close()


def test_the_admin_bears_the_policy(browser, site):
    page = browser.new_page()
    open_clean(page, f"{site}/admin/login/")
    page.close()


def test_a_maintainers_way_without_javascript(browser, site):
    """From the front page to a patch, by links and forms alone."""
    context = browser.new_context(java_script_enabled=False, viewport=DESKTOP)
    page = context.new_page()
    page.goto(site)
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill("pass")
    page.get_by_role("button", name="Log in").click()
    assert page.get_by_role("link", name="Admin", exact=True).is_visible()
    page.get_by_role("link", name="Lanternd", exact=True).click()
    page.get_by_role("combobox", name="State").select_option("All")
    page.get_by_role("searchbox", name="Name").fill("restart")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="Read the configuration again").click()
    page.get_by_role("link", name="Revision 1").click()
    page.get_by_role("link", name="main: read the configuration again on SIGHUP").click()
    assert page.get_by_text("A signal handler may only touch").is_visible()
    assert not page.get_by_text("List-Id:").is_visible()
    page.get_by_text("Headers of this mail").click()
    assert page.get_by_text("List-Id:").is_visible()
    page.get_by_role("link", name="Next").click()
    assert "README: say how to reload" in page.title()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download mbox").click()
    assert download.value.suggested_filename == "3-3-README-say-how-to-reload.patch"
    page.get_by_role("button", name="Log out").click()
    assert page.get_by_role("link", name="Log in").is_visible()
    context.close()


def test_saying_no_to_mail_without_javascript(browser, live_server):
    """From the page that mails name to a phone's last page; an address of any length fits."""
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    page.goto(f"{live_server.url}/mail/")
    page.get_by_role("link", name="I want no mail from here").click()
    page.get_by_label("Your mail address").fill(f"{'long.' * 12}name@mail.example.org")
    page.get_by_role("button", name="Send me a link").click()
    assert page.get_by_role("heading", name="Look into your mail").is_visible()
    assert overflow(page) <= 0
    mail = OutgoingMail.objects.get().read_bytes().decode()
    (path,) = re.findall(r"/confirm/\S+/", mail)
    page.goto(live_server.url + path)
    assert overflow(page) <= 0
    page.get_by_role("button", name="Send me no more mail").click()
    assert page.get_by_role("heading", name="No more mail from here").is_visible()
    assert overflow(page) <= 0
    context.close()


def test_the_keyboard_gets_everywhere(browser, site):
    """The first stop skips the navigation, and where one stands can be seen."""
    page = browser.new_page(viewport=DESKTOP)
    page.goto(f"{site}/project/lanternd/list/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    assert skip.bounding_box()["x"] >= 0
    outline = skip.evaluate("element => getComputedStyle(element).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    page.close()


def test_a_page_that_is_not_there(browser, site):
    page = browser.new_page(viewport=PHONE)
    open_clean(page, f"{site}/series/999999/", status=404)
    assert page.get_by_text("There is no series 999999 here.").is_visible()
    page.close()
