# SPDX-License-Identifier: GPL-2.0-or-later
"""Being told to stop."""

from __future__ import annotations

import signal
from contextlib import suppress

import pytest

from patchwork.interrupts import told_to_stop, uninterrupted

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", SIGNALS)
def test_between_two_pieces_of_work_it_comes_at_once(number):
    done = []
    with pytest.raises(KeyboardInterrupt), told_to_stop():
        signal.raise_signal(number)
        done.append("more")
    assert done == []


@pytest.mark.parametrize("number", SIGNALS)
def test_a_piece_of_work_is_finished_first(number):
    done = []
    with pytest.raises(KeyboardInterrupt), told_to_stop():
        with uninterrupted():
            signal.raise_signal(number)
            with uninterrupted():
                done.append("inner")
            done.append("outer")
        done.append("next")
    assert done == ["inner", "outer"]


def test_who_asks_twice_cannot_wait():
    done = []
    with pytest.raises(KeyboardInterrupt), told_to_stop(), uninterrupted():
        signal.raise_signal(signal.SIGTERM)
        done.append("once")
        signal.raise_signal(signal.SIGTERM)
        done.append("twice")
    assert done == ["once"]


def test_swallowed_it_comes_again():
    done = []
    with pytest.raises(KeyboardInterrupt), told_to_stop():
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        with uninterrupted():
            done.append("more")
    assert done == []


def test_swallowed_at_the_very_end_it_still_counts():
    with pytest.raises(KeyboardInterrupt), told_to_stop(), suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_the_handlers_are_given_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(KeyboardInterrupt), told_to_stop():
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(number) for number in SIGNALS] == before
    with told_to_stop(), uninterrupted():
        pass


def test_the_work_s_own_failure_is_told():
    with pytest.raises(ZeroDivisionError), told_to_stop(), uninterrupted():
        signal.raise_signal(signal.SIGTERM)
        raise ZeroDivisionError
