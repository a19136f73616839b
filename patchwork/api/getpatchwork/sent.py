# SPDX-License-Identifier: GPL-2.0-or-later
"""What a request sends, read strictly, as JSON or as a form.

What was told of a thing may be sent back with it: the fields that cannot be written are passed
over. Others are refused, because somebody meant something by them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.http import QueryDict
from rest_framework.exceptions import ValidationError

from patchwork.api.getpatchwork.shapes import Body
from patchwork.api.parameters import FLAGS, LARGEST_ID, is_id, shown, unknown, wrong

_NOT_IN_A_LINE = ("Cc", "Zl", "Zp")
"""Control characters and ends of lines, as Unicode calls them."""


class Sent:
    """The fields of a body."""

    def __init__(
        self, body: Any, fields: Mapping[str, Any], told: Iterable[str] = (), *, at: str = ""
    ) -> None:
        """``fields`` can be written, with their schemas; ``told`` are those that a reader sees.

        ``at``: where the object stands in the whole body, with a dot behind it.
        """
        self._at = at
        if not isinstance(body, Mapping):
            where = at.removesuffix(".") or "detail"
            raise ValidationError({where: "Send an object with the fields to be changed."})
        known = {*fields, *told}
        for name in body:
            if name not in known:
                allowed = ", ".join(sorted(fields))
                raise self.wrong(str(name)[:100], f"There is no such field; there are: {allowed}.")
        self._body = body
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return name in self._body

    def wrong(self, name: str, words: str) -> ValidationError:
        return wrong(f"{self._at}{name}", words)

    def text(self, name: str) -> str:
        """A text, no longer than its schema allows; null is an empty one."""
        value = self._text(name)
        longest = self._fields[name].get("maxLength", len(value))
        if len(value) > longest:
            raise self.wrong(name, f"It is longer than {longest} characters.")
        return value

    def line(self, name: str) -> str:
        """A text of one line."""
        value = self.text(name)
        if any(unicodedata.category(letter) in _NOT_IN_A_LINE for letter in value):
            raise self.wrong(name, "It is one line, without control characters.")
        return value

    def _text(self, name: str) -> str:
        value = self._body[name]
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(name, "Not a text.")
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise self.wrong(name, "It holds what is no character.")
        return value.strip()

    def address(self, name: str, schemes: Collection[str] = ()) -> str:
        """An address of the web or, with other ``schemes``, of a repository."""
        value = self.line(name)
        if not value:
            return ""
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https", *schemes) or not parts.netloc or " " in value:
            raise self.wrong(
                name, f"{shown(value)} is not an address such as https://example.org/."
            )
        return value

    def word(self, name: str, allowed: Collection[str]) -> str:
        value = self._text(name)
        if value not in allowed:
            raise unknown(f"{self._at}{name}", value, allowed)
        return value

    def flag(self, name: str) -> bool:
        value = self._body[name]
        if isinstance(value, int) and value in (0, 1):
            return bool(value)
        if isinstance(value, str) and value.lower() in FLAGS:
            return FLAGS[value.lower()]
        raise self.wrong(name, "It is neither true nor false.")

    def flag_or_nothing(self, name: str) -> bool | None:
        return None if self._body[name] in (None, "", "null") else self.flag(name)

    def number(self, name: str) -> int:
        return self._number(name, self._body[name])

    def id_or_nothing(self, name: str) -> int | None:
        return None if self._body[name] in (None, "", "null") else self._id(name, self._body[name])

    def ids(self, name: str) -> list[int]:
        is_form = isinstance(self._body, QueryDict)
        values = self._body.getlist(name) if isinstance(self._body, QueryDict) else self._body[name]
        if not isinstance(values, list):
            raise self.wrong(name, "Not a list of numbers.")
        # A form says "an empty list" by an empty value.
        return [self._id(name, value) for value in values if not (is_form and value == "")]

    def part(self, name: str, body: Body, minor: int) -> Sent:
        return Sent(self._body[name], body.at(minor), at=f"{self._at}{name}.")

    def _id(self, name: str, value: Any) -> int:
        """By its number, or as it is told in answers."""
        return self._number(name, value.get("id") if isinstance(value, Mapping) else value)

    def _number(self, name: str, value: Any) -> int:
        if isinstance(value, str) and is_id(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_ID:
            raise self.wrong(name, "Not a number.")
        return value
