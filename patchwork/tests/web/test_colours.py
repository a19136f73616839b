# SPDX-License-Identifier: GPL-2.0-or-later
"""Text can be read on its ground: the tokens of the style sheet, in both schemes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import patchwork

STYLES = Path(patchwork.__file__).parent / "static" / "patchwork" / "pages.css"
TOKEN = re.compile(r"--([\w-]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)")
AA = 4.5

ON_GROUND = ("text", "muted", "link", "good", "bad", "care", "quote-1", "quote-2", "quote-3")
PAIRS = [
    *((ink, ground) for ink in ON_GROUND for ground in ("ground", "raised")),
    *((ink, f"{ink}-ground") for ink in ("good", "bad", "care", "busy", "quiet")),
    *((ink, ground) for ink in ("text", "muted") for ground in ("added", "removed", "place")),
    *((ink, "top") for ink in ("top-text", "top-muted")),
    *((ink, "care-ground") for ink in ("text", "link")),
    ("link", "busy-ground"),
]


def tokens() -> dict[str, tuple[str, str]]:
    found = TOKEN.findall(STYLES.read_text(encoding="utf-8"))
    return {name: (light, dark) for name, light, dark in found}


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_contrast(ink, ground, scheme):
    palette = tokens()
    assert contrast(palette[ink][scheme], palette[ground][scheme]) >= AA


def test_black_on_white_is_21():
    assert round(contrast("000000", "ffffff"), 1) == 21.0
