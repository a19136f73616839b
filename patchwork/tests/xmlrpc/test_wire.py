# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes in is bounded, whatever it is; what goes out arrives as it was meant."""

from __future__ import annotations

from xmlrpc.client import Fault, dumps, loads

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchwork.xmlrpc import wire

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE bomb [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<methodCall><methodName>&b;</methodName></methodCall>"""
FILE = b"""<?xml version="1.0"?>
<!DOCTYPE file [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<methodCall><methodName>&a;</methodName></methodCall>"""


def nested(depth):
    opening, closing = "<value><array><data>" * depth, "</data></array></value>" * depth
    return (
        "<methodCall><methodName>x</methodName><params><param>"
        f"{opening}{closing}</param></params></methodCall>"
    ).encode()


@pytest.mark.parametrize(
    "parameters",
    [(), (1,), ("a", None, True), ({"name__icontains": "x", "ids": [1, 2]},), ("\n <&>",)],
)
def test_what_a_client_writes_is_read(parameters):
    assert wire.read(dumps(parameters, "some", allow_none=True).encode()) == ("some", parameters)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"no xml", b"<a/>", b"<methodCall></methodCall>", b"\xff\xfe\x00", BOMB, FILE),
        *(nested(20), nested(5000), dumps(("x",), "y").encode()[:-20]),
        b"<methodCall><methodName>x</methodName><params>"
        + b"<param><value><int>1</int></value></param>" * 10_000
        + b"</params></methodCall>",
        b"<methodCall><methodName>x</methodName><params><param><value><int>"
        + b"9" * 5000
        + b"</int></value></param></params></methodCall>",
        b"<methodCall><methodName>x</methodName><params><param><value><int>x</int></value>"
        b"</param></params></methodCall>",
        b"<methodCall><methodName>x</methodName><params><param><value><struct><member>"
        b"</member></struct></struct></params></methodCall>",
        b"<methodCall><methodName>x</methodName><params><param><value>&#0;</value></param>"
        b"</params></methodCall>",
        b"<methodCall><methodName>x</methodName><params><param><value>&unknown;</value></param>"
        b"</params></methodCall>",
        b"<methodCall><methodName>x</methodName><params><param><value><struct><member><value>"
        b"<array><data/></array></value><value>1</value></member></struct></value></param>"
        b"</params></methodCall>",
        b"<methodResponse><params><param><value>x</value></param></params></methodResponse>",
    ],
)
def test_what_is_no_call_is_a_fault(body):
    with pytest.raises(Fault) as raised:
        wire.read(body)
    assert raised.value.faultCode == wire.NOT_XML


@pytest.mark.parametrize(
    "body", [b"<methodCall></methodCall>", b"<methodCall><params/></methodCall>", b"<a/>"]
)
def test_who_names_no_method_is_told_so(body):
    with pytest.raises(Fault, match="it names no method"):
        wire.read(body)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind(body):
    with pytest.raises(Fault):
        wire.read(body)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_text_arrives_with_what_cannot_be_written_replaced(text):
    ((arrived,), _) = loads(wire.answer(text))
    assert isinstance(arrived, str)
    assert len(arrived) == len(text)
    assert all(
        after in (before, wire.REPLACEMENT) for before, after in zip(text, arrived, strict=True)
    )
    assert (arrived == text) is (wire.is_writable(text))


@pytest.mark.parametrize(
    ("text", "arrives"),
    [
        ("a\x0cb\x00\x1b[31m", "a\ufffdb\ufffd\ufffd[31m"),
        ("one\r\ntwo\rthree\n", "one\r\ntwo\rthree\n"),
        ("\N{SNOWMAN} <b>&amp; ]]>", "\N{SNOWMAN} <b>&amp; ]]>"),
        ("\ud800\uffff", "\ufffd\ufffd"),
    ],
)
def test_texts(text, arrives):
    assert loads(wire.answer([text, {"key": text}]))[0] == ([arrives, {"key": arrives}],)
    with pytest.raises(Fault) as raised:
        loads(wire.fault(Fault(1, text)))
    assert raised.value.faultString == arrives


@pytest.mark.parametrize("number", [0, -1, 2**31 - 1, 2**31, -(2**31), 2**63 - 1])
def test_numbers_of_any_size(number):
    assert loads(wire.answer([number, True, False]))[0] == ([number, True, False],)
