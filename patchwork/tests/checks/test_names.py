# SPDX-License-Identifier: GPL-2.0-or-later
"""Which names tests can have, and which labels they go by."""

from __future__ import annotations

import pytest

from patchwork.checks.names import CONTEXT, context_of, is_test_name


@pytest.mark.parametrize(
    "name", ["build", "Build", "a--b", "a-b", "---", "_", "default", "x86_64", "-a-", "x" * 255]
)
def test_a_name_that_is_a_label_is_its_own(name: str) -> None:
    assert context_of(name) == name


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("checkpatch.pl", "checkpatchpl-ef3a2ec3"),
        ("Check Patch.pl", "check-patchpl-063c0671"),
        ("C++", "c-f1deb75f"),
        ("検査", "test-8e28a92e"),
        ("構築", "test-0cf75e68"),
        ("+++", "test-29f5099b"),
    ],
)
def test_another_is_a_slug_with_a_mark(name: str, context: str) -> None:
    """Clients remember labels: they stay what they are."""
    assert context_of(name) == context


def test_different_names_have_different_labels() -> None:
    names = [
        *("C", "C++", "c", "c++", "a b", "a  b", "a-b", "a.b", "ab", "Bau", "bau", "bäu", "検査"),
        *("構築", "é", "e\u0301", "x" * 255, "x" * 254 + ".", "x" * 253 + "..", "...", ".", "_"),
    ]
    contexts = {context_of(name) for name in names}
    assert len(contexts) == len(names)
    assert all(CONTEXT.fullmatch(context) for context in contexts)


@pytest.mark.parametrize(
    ("name", "may_be"),
    [
        *(("build", True), ("C++ / über", True), ("検査", True), ("🚀", True), ("x" * 255, True)),
        *(("", False), ("x" * 256, False), ("a\r\nb", False), ("a\nb", False), ("a\tb", False)),
        *(("a\0", False), ("a\x1b[2J", False), ("a\x7f", False), ("a\x85b", False)),
        *(("a\u2028b", False), ("a\u2029b", False), ("\u202eliaf", False), ("a\u202a", False)),
        *(("a\u2066b", False), ("a\u2069b", False), ("a\u200db", True)),
        *(("a\u061cb", False), ("a\u200fb", False), ("a\u200bb", False), ("\xad", False)),
    ],
)
def test_which_names_there_can_be(name: str, may_be: bool) -> None:
    assert is_test_name(name) is may_be
