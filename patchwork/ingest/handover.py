# SPDX-License-Identifier: GPL-2.0-or-later
"""Hand a mail to the running ``lmtpd`` without loading Django.

Loading Django takes twenty times as long as handing a mail over, and an MTA starts a process
for every mail. ``bin/parsemail.sh`` runs this file as a script, without ``site``; ``manage.py``
calls ``try_handover`` before it imports Django. Whenever the daemon cannot be relied upon, the
caller goes the slow way with the same bytes: storing a mail twice changes nothing.

Nothing but ``os``, ``sys`` and built-in C modules is imported here: ``socket`` and ``hashlib``
would take longer than the whole conversation does.
"""

from __future__ import annotations

import os
import sys
from _blake2 import blake2b
from _socket import AF_UNIX, SOCK_STREAM
from _socket import socket as Socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from patchwork.ingest.outcome import Outcome

EX_TEMPFAIL = 75
"""The MTA keeps the mail and tries again."""

DEFAULT_SETTINGS = "patchwork.settings.production"
SOCKET_VARIABLE = "PATCHWORK_LMTP_SOCKET"
TRIED_VARIABLE = "PATCHWORK_HANDOVER_TRIED"
CONFIGURATION = (
    "DATABASE_URL",
    "PW_TEST_DB_TYPE",
    "PW_TEST_DB_NAME",
    "PW_TEST_DB_USER",
    "PW_TEST_DB_HOST",
    "PW_TEST_DB_PORT",
)
"""The environment variables that decide which database a process works on."""

NAME_PREFIX = "handover-"
TIMEOUT_SECONDS = 20.0
WORTH_SAYING = ("no project", "quarantined")
"""Fates that an operator should see without asking."""

taken: bytes | None = None
"""What was read from standard input for a handover that failed."""


def checkout() -> str:
    """The directory that holds ``manage.py``."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def socket_path() -> str:
    """Where the daemon of this checkout listens."""
    return os.environ.get(SOCKET_VARIABLE) or os.path.join(checkout(), "run", "lmtpd.sock")


def client_name() -> str:
    """The LHLO name of a parsemail: equal in two processes that work on the same database.

    A daemon refuses the name of a parsemail that is configured for another one.
    """
    settings = os.environ.get("DJANGO_SETTINGS_MODULE") or DEFAULT_SETTINGS
    facts = [checkout(), settings, *(os.environ.get(name, "") for name in CONFIGURATION)]
    digest = blake2b("\0".join(facts).encode("utf-8", "surrogateescape"), digest_size=16)
    return f"{NAME_PREFIX}{digest.hexdigest()}.invalid"


def told(outcome: Outcome) -> str:
    """One printable line on what became of a mail."""
    line = " ".join(filter(None, (f"{outcome.fate.value}:", outcome.msgid, outcome.detail)))
    return "".join(character if character.isprintable() else "?" for character in line)[:400]


def tell(line: str, *, verbose: bool) -> None:
    """Say what became of a mail: when asked, and when an operator should know."""
    if line.startswith(WORTH_SAYING):
        sys.stderr.write(f"parsemail: {line}\n")
    elif verbose:
        sys.stdout.write(f"{line}\n")


def try_handover(arguments: Sequence[str] | None = None) -> int | None:
    """Give standard input to the daemon; the exit code, or None: go the slow way.

    Standard input is untouched when nobody answers, and in ``taken`` when it had been read.
    """
    global taken
    request = _understood(sys.argv[2:] if arguments is None else arguments)
    tried = os.environ.pop(TRIED_VARIABLE, None)
    if request is None or tried or sys.stdin is None:
        return None
    list_id, verbose = request
    daemon = _greeted_daemon()
    if daemon is None:
        return None
    taken = sys.stdin.buffer.read()
    try:
        code, text = daemon.deliver(taken, list_id)
    except OSError:
        return None
    finally:
        daemon.close()
    return _exit_code(code, text, verbose=verbose)


def _understood(arguments: Sequence[str]) -> tuple[str | None, bool] | None:
    """List id and verbosity; None for a file, help, other settings or a mistake."""
    list_id: str | None = None
    verbose = False
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("-v", "--verbose"):
            verbose = True
        elif word == "--list-id" and rest:
            list_id = rest.pop(0)
        elif word.startswith("--list-id="):
            list_id = word.partition("=")[2]
        elif word != "-":
            return None
    if list_id is not None and not (list_id and list_id.isascii() and list_id.isprintable()):
        return None
    return list_id, verbose


def _exit_code(code: int, text: str, *, verbose: bool) -> int | None:
    """Only an answer to the mail itself counts; a daemon that stops or refuses is passed by."""
    if 200 <= code < 300:
        tell(text, verbose=verbose)
        return 0
    if 400 <= code < 500 and code != 421:
        sys.stderr.write(f"parsemail: try later: {text}\n")
        return EX_TEMPFAIL
    return None


class _Daemon:
    """The client's half of an LMTP conversation over the daemon's Unix socket."""

    def __init__(self, path: str) -> None:
        self._unread = b""
        self._socket = Socket(AF_UNIX, SOCK_STREAM)
        self._socket.settimeout(TIMEOUT_SECONDS)
        self._socket.connect(path)

    def close(self) -> None:
        self._socket.close()

    def greets(self) -> bool:
        """Whether it is there and works on the same database."""
        if self._reply()[0] != 220:
            return False
        self._say(f"LHLO {client_name()}")
        return self._reply()[0] == 250

    def deliver(self, raw: bytes, list_id: str | None) -> tuple[int, str]:
        """The answer to the mail, or the first refusal before it."""
        commands = ["MAIL FROM:<>", "RCPT TO:<patchwork>", "DATA"]
        if list_id is not None:
            commands.insert(0, f"XLIST {list_id}")
        self._say(*commands)
        for expected in [250] * (len(commands) - 1) + [354]:
            code, text = self._reply()
            if code != expected:
                return code, text
        self._socket.sendall(on_the_wire(raw))
        return self._reply()

    def _say(self, *commands: str) -> None:
        self._socket.sendall("".join(f"{command}\r\n" for command in commands).encode())

    def _reply(self) -> tuple[int, str]:
        """Code and text of the last line of the next reply."""
        while True:
            line = self._line()
            if line[3:4] != b"-":
                break
        text = line[4:].decode("utf-8", "replace")
        code = int(line[:3]) if line[:3].isdigit() else 500
        # The enhanced status code ("2.0.0") says nothing that the code does not.
        first, _, rest = text.partition(" ")
        return code, rest if first.replace(".", "").isdigit() else text

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            received = self._socket.recv(4096)
            if not received:
                raise ConnectionError("the daemon hung up")
            self._unread += received
        line, _, self._unread = self._unread.partition(b"\n")
        return line.rstrip(b"\r")


def _greeted_daemon() -> _Daemon | None:
    try:
        daemon = _Daemon(socket_path())
    except OSError:
        return None
    try:
        if daemon.greets():
            return daemon
    except OSError:
        pass
    daemon.close()
    return None


def on_the_wire(raw: bytes) -> bytes:
    """A mail as DATA wants it: lines end in CRLF, leading dots are doubled, a lone dot ends it.

    Every LF becomes CRLF, also one that has its CR already (a diff of a file with DOS line
    ends): only then is turning each CRLF into LF its exact opposite.
    """
    if raw and not raw.endswith(b"\n"):
        raw += b"\n"
    lines = raw.replace(b"\n", b"\r\n").replace(b"\r\n.", b"\r\n..")
    if lines.startswith(b"."):
        lines = b"." + lines
    return lines + b".\r\n"


def _go_the_slow_way(arguments: Sequence[str]) -> NoReturn:
    """Become ``manage.py parsemail``, with what was read as its standard input again."""
    if taken is not None:
        _put_back(taken)
    os.environ[TRIED_VARIABLE] = "1"
    manage = os.path.join(checkout(), "manage.py")
    os.execv(sys.executable, [sys.executable, manage, "parsemail", *arguments])  # noqa: S606


def _put_back(raw: bytes) -> None:
    from tempfile import TemporaryFile

    with TemporaryFile() as scratch:
        scratch.write(raw)
        scratch.seek(0)
        os.dup2(scratch.fileno(), 0)


def main() -> int:
    """The script: hand over, or turn into the slow way."""
    arguments = sys.argv[1:]
    code = try_handover(arguments)
    if code is None:
        _go_the_slow_way(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
