# SPDX-License-Identifier: GPL-2.0-or-later
"""What new patches begin with: the project's first state, a hint that counts, a delegation rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q
from django.db.models.functions import Lower

from patchwork.mail import diff as diffs
from patchwork.mail.facts import MailFacts
from patchwork.projects.models import DelegationRule, Project, State
from patchwork.tracking.letters import Asked, Letter

Patches = Mapping[str, tuple[Letter | None, MailFacts]]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a patch stands, as far as its series is concerned."""

    state_id: int
    action_required: bool
    by_human: bool

    @property
    def is_open(self) -> bool:
        """It waits for somebody, and nobody has decided about it."""
        return self.action_required and not self.by_human


@dataclass(slots=True)
class Wishes:
    """The first standing and delegate of each new patch, by Message-ID."""

    standings: dict[str, Standing] = field(default_factory=dict)
    delegates: dict[str, int] = field(default_factory=dict)
    _refused: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project, patches: Patches) -> Wishes:
        wishes = cls()
        if not patches:
            return wishes
        begin_with = _first_standing(project)
        asked = {
            msgid: letter.asked
            for msgid, (letter, _) in patches.items()
            if letter is not None and (letter.asked.state or letter.asked.delegate)
        }
        trusted = {msgid: wish for msgid, wish in asked.items() if wish.is_trusted}
        wishes._refused = {
            msgid: _as_parameters(wish) for msgid, wish in asked.items() if not wish.is_trusted
        }
        states = _states(wish.state for wish in trusted.values() if wish.state)
        wishes.standings = {
            msgid: states.get((trusted[msgid].state or "").lower(), begin_with)
            if msgid in trusted
            else begin_with
            for msgid in patches
        }
        wishes.delegates = _by_rule(project, patches) | _by_wish(project, trusted)
        return wishes

    def refused(self, msgid: str) -> dict[str, Any]:
        """What it asked for in vain: nothing proves who sent it."""
        return self._refused.get(msgid, {})


def _first_standing(project: Project) -> Standing:
    state_id = project.first_state_id  # type: ignore[attr-defined]
    if state_id is None:
        raise ImproperlyConfigured(
            "There are no states to give a patch: run manage.py loaddata default_states"
        )
    return Standing(state_id, project.first_state_requires_action, by_human=False)  # type: ignore[attr-defined]


def _as_parameters(wish: Asked) -> dict[str, Any]:
    said = {"asked_for_state": wish.state, "asked_for_delegate": wish.delegate}
    return {name: value for name, value in said.items() if value}


def _states(names: Iterable[str]) -> dict[str, Standing]:
    """States by their name or slug, without case."""
    wanted = {name.lower() for name in names}
    if not wanted:
        return {}
    found = {}
    for state in State.objects.annotate(lowered=Lower("name")).filter(
        Q(lowered__in=wanted) | Q(slug__in=wanted)
    ):
        standing = Standing(state.pk, state.action_required, by_human=True)
        found[state.name.lower()] = found[state.slug] = standing
    return found


def _by_rule(project: Project, patches: Patches) -> dict[str, int]:
    """The first rule, highest priority first, that matches a file of the patch."""
    if not project.has_delegation_rules:  # type: ignore[attr-defined]
        return {}
    rules = list(DelegationRule.objects.filter(project=project))
    delegates = {}
    for msgid, (_, facts) in patches.items():
        files = diffs.files(facts.diff or "")
        for rule in rules:
            if any(fnmatchcase(file, rule.path) for file in files):
                delegates[msgid] = rule.user_id
                break
    return delegates


def _by_wish(project: Project, trusted: Mapping[str, Asked]) -> dict[str, int]:
    """Only a maintainer of the project can be asked for, by address."""
    addresses = {msgid: wish.delegate.lower() for msgid, wish in trusted.items() if wish.delegate}
    if not addresses:
        return {}
    maintainers = (
        get_user_model()
        .objects.filter(profile__maintainer_projects=project)
        .annotate(lowered=Lower("email"))
        .filter(lowered__in=set(addresses.values()))
    )
    by_address = {user.lowered: user.pk for user in maintainers}
    return {
        msgid: by_address[address] for msgid, address in addresses.items() if address in by_address
    }
