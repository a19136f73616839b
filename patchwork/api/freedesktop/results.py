# SPDX-License-Identifier: GPL-2.0-or-later
"""Test results of revisions and patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api import access
from patchwork.api.authentication import HeaderAuthentication
from patchwork.api.freedesktop import shapes
from patchwork.api.freedesktop.door import FreedesktopDoor, found
from patchwork.api.parameters import wrong
from patchwork.checks import names
from patchwork.checks.addresses import is_address
from patchwork.checks.by_test import latest_by_test
from patchwork.checks.changes import record_result
from patchwork.checks.models import ResultState
from patchwork.people.models import Scope
from patchwork.tracking import permissions, queries
from patchwork.tracking.models import Patch, Revision
from patchwork.tracking.queries import catalogue

SUMMARY_LIMIT = 1_000_000
"""Characters: it is for reading, a log has an address."""


class StateField(serializers.ChoiceField):
    """A word that is told back has to be one that can be written."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(str(data).encode("utf-8", "replace").decode())


class NameField(serializers.CharField):
    """The name of a test."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "unseen": "Control characters are not allowed."
    }

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if names.has_unseen(text):
            self.fail("unseen")
        return text


class AddressField(serializers.CharField):
    """Where more can be read about a result."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "Enter a valid URL."}

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if not is_address(text):
            self.fail("invalid")
        return text


class PostedResult(serializers.Serializer):
    """A result as it is sent. What is left out stays as it was, null clears it."""

    test_name = NameField(max_length=names.LONGEST)
    state = StateField(choices=ResultState.values)
    url = AddressField(required=False, allow_null=True, allow_blank=True)
    summary = serializers.CharField(
        max_length=SUMMARY_LIMIT, required=False, allow_null=True, allow_blank=True
    )


class TestResults(FreedesktopDoor):
    """What tests said; programs of the project's maintainers say it.

    No session is taken here: it is not people who report results.
    """

    __test__ = False  # not for pytest

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [HeaderAuthentication()]

    def answer(self, target: Patch | Revision) -> Response:
        return Response([shapes.result(result) for result in latest_by_test(target)])

    def report(self, request: Request, target: Patch | Revision) -> Response:
        """The checks have an order: a name is asked for before it matters who speaks."""
        posted = request.data
        if not isinstance(posted, Mapping) or "test_name" not in posted:
            raise wrong("test_name", "This field is required.")
        account = _reporter(request, target)
        wanted = PostedResult(data=posted)
        wanted.is_valid(raise_exception=True)
        said: Mapping[str, Any] = wanted.validated_data
        result = record_result(
            target=target,
            test_name=said["test_name"],
            state=said["state"],
            user=account,
            **{name: said[name] or "" if name in said else None for name in ("url", "summary")},
        )
        return Response(shapes.result(result), status=201)


class RevisionResults(TestResults):
    """The test results of a revision."""

    def get(self, request: Request, series_id: int, version: int) -> Response:
        return self.answer(_revision(series_id, version))

    def post(self, request: Request, series_id: int, version: int) -> Response:
        return self.report(request, _revision(series_id, version))


class PatchResults(TestResults):
    """The test results of a patch alone."""

    def get(self, request: Request, patch_id: int) -> Response:
        return self.answer(found(queries.find_patch(patch_id)))

    def post(self, request: Request, patch_id: int) -> Response:
        return self.report(request, found(queries.find_patch(patch_id)))


def _revision(series_id: int, version: int) -> Revision:
    revisions = catalogue.revisions_of(series_id, version).select_related("project")
    revision: Revision = found(revisions.first())
    return revision


def _reporter(request: Request, target: Patch | Revision) -> AbstractBaseUser:
    account = request.user
    if not isinstance(account, AbstractBaseUser):
        raise NotAuthenticated
    access.require(request, Scope.CHECKS, target.project_id)
    if not permissions.may_report_results(account, target.project):
        raise PermissionDenied
    return account
