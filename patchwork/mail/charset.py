# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes to text that every database stores, whatever the mail says its charset is."""

from __future__ import annotations

import binascii
import codecs
import re
from encodings.aliases import aliases
from functools import lru_cache

WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
"""An encoded word: charset, encoding, text. No part can match what its neighbour matches."""

NOT_TEXT = {"base64_codec", "bz2_codec", "hex_codec", "mbcs", "quopri_codec", "rot_13"}
NOT_TEXT |= {"uu_codec", "zlib_codec"}
WITHOUT_ALIAS = {"koi8_u", "koi8_t", "cp720", "cp737", "cp856", "cp874", "cp875", "cp1006"}
WIDE = ("utf_16", "utf_32")
WRONG_BYTES_LIMIT = 10_000
RARE = 50
"""One wrong byte in so many is worth a call each; more of them are translated all at once."""
CUT_CHARACTER = re.compile(
    "(?:\udcf0[\udc90-\udcbf]|[\udcf1-\udcf3][\udc80-\udcbf]|\udcf4[\udc80-\udc8f])[\udc80-\udcbf]"
)
"""Three wrong bytes, escaped by Python, that are wrong together: the fourth is missing."""

CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))
NOT_BASE64 = bytes(
    byte
    for byte in range(256)
    if byte not in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
)


def _known_codecs() -> dict[str, str]:
    """Names of charsets that stand in mails -> Python's codec.

    Only these are ever looked up: Python imports a module by the name it is asked for, keeps
    each unknown name for ever, and has codecs that take quadratic time.
    """
    codecs_of = {name: codec for name, codec in aliases.items() if codec not in NOT_TEXT}
    codecs_of |= {codec: codec for codec in (*codecs_of.values(), *WITHOUT_ALIAS)}
    codecs_of |= {"gb2312": "gb18030", "gbk": "gb18030", "windows_874": "cp874"}
    return codecs_of


CODECS = _known_codecs()


@lru_cache(maxsize=256)
def _codec(charset: str) -> str | None:
    name = charset.strip(" \"'").lower().replace("-", "_").replace(" ", "_").replace(".", "_")
    return CODECS.get(name) or CODECS.get(name.removeprefix("x_"))


def decode(raw: bytes, charset: str = "") -> str:
    """The text in ``raw``: as declared, else as UTF-8, else as Western European."""
    codec = _codec(charset[:60]) if charset else None
    if codec is None or codec in ("ascii", "utf_8") or _is_lying_wide(raw, codec):
        return storable(_decode_unlabelled(raw))
    try:
        return storable(raw.decode(codec))
    except ValueError:
        return storable(_decode_unlabelled(raw))


def _is_lying_wide(raw: bytes, codec: str) -> bool:
    """UTF-16 and UTF-32 have a NUL in every line end; without any it is something else."""
    return codec.startswith(WIDE) and b"\0" not in raw


def _decode_unlabelled(raw: bytes) -> str:
    """UTF-8, its wrong bytes taken for Western European: one foreign line spoils only itself."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        wrong_bytes = raw.decode("utf-8", "replace").count("\ufffd")
    if wrong_bytes > WRONG_BYTES_LIMIT:
        return _decode_western(raw)
    if wrong_bytes * RARE <= len(raw):
        return raw.decode("utf-8", "patchwork.western")
    escaped = raw.decode("utf-8", "surrogateescape")
    return CUT_CHARACTER.sub(_western_for_cut, escaped).translate(WESTERN)


def _western_for_cut(character: re.Match[str]) -> str:
    return _decode_western(character[0].encode("utf-8", "surrogateescape"))


def _decode_western(raw: bytes) -> str:
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _western_for_wrong(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _decode_western(error.object[error.start : error.end]), error.end


codecs.register_error("patchwork.western", _western_for_wrong)
WESTERN = {0xDC00 + byte: _decode_western(bytes([byte])) for byte in range(0x80, 0x100)}
"""A wrong byte as Python escapes it -> what it is taken for."""


def storable(text: str) -> str:
    """``text`` without byte order mark, NUL and lone surrogates."""
    if text.startswith("\ufeff"):
        text = text[1:]
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def one_line(value: str, limit: int) -> str:
    """``value`` in one line without control characters, at most ``limit`` characters."""
    line = " ".join(value.split())
    if not line.isprintable():
        line = storable(line.translate(CONTROLS)).strip()
    return line if len(line) <= limit else line[:limit].rstrip()


def decode_words(value: str) -> str:
    """``value`` with its encoded words decoded; blanks between two of them are dropped.

    Neighbours in one charset are decoded together: some senders cut a character in two.
    """
    if "=?" not in value:
        return value
    pieces: list[str] = []
    charset, raw, end = "", b"", 0
    for word in WORD.finditer(value):
        word_charset = word[1].lower().partition("*")[0]
        between = value[end : word.start()]
        if word_charset != charset or between.strip():
            pieces.append(decode(raw, charset))
            charset, raw = word_charset, b""
        if between.strip() or end == 0:
            pieces.append(between)
        raw += _word_bytes(word[2], word[3])
        end = word.end()
    return "".join((*pieces, decode(raw, charset), value[end:]))


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if encoding in "bB":
        return decode_base64(raw)
    return binascii.a2b_qp(raw, header=True)


def decode_base64(raw: bytes) -> bytes:
    """Base64 up to its padding; foreign characters are skipped, a cut end is dropped."""
    digits = raw.translate(None, NOT_BASE64).partition(b"=")[0]
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
