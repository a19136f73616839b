# SPDX-License-Identifier: GPL-2.0-or-later
"""Who sends mail, and who has an account here."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from patchwork.databases import IdentifierField
from patchwork.projects.models import Project


class Person(models.Model):
    """A sender: an address, and the name that came with it first."""

    email = models.CharField(max_length=254, help_text="As it was written first.")
    email_key = IdentifierField(max_length=254, editable=False)
    name = models.CharField(max_length=255, blank=True, default="")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="people",
    )

    class Meta:
        app_label = "patchwork"
        verbose_name_plural = "people"
        constraints = [models.UniqueConstraint(fields=["email_key"], name="person_email_key")]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.name else self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email_key = email_key(self.email)
        super().save(*args, **kwargs)

    @property
    def display_name(self) -> str:
        """The name, or the address where no name came with it."""
        return self.name or self.email


class UserProfile(models.Model):
    """What an account has here beyond its name and password."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile"
    )
    maintainer_projects = models.ManyToManyField(
        Project, blank=True, related_name="maintainer_profiles"
    )
    send_email = models.BooleanField(
        default=False, help_text="Send mail on this account's behalf to the list."
    )
    items_per_page = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: the default of this site."
    )
    show_ids = models.BooleanField(default=False, help_text="Show ids of patches in lists.")

    class Meta:
        app_label = "patchwork"

    def __str__(self) -> str:
        return str(self.user)


class Scope(models.TextChoices):
    """What a token is good for; each includes what stands before it."""

    READ = "read", "read"
    CHECKS = "checks", "read, and post test results"
    WRITE = "write", "all that the account may do with patches, series and bundles"
    ADMIN = "admin", "the same, and settings of projects"


class ApiToken(models.Model):
    """Lets a program act for an account. What it is sent with is not stored, only its digest."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100, help_text="What it is for.")
    digest = IdentifierField(max_length=64, unique=True, editable=False)
    scope = IdentifierField(max_length=8, choices=Scope.choices, default=Scope.WRITE)
    project = models.ForeignKey(
        Project,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Good for this project only; empty: for all.",
    )
    created = models.DateTimeField()
    expires = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True)
    revoked = models.DateTimeField(null=True)

    class Meta:
        app_label = "patchwork"
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class Throttle(models.Model):
    """How often something failed lately, such as logging in from an address."""

    key = IdentifierField(max_length=200, primary_key=True)
    began = models.DateTimeField(help_text="When counting began.")
    count = models.PositiveIntegerField(default=0)

    class Meta:
        app_label = "patchwork"

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


class EmailConfirmation(models.Model):
    """A key sent to an address, to prove that somebody reads there."""

    class Kind(models.TextChoices):
        REGISTRATION = "registration"
        USER_PERSON = "userperson"
        OPT_OUT = "optout"
        OPT_IN = "optin"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    email = models.CharField(max_length=254)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    key = IdentifierField(max_length=64, unique=True)
    created = models.DateTimeField(db_index=True)
    active = models.BooleanField(default=True)

    class Meta:
        app_label = "patchwork"

    def __str__(self) -> str:
        return f"{self.kind} of {self.email}"


class EmailOptout(models.Model):
    """An address that wants no mail from this site."""

    email_key = IdentifierField(max_length=254, primary_key=True)

    class Meta:
        app_label = "patchwork"
        verbose_name = "e-mail opt-out"

    def __str__(self) -> str:
        return self.email_key


def email_key(address: str) -> str:
    """What two spellings of one address have in common."""
    return address.strip().lower()[:254]
