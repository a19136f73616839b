# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be called. The docstring of each method is what the help page says of it.

Who calls is the first argument of each; what it may do, the rooms and the scope of its token say.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from xmlrpc.client import Fault

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.urls import reverse

from patchwork.checks import addresses, names
from patchwork.checks import lookups as check_lookups
from patchwork.checks.changes import record_result
from patchwork.checks.models import DESCRIPTION_LIMIT, ResultState
from patchwork.checks.queries import states_of_patches
from patchwork.databases import until_it_passes
from patchwork.people import tokens
from patchwork.people.credentials import Speaker
from patchwork.people.models import Person, Scope
from patchwork.people.notices import whole_address
from patchwork.projects.models import Project, State
from patchwork.tracking import changes, permissions, queries
from patchwork.tracking import mbox as mboxes
from patchwork.tracking.models import Patch
from patchwork.tracking.queries import lookups
from patchwork.tracking.queries.records import holders_of
from patchwork.xmlrpc import given, shapes
from patchwork.xmlrpc.shapes import Told
from patchwork.xmlrpc.wire import NO_METHOD, WRONG_PARAMETERS, is_writable

VERSION = [1, 3, 0]
ROWS_LIMIT = 5_000
"""More rows are not answered at once: who wants them has to ask for them part by part."""
COMMIT_LIMIT = 255

UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, CANNOT_WRITE, TOO_MANY = 401, 403, 404, 406, 413

Caller = Speaker | None
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Method:
    """One that can be called."""

    name: str
    function: Callable[..., Any]
    usage: str
    """``patch_get(patch_id)``"""
    help: str


_methods: dict[str, Method] = {}


def call(name: str, parameters: Sequence[Any], caller: Caller) -> Any:
    """What a method answers. Raises ``Fault``."""
    method = _methods.get(name)
    if method is None:
        raise Fault(NO_METHOD, f"There is no method {name[:100]!r}.")
    try:
        bound = inspect.signature(method.function).bind(caller, *parameters)
    except TypeError:
        raise Fault(WRONG_PARAMETERS, f"It is called so: {method.usage}") from None
    return method.function(*bound.args)


def all_methods() -> list[Method]:
    return [_methods[name] for name in sorted(_methods)]


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(function)
    named = [each for name, each in signature.parameters.items() if name != "caller"]
    usage = ", ".join(
        each.name if each.default is each.empty else f"[{each.name}]" for each in named
    )
    name = function.__name__
    _methods[name] = Method(name, function, f"{name}({usage})", inspect.getdoc(function) or "")
    return function


# Projects, people, states.


@_method
def pw_rpc_version(caller: Caller) -> list[int]:
    """The version of this interface: major, minor, patch."""
    return VERSION


@_method
def project_list(caller: Caller, search: Any = "", max_count: Any = 0) -> list[Told]:
    """Projects, those with a text in their link names if one is given."""
    wanted = lookups.without_case("linkname", "icontains", given.text("search", search))
    found = Project.objects.filter(wanted).order_by("linkname")
    return [shapes.project(one) for one in _some(found, max_count)]


@_method
def project_get(caller: Caller, project_id: Any) -> Told:
    """A project by its id."""
    found = Project.objects.filter(pk=given.number("project_id", project_id)).first()
    return shapes.project(found) if found else {}


@_method
def person_list(caller: Caller, search: Any = "", max_count: Any = 0) -> list[Told]:
    """People who have sent mail, those with a text in their names or addresses."""
    written = given.text("search", search)
    wanted = Q(name__icontains=written) | Q(email__icontains=written) if written else Q()
    found = Person.objects.filter(wanted).select_related("user").order_by("pk")
    return [shapes.person(one) for one in _some(found, max_count)]


@_method
def person_get(caller: Caller, person_id: Any) -> Told:
    """A person by his id."""
    found = Person.objects.select_related("user")
    one = found.filter(pk=given.number("person_id", person_id)).first()
    return shapes.person(one) if one else {}


@_method
def state_list(caller: Caller, search: Any = "", max_count: Any = 0) -> list[Told]:
    """States of patches, those with a text in their names if one is given."""
    wanted = Q(name__icontains=given.text("search", search))
    return [shapes.state(one) for one in _some(State.objects.filter(wanted), max_count)]


@_method
def state_get(caller: Caller, state_id: Any) -> Told:
    """A state by its id."""
    found = State.objects.filter(pk=given.number("state_id", state_id)).first()
    return shapes.state(found) if found else {}


# Patches.


@_method
def patch_list(caller: Caller, filters: Any = None) -> list[Told]:
    """Patches that all of the filters find, the oldest first.

    Filters: id, name, date, hash, commit_ref, msgid, archived, project_id, state_id,
    submitter_id, each with a comparison behind two underscores if it is not to be equal
    (name__icontains); delegate_id, the id of a person; series; max_count.
    """
    asked = dict(given.struct("filters", filters))
    max_count = asked.pop("max_count", 0)
    wanted = Q()
    for key, value in asked.items():
        wanted &= given.patch_condition(key, value)
    found = _cut(lookups.patches(wanted), max_count)
    return [shapes.patch(row) for row in _in_order(lookups.rows(found), max_count)]


@_method
def patch_get(caller: Caller, patch_id: Any) -> Told:
    """A patch by its id; an empty struct if there is none."""
    return _one_patch(Q(pk=given.number("patch_id", patch_id)))


@_method
def patch_get_by_hash(caller: Caller, hash: Any) -> Told:
    """The latest patch with the hash of its diff."""
    return _one_patch(lookups.condition("hash", "exact", given.text("hash", hash)))


@_method
def patch_get_by_project_hash(caller: Caller, project: Any, hash: Any) -> Told:
    """The same, in a project that is told by its link name."""
    wanted = lookups.condition("hash", "exact", given.text("hash", hash))
    return _one_patch(wanted & Q(project__linkname=given.text("project", project)))


@_method
def patch_get_mbox(caller: Caller, patch_id: Any) -> str:
    """A patch as a mailbox for git am; an empty text if there is none."""
    patch = queries.find_patch(given.number("patch_id", patch_id))
    return "" if patch is None else _whole(patch, mboxes.of_patch(patch).decode("utf-8", "replace"))


@_method
def patch_get_diff(caller: Caller, patch_id: Any) -> str:
    """The diff of a patch."""
    patch = queries.find_patch(given.number("patch_id", patch_id))
    return "" if patch is None else _whole(patch, patch.diff or "")


@_method
def patch_set(caller: Caller, patch_id: Any, values: Any) -> bool:
    """Change a patch: its state (by id), archived, commit_ref. Answers true."""
    user = _account(caller)
    patch = _patch(patch_id)
    _require(caller, Scope.WRITE, patch.project_id, permissions.may_edit_patch(user, patch))
    steps = list(_steps(patch, given.struct("values", values), user))

    def write() -> None:
        with transaction.atomic():
            for step in steps:
                step()

    until_it_passes(write)
    return True


def _steps(
    patch: Patch, values: Mapping[str, Any], user: AbstractBaseUser
) -> Iterator[Callable[[], object]]:
    """Everything is read before anything is changed."""
    for key, value in values.items():
        if key == "state":
            state = State.objects.filter(pk=given.number("state", value)).first()
            if state is None:
                raise given.wrong("state", f"there is no state {value}.")
            yield partial(changes.set_state, [patch], state, user)
        elif key == "archived":
            yield partial(changes.set_archived, [patch], given.flag("archived", value), user)
        elif key == "commit_ref":
            commit = given.text("commit_ref", value, COMMIT_LIMIT)
            yield partial(changes.set_commit, patch, commit, user)
        else:
            raise given.unknown("value", key, ["state", "archived", "commit_ref"])


def _one_patch(wanted: Q) -> Told:
    rows = lookups.rows(lookups.patches(wanted).reverse()[:1])
    return shapes.patch(rows[0]) if rows else {}


def _patch(patch_id: Any) -> Patch:
    patch = queries.find_patch(given.number("patch_id", patch_id))
    if patch is None:
        raise Fault(NOT_FOUND, f"There is no patch {patch_id} here.")
    return patch


def _whole(patch: Patch, text: str) -> str:
    """A patch with a character replaced is another patch."""
    if is_writable(text):
        return text
    address = whole_address(reverse("patch-mbox", args=[patch.pk]))
    raise Fault(
        CANNOT_WRITE,
        f"Patch {patch.pk} holds control characters, which XML cannot carry: get it at {address}",
    )


# Checks.


@_method
def check_list(caller: Caller, filters: Any = None) -> list[Told]:
    """Checks of patches, the oldest first.

    Filters: id, patch_id, project_id, user (its name or id), user_id, context, max_count.
    """
    asked = dict(given.struct("filters", filters))
    max_count = asked.pop("max_count", 0)
    wanted = Q()
    for key, value in asked.items():
        wanted &= _check_condition(key, value)
    found = _cut(check_lookups.results(wanted), max_count)
    return [shapes.check(row) for row in _in_order(check_lookups.rows(found), max_count)]


def _check_condition(key: str, value: Any) -> Q:
    if key in ("id", "patch_id", "project_id", "user_id"):
        return Q(**{key: given.number(key, value)})
    if key == "user":
        named = Q(user__username=str(value))
        return named | Q(user_id=given.number(key, value)) if str(value).isdecimal() else named
    if key == "context":
        return Q(context=given.text(key, value))
    known = ("id", "patch_id", "project_id", "user", "user_id", "context", "max_count")
    raise given.unknown("filter", key, known)


@_method
def check_get(caller: Caller, check_id: Any) -> Told:
    """A check by its id; an empty struct if there is none."""
    wanted = Q(pk=given.number("check_id", check_id))
    rows = check_lookups.rows(check_lookups.results(wanted))
    return shapes.check(rows[0]) if rows else {}


@_method
def check_create(
    caller: Caller,
    patch_id: Any,
    context: Any,
    state: Any,
    target_url: Any = "",
    description: Any = "",
) -> bool:
    """Add a check to a patch. States: pending, success, warning, fail. Answers true."""
    user = _account(caller)
    patch = _patch(patch_id)
    may = permissions.may_report_results(user, patch.project)
    _require(caller, Scope.CHECKS, patch.project_id, may)
    words = {word: ours for ours, word in shapes.CHECK_STATES.items() if ours != ResultState.INFO}
    if given.text("state", state) not in words:
        raise given.unknown("state", state, words)
    record_result(
        target=patch,
        test_name=_context(context),
        state=words[state],
        user=user,
        url=_address(target_url),
        summary=given.text("description", description, DESCRIPTION_LIMIT),
    )
    return True


def _context(value: Any) -> str:
    context = given.text("context", value, names.LONGEST).strip() or "default"
    if not names.CONTEXT.fullmatch(context):
        raise given.wrong("context", "is made of letters, digits, - and _ only.")
    return context


def _address(value: Any) -> str:
    address = given.text("target_url", value, addresses.LONGEST).strip()
    if address and not addresses.is_address(address):
        raise given.wrong("target_url", "has to be an address of the web, such as http://ci/5.")
    return address


@_method
def patch_check_get(caller: Caller, patch_id: Any) -> Told:
    """How the checks of a patch ended, all taken together, and the latest of each."""
    patch = _patch(patch_id)
    newest = holders_of({patch.pk: patch.mail.posting_id})[patch.pk].newest_id
    rows = check_lookups.rows(check_lookups.latest(patch)[:ROWS_LIMIT])
    return {
        "state": shapes.CHECK_STATES[states_of_patches({patch.pk: newest})[patch.pk]],
        "total": len(rows),
        "checks": [shapes.check(row) for row in rows],
    }


# What methods have in common.


def _account(caller: Caller) -> AbstractBaseUser:
    if caller is None:
        raise Fault(UNAUTHENTICATED, "No authentication credentials given")
    return caller.user


def _require(caller: Caller, scope: Scope, project_id: int, may: bool) -> None:
    token = caller.token if caller else None
    if token is not None and not tokens.allows(token, scope, project_id):
        raise Fault(FORBIDDEN, "This token is not good for that: see its scope and project.")
    if not may:
        raise Fault(FORBIDDEN, "You are not allowed to do that in this project.")


def _some(found: QuerySet[Row], max_count: Any) -> list[Row]:
    return _in_order(list(_cut(found, max_count)), max_count)


def _cut(found: QuerySet[Row], max_count: Any) -> QuerySet[Row]:
    """The first ones, or (below 0) the last ones in reverse; one too many if there are."""
    wanted = given.amount("max_count", max_count)
    if wanted < 0:
        found = found.reverse()
    return found[: min(abs(wanted) or ROWS_LIMIT + 1, ROWS_LIMIT + 1)]


def _in_order(rows: list[Any], max_count: Any) -> list[Any]:
    if len(rows) > ROWS_LIMIT:
        raise Fault(
            TOO_MANY,
            f"There are more than {ROWS_LIMIT:,}: ask for fewer by a filter or by max_count.",
        )
    return rows[::-1] if given.amount("max_count", max_count) < 0 else rows
