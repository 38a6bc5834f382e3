"""What is said: templates and SMS signatures, with their review at the platforms that ask for one."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, TimeStamped, Versioned, WorkspaceScoped
from marketing.channels.models import Provider


class ReviewState(models.TextChoices):
    REVIEWING = "reviewing", _("In review")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")


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
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("owner"),
    )

    class Meta:
        verbose_name = _("template")
        ordering = ["-updated_at"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "channel", "name"], name="template_name_unique")
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

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["template", "provider", "edit_version"], name="template_review_unique"
            )
        ]


class Signature(WorkspaceScoped, TimeStamped):
    """The name in front of an SMS, as registered at a platform."""

    id = PrefixedIdField("sig")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="signatures")
    text = models.CharField(_("signature"), max_length=24)
    state = models.CharField(_("state"), max_length=10, choices=ReviewState, default=ReviewState.REVIEWING)
    reason = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("signature")
        ordering = ["text"]
        constraints = [models.UniqueConstraint(fields=["provider", "text"], name="signature_unique")]

    def __str__(self) -> str:
        return self.text
