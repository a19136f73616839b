# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes in the body of a request, read strictly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

_HALF_A_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")


class StrictJSONParser(JSONParser):
    """What nobody can answer with its field is refused here for all; values are the fields' own."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw: bytes = stream.read()
        try:
            parsed: Any = super().parse(BytesIO(raw), media_type, parser_context)
            if _HALF_A_CHARACTER.search(raw):
                "".join(_names(parsed)).encode()
        except RecursionError as error:
            raise ParseError("JSON parse error - it is nested too deeply") from error
        except UnicodeEncodeError as error:
            raise ParseError("JSON parse error - a name has half a character") from error
        return parsed


def _names(value: Any) -> Iterator[str]:
    """Of all fields, at every depth."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _names(each)
