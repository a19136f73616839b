# SPDX-License-Identifier: GPL-2.0-or-later
"""Who speaks, by name and password or by a token; and that looking is not slow twice."""

from __future__ import annotations

from base64 import b64encode

import pytest
from django.contrib.auth.models import User

from patchwork.people import credentials, tokens
from patchwork.people.credentials import Refused, speaker_of
from patchwork.people.models import Scope, Throttle
from patchwork.people.throttling import Throttled

pytestmark = pytest.mark.django_db


def basic(name, password):
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def ask(header, address="192.0.2.1"):
    return speaker_of({"HTTP_AUTHORIZATION": header, "REMOTE_ADDR": address})


@pytest.fixture
def looked(monkeypatch) -> list[str]:
    """Whose passwords were looked at."""
    names = []
    authenticate = credentials.authenticate

    def noting(**given):
        names.append(given["username"])
        return authenticate(**given)

    monkeypatch.setattr(credentials, "authenticate", noting)
    return names


def test_nobody_in_particular():
    assert speaker_of({"REMOTE_ADDR": "192.0.2.1"}) is None
    assert ask("") is None


def test_by_name_and_password(maren):
    speaker = ask(basic("maren", "lamp oil"))
    assert (speaker.user, speaker.token) == (maren, None)


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token", "BEARER"])
def test_by_token(maren, scheme):
    token, secret = tokens.issue(maren, "laptop", scope=Scope.CHECKS)
    speaker = ask(f"{scheme} {secret}")
    assert (speaker.user, speaker.token) == (maren, token)


def test_by_a_token_as_password(maren):
    """For clients that know of nothing else."""
    token, secret = tokens.issue(maren, "laptop", scope=Scope.CHECKS)
    assert ask(basic("maren", secret)).token == token
    User.objects.create_user("oskar", password="x")
    with pytest.raises(Refused):
        ask(basic("oskar", secret))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (basic("maren", "wrong"), "Invalid username/password."),
        (basic("maren", ""), "Invalid username/password."),
        (basic("nobody", "lamp oil"), "Invalid username/password."),
        (basic("mar\0en", "lamp oil"), "Invalid username/password."),
        ("Basic bWFyZW4=", "Invalid username/password."),
        ("Basic", "Invalid username/password."),
        ("Basic ???", "Invalid basic header."),
        ("Token", "Invalid token."),
        ("Token pw_wrong", "Invalid token."),
        ("Bearer \N{SNOWMAN}", "Invalid token."),
        ("Digest username=maren", "Authorization has to be Basic, Token or Bearer."),
        ("maren", "Authorization has to be"),
    ],
)
def test_what_proves_nothing_is_never_nobody(maren, header, message):
    with pytest.raises(Refused, match=message):
        ask(header)


def test_a_password_is_looked_at_once(maren, looked, django_assert_num_queries):
    for _ in range(3):
        assert ask(basic("maren", "lamp oil")).user == maren
    assert looked == ["maren"]
    with django_assert_num_queries(1):
        ask(basic("maren", "lamp oil"))


def test_remembering_ends_after_a_while(maren, looked, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(credentials, "monotonic", lambda: now[0])
    ask(basic("maren", "lamp oil"))
    now[0] += credentials.REMEMBERED_SECONDS - 1
    ask(basic("maren", "lamp oil"))
    assert len(looked) == 1
    now[0] += 1
    ask(basic("maren", "lamp oil"))
    assert len(looked) == 2


def test_a_changed_password_is_forgotten_at_once(maren):
    ask(basic("maren", "lamp oil"))
    maren.set_password("whale oil")
    maren.save()
    with pytest.raises(Refused):
        ask(basic("maren", "lamp oil"))
    assert ask(basic("maren", "whale oil")).user == maren


def test_a_closed_account_is_closed_at_once(maren):
    ask(basic("maren", "lamp oil"))
    maren.is_active = False
    maren.save()
    with pytest.raises(Refused):
        ask(basic("maren", "lamp oil"))


def test_a_wrong_password_is_not_remembered(maren, looked):
    for _ in range(2):
        with pytest.raises(Refused):
            ask(basic("maren", "wrong"))
    assert looked == ["maren", "maren"]


def test_no_more_is_remembered_than_there_is_room_for(maren, looked, monkeypatch):
    monkeypatch.setattr(credentials, "REMEMBERED_PAIRS", 2)
    for name in ("ann", "ben"):
        User.objects.create_user(name, password="x")
    for name, password in (("maren", "lamp oil"), ("ann", "x"), ("ben", "x"), ("ann", "x")):
        ask(basic(name, password))
    ask(basic("maren", "lamp oil"))
    assert looked == ["maren", "ann", "ben", "maren"]


def test_neither_the_password_nor_the_secret_key_can_be_read_from_what_is_remembered(maren):
    ask(basic("maren", "lamp oil"))
    (key,) = credentials._remembered._until
    assert len(key) == 32


def test_too_many_wrong_passwords(maren, settings, looked):
    settings.LOGIN_FAILURES_PER_ACCOUNT = 2
    for name in ("maren", "nobody"):
        for _ in range(2):
            with pytest.raises(Refused):
                ask(basic(name, "wrong"))
        with pytest.raises(Throttled):
            ask(basic(name, "lamp oil"))
    assert looked == ["maren", "maren", "nobody", "nobody"]


def test_what_is_remembered_goes_on_working_meanwhile(maren, settings):
    settings.LOGIN_FAILURES_PER_ACCOUNT = 2
    ask(basic("maren", "lamp oil"))
    for _ in range(2):
        with pytest.raises(Refused):
            ask(basic("maren", "wrong"))
    assert ask(basic("maren", "lamp oil")).user == maren


def test_bad_tokens_count_and_good_ones_are_good(maren, settings):
    settings.LOGIN_FAILURES_PER_ADDRESS = 2
    _, secret = tokens.issue(maren, "laptop")
    for _ in range(2):
        with pytest.raises(Refused):
            ask("Token pw_wrong")
    with pytest.raises(Throttled):
        ask("Token pw_wrong")
    assert ask(f"Token {secret}").user == maren
    assert ask("Token " + secret, "198.51.100.7").user == maren


def test_successes_count_nothing(maren):
    for _ in range(3):
        credentials.forget()
        ask(basic("maren", "lamp oil"))
    assert [row.count for row in Throttle.objects.all()] == [0]
