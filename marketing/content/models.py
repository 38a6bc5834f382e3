"""What is said: templates and SMS signatures, with their review at the platforms that ask for one."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, ScopedQuerySet, TimeStamped, Versioned, WorkspaceScoped
from cdp.crypto.at_rest import EncryptedTextField
from marketing.channels.models import Provider


class ReviewState(models.TextChoices):
    REVIEWING = "reviewing", _("In review")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    EXPIRED = "expired", _("Expired")


class TemplateQuerySet(ScopedQuerySet["Template"]):
    """Removed templates stay for the send-outs that have used them, and are offered nowhere."""

    def in_workspace(self, workspace: Any) -> Self:
        return super().in_workspace(workspace).filter(removed=False)


class Template(WorkspaceScoped, TimeStamped, Versioned):
    """A message with variables such as `${first_name}`, for one channel."""

    class Purpose(models.TextChoices):
        PROMOTION = "promotion", _("Promotion")
        NOTICE = "notice", _("Notice")

    id = PrefixedIdField("tpl")
    channel = models.CharField(_("channel"), max_length=16, choices=Provider.Channel)
    name = models.CharField(_("name"), max_length=64)
    purpose = models.CharField(_("purpose"), max_length=16, choices=Purpose, default=Purpose.PROMOTION)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    sender_name = models.CharField(
        _("sender name"),
        max_length=64,
        blank=True,
        help_text=_("Of a mail; empty: that of the sender address."),
    )
    html = models.TextField(_("HTML"), blank=True)
    design = models.JSONField(
        _("design"),
        default=dict,
        blank=True,
        help_text="Of a mail made of blocks: the blocks, from which the HTML is made. Empty: the HTML is written.",
    )
    text = models.TextField(
        _("text"), blank=True, help_text=_("The SMS, or the plain-text part of the mail.")
    )
    parts = models.JSONField(
        default=list,
        blank=True,
        help_text="Of a digital SMS: its texts, pictures, sounds and video, in their order; see digital.py.",
    )
    signature = models.ForeignKey(
        "Signature",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Of a digital SMS, which is reviewed together with it.",
    )
    note = models.CharField(
        _("note for the reviewer"),
        max_length=100,
        blank=True,
        help_text=_("What the SMS is for."),
    )
    push = models.JSONField(
        default=dict, blank=True, help_text="Of a push message: what a tap opens, and how it is shown."
    )
    params = models.JSONField(
        default=dict, blank=True, help_text="Of a custom channel: the values of its webhook's parameters."
    )
    provider = models.ForeignKey(
        Provider,
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        help_text="Of a custom channel: the webhook whose parameters these are.",
    )
    defaults = models.JSONField(
        default=dict,
        blank=True,
        help_text="By variable its type (text, number, date) and the value for people without one; see defaults.py.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("owner"),
    )
    removed = models.BooleanField(default=False)

    objects = TemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("template")
        ordering = ["-updated_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "channel", "name"],
                condition=models.Q(removed=False),
                name="template_name_unique",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_name(self) -> str:
        """Its name; values of parameters have none of their own and go by their first text."""
        if self.channel != Provider.Channel.CUSTOM:
            return self.name
        return next((str(value)[:40] for value in self.params.values() if value), "–")

    @property
    def is_digital(self) -> bool:
        """Whether it is a digital SMS: made of parts, and approved by each carrier for its own numbers."""
        return bool(self.parts)

    @property
    def texts(self) -> list[str]:
        """Everything in which variables and links may stand."""
        from marketing.content import push

        more = push.texts(self.push) if self.channel == Provider.Channel.PUSH else []
        more = [*more, *map(str, self.params.values())]
        return [self.subject, self.html, self.text, *more]

    @property
    def variables(self) -> list[str]:
        """Names of the variables, in order of their first use."""
        from marketing.content.rendering import variables

        return variables(*self.texts)


class TemplateVersion(models.Model):
    """A template as it was saved once. `content` are its fields by name, of a signature the key; see versions.py."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(help_text="The template's edit_version then.")
    content = models.JSONField()
    changed = models.JSONField(
        default=list, help_text="Names of the fields that differ from the version before."
    )
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    saved_at = models.DateTimeField()
    restored_from = models.PositiveIntegerField(null=True, help_text="The version that it brought back.")

    class Meta:
        verbose_name = _("version of a template")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_unique")]

    def __str__(self) -> str:
        return f"{self.template} ({self.number})"


class TemplateReview(models.Model):
    """A template's code and review state at one provider. An edit of the template starts a new review."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="reviews")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="+")
    edit_version = models.PositiveIntegerField()
    remote_code = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=ReviewState, default=ReviewState.REVIEWING)
    reason = models.CharField(max_length=500, blank=True)
    submitted_at = models.DateTimeField(auto_now_add=True)
    next_check_at = models.DateTimeField(null=True)
    carriers = models.JSONField(
        default=dict, blank=True, help_text="Of a digital SMS: what each carrier says of it, by its code."
    )
    valid_until = models.DateTimeField(_("valid until"), null=True)
    warned = models.BooleanField(default=False, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["template", "provider", "edit_version"], name="template_review_unique"
            )
        ]


class Signature(WorkspaceScoped, TimeStamped):
    """The name in front of an SMS, as registered at a platform, or sent in for review from here."""

    class Source(models.TextChoices):
        """What proves the right to the name. The values are those of the contract."""

        COMPANY = "0", _("Company or institution")
        WEBSITE = "1", _("Registered website")
        APP = "2", _("App")
        ACCOUNT = "3", _("Official account or mini program")
        SHOP = "4", _("Online shop")
        TRADEMARK = "5", _("Trademark")

    id = PrefixedIdField("sig")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="signatures")
    text = models.CharField(_("signature"), max_length=24)
    state = models.CharField(_("state"), max_length=10, choices=ReviewState, default=ReviewState.REVIEWING)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    source = models.CharField(
        _("source"),
        max_length=1,
        choices=Source,
        blank=True,
        help_text=_("Empty where the platform knew the signature before."),
    )
    note = models.CharField(_("note for the reviewer"), max_length=200, blank=True)
    submitted_at = models.DateTimeField(null=True)
    next_check_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("signature")
        ordering = ["text"]
        constraints = [models.UniqueConstraint(fields=["provider", "text"], name="signature_unique")]

    def __str__(self) -> str:
        return self.text

    @property
    def is_new(self) -> bool:
        """Whether it was sent in for review from here, and can be so again."""
        return bool(self.source)


class SignatureProof(models.Model):
    """A file that proves the right to a signature; it is for the reviewer alone."""

    signature = models.ForeignKey(Signature, on_delete=models.CASCADE, related_name="proofs")
    name = models.CharField(max_length=100)
    format = models.CharField(max_length=4)
    content = EncryptedTextField(help_text="In Base64.")

    class Meta:
        ordering = ["pk"]
