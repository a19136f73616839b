# SPDX-License-Identifier: GPL-2.0-or-later
"""Where results can be said to be."""

from __future__ import annotations

import pytest

from patchwork.checks.addresses import is_address


@pytest.mark.parametrize(
    "text",
    [
        "http://jenkins/job/1",
        "https://ci.example.org",
        "https://ci.example.org:8443/a/b?c=d&e=f#g",
        "HTTPS://CI.example.org/",
        "http://[2001:db8::1]/log",
        "http://127.0.0.1:8080/",
        "https://münchen.example/größe",
        "http://user@ci/log",
        "http://ci/" + "x" * 1990,
    ],
)
def test_addresses(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "jenkins", "/job/1", "//jenkins/job/1", "http://", "https:///log", "http:jenkins"),
        *("http://:80/", "http://user@/", "http://@/", "http://ci:x/", "http://ci:99999/"),
        *("ftp://ci.example.org/log", "javascript:alert(1)", "file:///etc/passwd", "data:,x"),
        *("http://[::1", "http://ci/a b", " http://ci/", "http://ci/\ta", "http://ci/\r\nX: y"),
        *("ht\ntp://ci/", "http://ci/\x7f", "http://ci/\u202e", "http://ci/\u2028"),
        *("http://ci/\u00a0", "http://ci:0/", "http://ci/" + "x" * 1991),
    ],
)
def test_what_is_none(text: str) -> None:
    assert not is_address(text)
