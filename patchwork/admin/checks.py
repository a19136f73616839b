# SPDX-License-Identifier: GPL-2.0-or-later
"""Test results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError

from patchwork.admin.base import ModelAdmin, ReadOnlyAdmin
from patchwork.checks.models import CheckResult, MailRecipients, TestMail
from patchwork.notifications.recipients import mailboxes
from patchwork.people.notices import is_address

if TYPE_CHECKING:
    TestMailModelForm = forms.ModelForm[TestMail]
else:
    TestMailModelForm = forms.ModelForm


@admin.register(CheckResult)
class CheckResultAdmin(ReadOnlyAdmin):
    """Appended by those who test; a wrong one is corrected by a newer one."""

    list_display = ["date", "state", "test_name", "project", "user", "patch_id", "revision_id"]
    list_select_related = ["project", "user"]
    list_filter = ["state", "is_latest", "project"]
    search_fields = ["context__startswith", "test_name__icontains"]
    raw_id_fields = ["patch", "revision", "user"]
    ordering = ["-pk"]


class TestMailForm(TestMailModelForm):
    class Meta:
        model = TestMail
        fields = ["project", "test_name", "recipients", "to", "cc", "condition"]

    def clean_to(self) -> str:
        return _addresses(self.cleaned_data["to"])

    def clean_cc(self) -> str:
        return _addresses(self.cleaned_data["cc"])

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if said.get("recipients") == MailRecipients.RECIPIENT_LIST and said.get("to") == "":
            self.add_error("to", "A recipient list needs somebody to send to.")
        return said


@admin.register(TestMail)
class TestMailAdmin(ModelAdmin):
    """Which tests' results are sent by mail. A test's first result adds it, and tells nobody."""

    form = TestMailForm
    list_display = ["test_name", "project", "recipients", "condition"]
    list_select_related = ["project"]
    list_filter = ["project", "recipients"]
    search_fields = ["test_name__icontains"]
    ordering = ["project", "test_name"]


def _addresses(written: str) -> str:
    for mailbox in mailboxes(written):
        if not is_address(mailbox.address):
            raise ValidationError(f"{mailbox.address or mailbox.name} is no mail address.")
    return written
