# SPDX-License-Identifier: GPL-2.0-or-later
"""Diffs as HTML: what is shown at once, what is only named, and that all of it is text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from patchwork.tests import factories
from patchwork.tests.web.test_texts import read
from patchwork.web import diffs


def added(path: str, count: int, line: str = "x") -> str:
    lines = "".join(f"+{line}\n" for _ in range(count))
    return (
        f"diff --git a/{path} b/{path}\nnew file mode 100755\nindex 0000000..1111111\n"
        f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n{lines}"
    )


RENAME = (
    "diff --git a/old b/new\nsimilarity index 100%\nrename from old\nrename to new\n"
    "diff --git a/run b/run\nold mode 100644\nnew mode 100755\n"
    "diff --git a/logo.png b/logo.png\nindex 1111111..2222222 100644\n"
    "Binary files a/logo.png and b/logo.png differ\n"
)


def test_what_lines_do_not_tell_is_said_in_words():
    view = diffs.view(added("tool", 1) + RENAME)
    assert [block.note for block in view.files] == [
        "new file, mode 100755",
        "renamed from old",
        "mode 100644 → 100755",
        "binary",
    ]
    assert (view.added, view.removed) == (1, 0)


def test_a_huge_diff_is_listed_first():
    diff = added("big", diffs.SHOWN_AT_ONCE) + added("small", 2)
    view = diffs.view(diff)
    assert view.is_partial
    assert view.can_show_all
    assert [(block.path, block.is_shown) for block in view.files] == [
        ("big", False),
        ("small", False),
    ]
    assert not any(block.body for block in view.files)


def test_a_huge_diff_can_be_asked_for():
    diff = added("big", diffs.SHOWN_AT_ONCE) + added("small", 2)
    assert all(block.is_shown for block in diffs.view(diff, "all").files)
    assert [block.is_shown for block in diffs.view(diff, asked_file="2").files] == [False, True]
    for nonsense in ("0", "3", "x", "²", "9" * 50):
        assert not any(block.is_shown for block in diffs.view(diff, asked_file=nonsense).files)


def test_no_page_is_endless(monkeypatch):
    monkeypatch.setattr(diffs, "SHOWN_AT_ONCE", 10)
    monkeypatch.setattr(diffs, "SHOWN_AT_ALL", 20)
    monkeypatch.setattr(diffs, "LISTED_FILES", 2)
    diff = added("a", 30) + added("b", 1) + added("c", 1)
    view = diffs.view(diff, "all")
    assert not view.can_show_all
    assert not any(block.is_shown for block in view.files)
    assert view.unlisted == 1
    first = diffs.view(diff, asked_file="1").files[0]
    assert first.is_cut
    assert first.body.count("<tr") == 20


def test_a_line_of_megabytes_is_cut():
    (block,) = diffs.view(added("min.js", 1, "y" * 3_000_000)).files
    assert len(block.body) < 3_000
    assert "more characters" in block.body


@given(st.text(), st.text(alphabet="<>&\"'+-@ x\n"), st.text())
def test_every_text_in_a_diff_is_escaped(path, line, section):
    diff = (
        f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n"
        f"@@ -1,2 +1,2 @@ {section}\n {line}\n-{line}\n+{line}\n\\ {line}\n"
    )
    for block in diffs.view(diff).files:
        for tag, attributes in read(f"<table>{block.body}</table>").elements:
            assert tag in {"table", "tr", "td"}
            assert set(attributes) <= {"class", "data-n"}
            assert (attributes.get("data-n") or "1").isdigit()


def test_the_page_offers_what_it_does_not_show(client, project):
    patch = factories.make_patch(
        project, factories.make_person(), diff=added("big", diffs.SHOWN_AT_ONCE) + added("small", 2)
    )
    page = client.get(f"/patch/{patch.pk}/").text
    assert 'href="?diff=all#diff"' in page
    assert 'href="?file=2#f2"' in page
    assert "<tr class=" not in page
    assert page.count("<tr class=") < client.get(f"/patch/{patch.pk}/?diff=all").text.count(
        "<tr class="
    )
    assert client.get(f"/patch/{patch.pk}/?file=2").text.count('<tr class="add"') == 2
