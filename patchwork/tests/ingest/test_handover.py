# SPDX-License-Identifier: GPL-2.0-or-later
"""What parsemail does with each way in which a daemon can answer, or fail to."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from patchwork.ingest import handover

MAIL = b"Message-ID: <one@example.com>\nSubject: hello\n\nA text\n.with a dot\n"

POLITE: dict[str, bytes | None] = {
    "greeting": b"220 here LMTP\r\n",
    "LHLO": b"250-here\r\n250-SIZE 1000\r\n250 XLIST\r\n",
    "XLIST": b"250 OK\r\n",
    "MAIL": b"250 OK\r\n",
    "RCPT": b"250 OK\r\n",
    "DATA": b"354 go on\r\n",
    "mail": b"250 2.0.0 patch: <one@example.com>\r\n",
}

SILENCE = b""
HANG_UP = None


class ScriptedDaemon:
    """A server on a real socket that answers each command as it was told to."""

    def __init__(self, path: str, script: dict[str, bytes | None]) -> None:
        self.script = POLITE | script
        self.commands: list[str] = []
        self.mail = b""
        self._path = path
        self._closing = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.connect(self._path)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            line, _ = self._listener.accept()
            if self._closing:
                line.close()
                return
            with line, line.makefile("rb") as lines:
                self._converse(line, lines)

    def _converse(self, line: socket.socket, lines: io.BufferedReader) -> None:
        if not self._answer(line, "greeting"):
            return
        for command in lines:
            verb = command.split()[0].decode()
            self.commands.append(command.decode().strip())
            if not self._answer(line, verb):
                return
            if verb == "DATA" and self.script["DATA"] == POLITE["DATA"]:
                while (text := lines.readline()) != b".\r\n":
                    if not text:
                        return
                    self.mail += text
                if not self._answer(line, "mail"):
                    return

    def _answer(self, line: socket.socket, to: str) -> bool:
        answer = self.script[to]
        if answer is not None:
            line.sendall(answer)
        return answer is not None


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, short_path: Path) -> None:
    monkeypatch.setattr(handover, "taken", None)
    monkeypatch.setenv(handover.SOCKET_VARIABLE, str(short_path / "lmtpd.sock"))
    monkeypatch.delenv(handover.TRIED_VARIABLE, raising=False)


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    buffer = io.BytesIO(MAIL)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))
    return buffer


Start = Callable[..., ScriptedDaemon]


@pytest.fixture
def daemon(short_path: Path) -> Iterator[Start]:
    started: list[ScriptedDaemon] = []

    def start(**script: bytes | None) -> ScriptedDaemon:
        started.append(ScriptedDaemon(str(short_path / "lmtpd.sock"), script))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_an_accepted_mail_is_done(daemon: Start, standard_input: io.BytesIO) -> None:
    server = daemon()
    assert handover.try_handover([]) == 0
    assert server.mail == (
        b"Message-ID: <one@example.com>\r\nSubject: hello\r\n\r\nA text\r\n..with a dot\r\n"
    )
    assert server.commands == [
        f"LHLO {handover.client_name()}",
        "MAIL FROM:<>",
        "RCPT TO:<patchwork>",
        "DATA",
    ]


def test_the_list_id_goes_along(daemon: Start, standard_input: io.BytesIO) -> None:
    server = daemon()
    assert handover.try_handover(["--list-id", "list.example.com"]) == 0
    assert "XLIST list.example.com" in server.commands


def test_without_a_daemon_standard_input_is_left_alone(standard_input: io.BytesIO) -> None:
    assert handover.try_handover([]) is None
    assert standard_input.tell() == 0
    assert handover.taken is None


def test_the_socket_file_of_a_dead_daemon_is_no_daemon(
    short_path: Path, standard_input: io.BytesIO
) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(short_path / "lmtpd.sock"))
    assert handover.try_handover([]) is None
    assert standard_input.tell() == 0


@pytest.mark.parametrize(
    "script",
    [
        {"greeting": b"421 4.3.2 stopping\r\n"},
        {"greeting": HANG_UP},
        {"greeting": b"hello there\r\n"},
        {"LHLO": b"550 5.7.1 another database\r\n"},
        {"LHLO": HANG_UP},
    ],
)
def test_a_daemon_that_will_not_serve_is_passed_by(
    daemon: Start, standard_input: io.BytesIO, script: dict[str, bytes | None]
) -> None:
    daemon(**script)
    assert handover.try_handover([]) is None
    assert standard_input.tell() == 0


@pytest.mark.parametrize(
    "script",
    [
        {"mail": HANG_UP},
        {"mail": b"421 4.3.2 stopping\r\n"},
        {"mail": b"552 5.3.4 too big\r\n"},
        {"mail": b"554 no\r\n"},
        {"MAIL": b"503 what?\r\n"},
        {"RCPT": HANG_UP},
        {"DATA": b"500 what?\r\n"},
    ],
)
def test_what_was_read_is_kept_when_the_daemon_fails(
    daemon: Start, standard_input: io.BytesIO, script: dict[str, bytes | None]
) -> None:
    daemon(**script)
    assert handover.try_handover([]) is None
    assert handover.taken == MAIL


def test_a_silent_daemon_is_not_waited_for_for_ever(
    daemon: Start, standard_input: io.BytesIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "TIMEOUT_SECONDS", 0.05)
    daemon(mail=SILENCE)
    assert handover.try_handover([]) is None
    assert handover.taken == MAIL


def test_try_later_is_passed_on_to_the_mta(
    daemon: Start, standard_input: io.BytesIO, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon(mail=b"451 4.3.0 the database is away\r\n")
    assert handover.try_handover([]) == handover.EX_TEMPFAIL
    assert "the database is away" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("reply", "arguments", "out", "err"),
    [
        (b"patch: <a@b>", [], "", ""),
        (b"patch: <a@b>", ["-v"], "patch: <a@b>\n", ""),
        (b"duplicate: <a@b>", [], "", ""),
        (b"no project: <a@b>", [], "", "parsemail: no project: <a@b>\n"),
        (b"quarantined: <a@b> why", [], "", "parsemail: quarantined: <a@b> why\n"),
        (b"quarantined: <a@b> why", ["-v"], "", "parsemail: quarantined: <a@b> why\n"),
    ],
)
def test_what_an_operator_should_know_is_said(
    daemon: Start,
    standard_input: io.BytesIO,
    capsys: pytest.CaptureFixture[str],
    reply: bytes,
    arguments: list[str],
    out: str,
    err: str,
) -> None:
    daemon(mail=b"250 2.0.0 " + reply + b"\r\n")
    assert handover.try_handover(arguments) == 0
    assert capsys.readouterr() == (out, err)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["mail.eml"],
        ["--list-id"],
        ["--list-id", ""],
        ["--list-id", "with\nline"],
        ["--settings=other.settings"],
        ["--verbosity", "2"],
        ["--nonsense"],
    ],
)
def test_what_only_the_command_understands_goes_the_slow_way(
    daemon: Start, standard_input: io.BytesIO, arguments: list[str]
) -> None:
    server = daemon()
    assert handover.try_handover(arguments) is None
    assert standard_input.tell() == 0
    assert not server.commands


def test_a_second_try_is_not_made(
    daemon: Start, standard_input: io.BytesIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = daemon()
    monkeypatch.setenv(handover.TRIED_VARIABLE, "1")
    assert handover.try_handover([]) is None
    assert not server.commands
    assert handover.TRIED_VARIABLE not in os.environ


@pytest.mark.parametrize("variable", ["DJANGO_SETTINGS_MODULE", *handover.CONFIGURATION])
def test_another_configuration_has_another_name(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    before = handover.client_name()
    monkeypatch.setenv(variable, "something-else")
    assert handover.client_name() != before


def test_the_settings_of_production_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    name = handover.client_name()
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "patchwork.settings.production")
    assert handover.client_name() == name


def test_it_loads_nothing_that_takes_long() -> None:
    """What the figures of the handover rest on."""
    ask = (
        "import sys; name = sys.argv[1];"
        "exec(compile(open(name).read(), name, 'exec'), {'__name__': 'handover'});"
        "print(*sys.modules)"
    )
    run = [sys.executable, "-I", "-S", "-c", ask, handover.__file__]
    loaded = subprocess.run(run, capture_output=True, check=True, text=True).stdout.split()
    slow = {"django", "socket", "hashlib", "typing", "enum", "re", "tempfile", "collections"}
    assert "_socket" in loaded
    assert not slow & set(loaded)
