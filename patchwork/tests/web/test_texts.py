# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts out of mails as HTML: tables of cases, and text that anybody could send."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchwork.web import texts


class Reader(HTMLParser):
    """What a browser makes of a piece of HTML: elements and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a < b", "a &lt; b"),
        ("> quoted\nnew", '<span class="q1">&gt; quoted</span>\nnew'),
        (
            "> > deep\n> less",
            '<span class="q2">&gt; &gt; deep</span>\n<span class="q1">&gt; less</span>',
        ),
        (">>>>>> far", '<span class="q3">&gt;&gt;&gt;&gt;&gt;&gt; far</span>'),
        (
            "see https://example.com/a?b=1&c=(2).",
            'see <a href="https://example.com/a?b=1&amp;c=(2" rel="nofollow noopener">'
            "https://example.com/a?b=1&amp;c=(2</a>).",
        ),
        ("javascript:alert(1)", "javascript:alert(1)"),
        (
            "Reviewed-by: R <r@x>",
            '<span class="trailer">Reviewed-by: R &lt;r@x&gt;</span>',
        ),
        ("evil\u202etxt.exe", "evil⟨U+202E⟩txt.exe"),
        ("\x1b[31mred", "⟨U+001B⟩[31mred"),
    ],
)
def test_mail_text(text, html):
    assert texts.mail_text(text) == html


@given(st.text() | st.text(alphabet="<>&\"'/: hptsx.\n=") | st.from_regex(r"https?://\S+"))
def test_nothing_but_our_own_elements(text):
    reader = read(texts.mail_text(text))
    assert {tag for tag, _ in reader.elements} <= {"span", "a"}
    for tag, attributes in reader.elements:
        assert set(attributes) <= ({"href", "rel"} if tag == "a" else {"class"})
        if tag == "a":
            assert re.match(r"https?://", attributes["href"] or "")
    assert reader.text == texts.visible(text)


def test_a_long_text_is_cut():
    html = texts.mail_text("x" * (texts.TEXT_LIMIT + 1_000))
    assert html.endswith("… 1,000 more characters</em>")
    assert len(html) < texts.TEXT_LIMIT + 100


@pytest.mark.parametrize(
    "text",
    ["> " * 100_000, "http://" * 30_000, "A" * 200_000 + "-by: ", "https://" + "(" * 199_000],
)
def test_long_runs_of_one_thing_are_shown(text):
    """A pattern that tries again from every place would not come back from these."""
    assert len(texts.mail_text(text)) >= min(len(text), texts.TEXT_LIMIT)


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("https://x", True),
        ("HTTP://x", True),
        ("mailto:a@b", True),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//x", False),
        ("git://x", False),
        ("", False),
    ],
)
def test_which_addresses_may_become_links(address, answer):
    assert texts.has_web_scheme(address) is answer
