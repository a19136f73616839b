# SPDX-License-Identifier: GPL-2.0-or-later
"""XML-RPC as it stands on the wire: calls are read with care, and answers written.

What comes in is bounded by its size, its depth and the number of its elements; it may declare
nothing, so there are no entities to blow up and no files to be read. What goes out is XML 1.0,
which has no way to write most control characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.parsers import expat
from xmlrpc.client import Fault, Marshaller, ResponseError, Unmarshaller, escape

BODY_LIMIT = 256 * 1024
DEPTH_LIMIT = 32
ELEMENTS_LIMIT = 10_000

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""Stands for each character that XML 1.0 has no way to write."""

NOT_XML, NO_METHOD, WRONG_PARAMETERS = -32700, -32601, -32602
"""What XML-RPC servers have agreed upon; the other faults are numbered as in HTTP."""

_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Write = Callable[[str], object]


def read(body: bytes) -> tuple[str, tuple[Any, ...]]:
    """The method that is called, and its parameters. Raises ``Fault``."""
    reading = _Reading()
    try:
        reading.parse(body)
        parameters = reading.values.close()
    except Fault:
        raise
    except ResponseError:
        raise _nameless() from None
    except Exception as error:  # noqa: BLE001 (whatever a malformed tree makes the standard library raise)
        raise Fault(NOT_XML, f"This is no call of XML-RPC: {error}") from None
    method = reading.values.getmethodname()
    if not isinstance(method, str):
        raise _nameless()
    return method, parameters


def _nameless() -> Fault:
    return Fault(NOT_XML, "This is no call of XML-RPC: it names no method.")


class _Reading:
    """One parser for one call."""

    def __init__(self) -> None:
        self.values = Unmarshaller(use_builtin_types=True)
        self.values.xml("", None)  # The parser decodes.
        self._depth = self._elements = 0

    def parse(self, body: bytes) -> None:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._refuse_declarations
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self.values.data
        parser.Parse(body, True)

    def _refuse_declarations(self, *_: object) -> None:
        raise Fault(NOT_XML, "Document type declarations are not read here.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > DEPTH_LIMIT or self._elements > ELEMENTS_LIMIT:
            raise Fault(NOT_XML, "This call is too deep, or has too many elements.")
        self.values.start(name, attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        self.values.end(name)


def answer(value: Any) -> bytes:
    """An answer of texts, numbers, flags, lists and structs of these; never of None."""
    return _response(_Writer("utf-8").dumps((value,)))


def fault(error: Fault) -> bytes:
    return _response(_Writer("utf-8").dumps(error))


def _response(inside: str) -> bytes:
    document = f'<?xml version="1.0"?>\n<methodResponse>\n{inside}</methodResponse>\n'
    return document.encode()


def is_writable(text: str) -> bool:
    """Whether a text arrives as it is."""
    return not _UNWRITABLE.search(text)


class _Writer(Marshaller):
    """The standard library writes control characters as they are, which no parser takes."""

    def _text(self, value: str, write: Write) -> None:
        # A parser makes a line feed of a carriage return, unless it is written as a reference.
        text = escape(_UNWRITABLE.sub(REPLACEMENT, value)).replace("\r", "&#13;")
        write(f"<value><string>{text}</string></value>\n")

    def _number(self, value: int, write: Write) -> None:
        kind = "int" if -(2**31) <= value < 2**31 else "i8"
        write(f"<value><{kind}>{value}</{kind}></value>\n")

    dispatch: Any = {**Marshaller.dispatch, str: _text, int: _number}
