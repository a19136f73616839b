# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is wrong too often has to wait, and nobody else."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection

from patchwork.jobs import periodic
from patchwork.people import throttling
from patchwork.people.models import Throttle
from patchwork.people.throttling import Attempt, Throttled, address_of

HERE, THERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture(autouse=True)
def limits(settings):
    settings.LOGIN_FAILURES_PER_ACCOUNT = 3
    settings.LOGIN_FAILURES_PER_ADDRESS = 5
    settings.LOGIN_FAILURES_MINUTES = 15


def fail(times, address=HERE, name="maren"):
    for _ in range(times):
        Attempt(address, name).failed()


def is_let_in(address=HERE, name="maren"):
    try:
        Attempt(address, name).require()
    except Throttled:
        return False
    return True


def age(by):
    for row in Throttle.objects.all():
        Throttle.objects.filter(pk=row.pk).update(began=row.began - by)


@pytest.mark.django_db
class TestAttempts:
    def test_an_account_from_anywhere(self):
        fail(2, HERE)
        assert is_let_in()
        fail(1, THERE)
        assert not is_let_in("203.0.113.9")
        assert is_let_in("203.0.113.9", "somebody else")

    @pytest.mark.parametrize(
        "name", [" maren", "MAREN", "Ma\N{COMBINING ACUTE ACCENT}ren", "m\N{ZERO WIDTH SPACE}aren"]
    )
    def test_what_some_database_takes_for_the_same_name(self, name):
        fail(2, HERE)
        fail(1, THERE, name)
        assert not is_let_in()

    def test_an_address_with_any_name(self):
        for number in range(4):
            fail(1, name=f"name{number}")
        assert is_let_in(name="yet another")
        fail(1, name="yet another")
        assert not is_let_in(name="one more")
        assert not is_let_in(name="")
        assert is_let_in(THERE, "one more")

    def test_it_says_for_how_long(self):
        fail(3)
        age(timedelta(minutes=5))
        with pytest.raises(Throttled, match=r"Try again in 10 minutes\."):
            Attempt(HERE, "maren").require()

    def test_after_a_while_counting_begins_anew(self):
        fail(3)
        age(timedelta(minutes=15, seconds=1))
        assert is_let_in()
        fail(1)
        assert is_let_in()
        assert set(Throttle.objects.values_list("count", flat=True)) == {1}

    def test_the_failures_of_others_do_not_lock_out_who_was_here_before(self):
        Attempt(HERE, "maren").succeeded()
        fail(3, THERE)
        assert not is_let_in(THERE)
        assert is_let_in(HERE)
        for number in range(5):
            fail(1, HERE, f"name{number}")
        assert is_let_in(HERE)
        assert not is_let_in(HERE, "another")

    def test_nor_does_having_been_here_let_one_guess(self):
        Attempt(HERE, "maren").succeeded()
        fail(3, HERE)
        assert not is_let_in(HERE)
        assert is_let_in(THERE)

    def test_a_success_does_not_make_up_for_failures(self):
        """Else an attacker would log in to an account of his own in between."""
        fail(4, name="")
        Attempt(HERE, "attacker").succeeded()
        fail(1, name="")
        assert not is_let_in(name="another")

    def test_an_address_is_forgotten_after_a_month(self):
        Attempt(HERE, "maren").succeeded()
        age(timedelta(days=31))
        fail(3, THERE)
        assert not is_let_in(HERE)
        Attempt(HERE, "maren").succeeded()
        assert is_let_in(HERE)

    def test_failures_keep_nobody_known(self):
        Attempt(HERE, "maren").succeeded()
        for _ in range(4):
            age(timedelta(days=10))
            fail(1, HERE)
        fail(3, THERE)
        assert not is_let_in(HERE)

    def test_names_are_not_stored(self):
        """Somebody may have typed a password there."""
        fail(1, name="x" * 500)
        Attempt(HERE, "lamp oil").succeeded()
        assert not Throttle.objects.filter(pk__contains="lamp").exists()

    def test_no_limit(self, settings):
        settings.LOGIN_FAILURES_PER_ACCOUNT = settings.LOGIN_FAILURES_PER_ADDRESS = 0
        fail(50)
        assert is_let_in()

    def test_without_an_address_the_account_still_counts(self):
        fail(3, "")
        Attempt("", "maren").succeeded()
        assert not is_let_in("")
        assert is_let_in("", "another")

    def test_how_much_it_asks(self, django_assert_num_queries):
        fail(1)
        with django_assert_num_queries(2):
            Attempt(HERE, "maren").require()
        with django_assert_num_queries(3):
            fail(1)

    def test_tokens_are_not_made_by_the_thousand(self, maren):
        for _ in range(throttling.TOKENS_MADE):
            throttling.count_token(maren)
        with pytest.raises(Throttled):
            throttling.count_token(maren)

    def test_a_series_is_not_tested_all_the_time(self, maren):
        for _ in range(throttling.RERUNS_ASKED):
            with throttling.counted_rerun(maren, 1):
                pass
        with pytest.raises(Throttled), throttling.counted_rerun(maren, 1):
            pass
        with throttling.counted_rerun(maren, 2):
            pass

    def test_what_was_refused_is_no_rerun(self, maren):
        for _ in range(throttling.RERUNS_ASKED + 1):
            with suppress(LookupError), throttling.counted_rerun(maren, 1):
                raise LookupError


class TestProxyThatNobodySpokeOf:
    """It makes everybody one, and whoever runs the site is told once what to set."""

    FORWARDED = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": HERE}

    @pytest.fixture(autouse=True)
    def untold(self):
        throttling._warn_of_proxy.cache_clear()

    def test_it_is_told_once(self, caplog):
        for _ in range(3):
            assert address_of(self.FORWARDED) == ""
        assert address_of(self.FORWARDED | {"REMOTE_ADDR": ""}) == ""
        (told,) = caplog.messages
        assert told.endswith("Set TRUSTED_PROXIES to 1.")

    @pytest.mark.parametrize(
        ("proxies", "meta"),
        [
            (1, FORWARDED),
            (0, {"REMOTE_ADDR": "127.0.0.1"}),
            (0, FORWARDED | {"REMOTE_ADDR": THERE}),
        ],
    )
    def test_where_all_is_well_nothing_is_told(self, settings, caplog, proxies, meta):
        settings.TRUSTED_PROXIES = proxies
        address_of(meta)
        assert caplog.messages == []


@pytest.mark.django_db
class TestPruning:
    def test_what_does_not_count_any_more_goes(self):
        fail(1)
        Attempt(THERE, "maren").succeeded()
        assert throttling.prune() == 0
        age(timedelta(minutes=16))
        assert throttling.prune() == 2
        age(timedelta(days=31))
        assert throttling.prune() == 1
        assert not Throttle.objects.exists()

    def test_it_recurs(self):
        assert "people.prune" in {each.name for each in periodic.registered()}


@pytest.mark.django_db(transaction=True)
def test_no_failure_is_lost():
    """Several at once, of a key that nobody has counted before."""

    def attempt():
        fail(10, name="")
        connection.close()

    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Throttle.objects.get().count == 40


class TestAddresses:
    @pytest.mark.parametrize(
        ("remote", "forwarded", "proxies", "address"),
        [
            (HERE, "", 0, HERE),
            (HERE, THERE, 0, HERE),
            (HERE, THERE, 1, THERE),
            (HERE, f"203.0.113.9, {THERE}", 1, THERE),
            (HERE, f"203.0.113.9, {THERE}, 10.0.0.1", 2, THERE),
            (HERE, THERE, 2, HERE),
            ("127.0.0.1", "", 0, ""),
            ("127.0.0.1", THERE, 1, THERE),
            ("::1", "", 0, ""),
            ("", "", 0, ""),
            ("unix:", "", 0, ""),
            (HERE, "nonsense", 1, ""),
            (HERE, f"{THERE}:4711", 1, THERE),
            (HERE, "[2001:db8:1:2:3::4]:4711", 1, "2001:db8:1:2::/64"),
            ("2001:db8:1:2:aaaa::4", "", 0, "2001:db8:1:2::/64"),
            ("::ffff:192.0.2.1", "", 0, HERE),
        ],
    )
    def test_where_a_request_comes_from(self, remote, forwarded, proxies, address, settings):
        settings.TRUSTED_PROXIES = proxies
        meta = {"REMOTE_ADDR": remote}
        if forwarded:
            meta["HTTP_X_FORWARDED_FOR"] = forwarded
        assert address_of(meta) == address


def test_the_text_of_a_refusal():
    assert str(Throttled(20)) == "Too many attempts. Try again in a minute."
