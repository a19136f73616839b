# SPDX-License-Identifier: GPL-2.0-or-later
"""Lets tests be named right after the options of tox, as one is used to from older versions:

    tox -e py311-django52 patchwork.tests.mail.test_subject.SubjectTest

tox 4 wants ``--`` in front of what it passes on, and still takes it. Only dotted names of ours are
taken; everything else that tox does not know is an error as before.
"""

from __future__ import annotations

from typing import Any

from tox.plugin import impl


@impl
def tox_add_core_config(core_conf: Any, state: Any) -> None:
    unknown = state.conf.options.remainder
    if unknown and all(name.split(".")[0] == "patchwork" for name in unknown):
        state.conf._pos_args = (*unknown, *(state.conf._pos_args or ()))
        state.conf.options.remainder = []
