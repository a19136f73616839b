# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of an account in a real browser: a token is made, shown once, and revoked."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from patchwork.bundles.changes import create_bundle
from patchwork.tests.web.test_browser import (
    DESKTOP,
    PHONE,
    browser,
    open_clean,
    overflow,
    pytestmark,
    site,
)
from patchwork.tracking.models import Patch

__all__ = ["browser", "pytestmark", "site"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_token_for_a_program(browser, site, settings, size, scheme):
    settings.ENABLE_XMLRPC = True
    context = browser.new_context(viewport=size, color_scheme=scheme, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/user/")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill("pass")
    page.get_by_role("button", name="Log in").click()
    assert page.get_by_text("You have none.").is_visible()
    assert page.get_by_text("You keep no bundles").is_visible()
    create_bundle(User.objects.get(username="admin"), "x" * 50, [Patch.objects.earliest("pk")])
    page.get_by_label("What it is for").fill("nightly tests of every lamp in the house")
    page.get_by_label("Scope").select_option("checks")
    page.get_by_role("combobox", name="Project", exact=True).select_option("Lanternd")
    page.get_by_role("button", name="Make a token").click()
    assert page.get_by_text("pw_").is_visible()
    assert overflow(page) <= 0
    open_clean(page, f"{site}/user/")
    assert page.get_by_text("pw_").count() == 0
    assert page.get_by_role("link", name="x" * 50).is_visible()
    assert overflow(page) <= 0
    assert page.locator("main").count() == page.locator("h1").count() == 1
    page.get_by_role("button", name="Revoke").click()
    assert page.get_by_text("You have none.").is_visible()
    for address in ("/xmlrpc/", "/project/lanternd/list/"):
        open_clean(page, site + address)
        assert overflow(page) <= 0, address
    with page.expect_download() as download:
        page.get_by_role("link", name=".pwclientrc").click()
    assert "lanternd" in download.value.path().read_text()
    context.close()
