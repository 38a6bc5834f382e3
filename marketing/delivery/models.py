"""Send-outs and the ledger of their recipients."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, TimeStamped, Versioned, WorkspaceScoped
from cdp.crypto.at_rest import EncryptedTextField
from insight.audiences.models import Audience, AudienceVersion
from marketing.channels.models import Provider, SenderAddress
from marketing.content.models import Signature, Template
from marketing.delivery.bounces.model import Bounce as Bounce
from marketing.delivery.bounces.model import ReturnPath
from marketing.delivery.reasons import CAUSES as CAUSES
from marketing.delivery.reasons import ControlReason as ControlReason
from marketing.delivery.reasons import FilterReason as FilterReason
from marketing.delivery.reasons import ReportedReason as ReportedReason
from marketing.delivery.reasons import SettledReason as SettledReason
from marketing.delivery.reasons import UnknownReason as UnknownReason


class SendOut(WorkspaceScoped, TimeStamped, Versioned):
    """One message on one channel to one audience or several, less the members of others."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        REVIEWING = "reviewing", _("In review")
        REJECTED = "rejected", _("Rejected")
        APPROVAL = "approval", _("Waiting for approval")
        LATE = "late", _("Late: decide")
        WAITING = "waiting", _("Waiting")
        REPEATING = "repeating", _("Repeating")
        SENDING = "sending", _("Sending")
        PAUSED = "paused", _("Paused")
        FINISHED = "finished", _("Finished")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    class Origin(models.TextChoices):
        REPLY = "reply", _("Message reply")

    LIVE = (
        State.REVIEWING,
        State.APPROVAL,
        State.LATE,
        State.WAITING,
        State.REPEATING,
        State.SENDING,
        State.PAUSED,
    )
    EDITABLE = (
        State.DRAFT,
        State.REVIEWING,
        State.REJECTED,
        State.APPROVAL,
        State.LATE,
        State.WAITING,
        State.REPEATING,
        State.FAILED,
    )
    OVER = (State.FINISHED, State.FAILED, State.CANCELLED)

    id = PrefixedIdField("snd")
    channel = models.CharField(_("channel"), max_length=16, choices=Provider.Channel)
    name = models.CharField(_("name"), max_length=64)
    origin = models.CharField(
        max_length=8,
        choices=Origin,
        blank=True,
        help_text="reply: to people who wrote, without an audience; empty: to audiences.",
    )
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="+", verbose_name=_("provider")
    )
    sender = models.ForeignKey(
        SenderAddress,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("sender"),
    )
    signature = models.ForeignKey(
        Signature,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("signature"),
    )
    template = models.ForeignKey(
        Template, on_delete=models.PROTECT, related_name="+", verbose_name=_("template")
    )
    audience = models.ForeignKey(
        Audience, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("audience")
    )
    audience_version = models.ForeignKey(
        AudienceVersion, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    id_type = models.CharField(
        _("ID type"),
        max_length=16,
        blank=True,
        help_text="On the custom channel: the ID that is sent. On others the provider's type says it.",
    )
    resend_of = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="resends",
        help_text="The send-out whose failed recipients, and nobody else, get the message once more.",
    )
    plan = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="runs",
        help_text="The send-out that repeats, and of which this is one run.",
    )
    due_at = models.DateTimeField(null=True, help_text="Of a run: the moment of the plan that it is for.")
    recurrence = models.JSONField(default=dict, help_text="When it repeats; see recurrence.py.")
    next_run_at = models.DateTimeField(null=True, help_text="Of a plan: when the next run is made.")
    window = models.JSONField(
        default=dict, help_text="In which hours of their own day people get it; see windows.py."
    )
    variables = models.JSONField(
        default=dict,
        help_text="Per variable: dataset, tag, format, missing (skip or replace) and value.",
    )
    content = models.JSONField(default=dict, help_text="What is sent, frozen when sending starts.")
    limit = models.PositiveIntegerField(_("at most this many people"), null=True, blank=True)
    holdout = models.PositiveSmallIntegerField(
        _("kept back for comparison, in per cent"),
        default=0,
        help_text="Per cent of the people who could get the message and do not, to compare with.",
    )
    holdout_salt = models.CharField(
        max_length=64,
        blank=True,
        help_text="Send-outs with the same salt keep back the same people; empty: that of the workspace.",
    )
    encrypted = models.BooleanField(
        _("IDs are AES-encrypted"),
        null=True,
        help_text="Null: as the audiences say of themselves.",
    )
    price = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        null=True,
        help_text="What one message costs, of SMS one billed part: the provider's price when the content was frozen.",
    )
    price_currency = models.CharField(max_length=3, blank=True)
    refresh_first = models.BooleanField(_("refresh the audience first"), default=False)
    track = models.BooleanField(_("count opens and clicks"), default=True)
    unsubscribe_link = models.BooleanField(
        _("unsubscribe link"), default=True, help_text="Of mails: whether each ends with one."
    )
    return_path = models.CharField(
        _("return path"),
        max_length=6,
        choices=ReturnPath,
        default=ReturnPath.RANDOM,
        help_text="Of mails: where servers return what they cannot deliver.",
    )
    per_minute = models.PositiveIntegerField(_("messages per minute"), null=True, blank=True)
    scheduled_at = models.DateTimeField(_("send at"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    state_reason = models.TextField(blank=True)
    held_until = models.DateTimeField(
        null=True, help_text="While waiting: when it goes on after quiet hours or an outage."
    )
    failing_since = models.DateTimeField(null=True, help_text="Since when the provider lets nothing through.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("owner"),
    )
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    conversion = models.JSONField(default=dict, help_text="What counts as a conversion; see conversion.py.")
    conversions = models.JSONField(
        default=dict, encoder=DjangoJSONEncoder, help_text="Conversions as counted last."
    )
    submitted_at = models.DateTimeField(null=True)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, help_text="When all recipients stood in the ledger.")
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    rows_deleted_at = models.DateTimeField(null=True, help_text="Since when its recipients are not kept.")
    counters = models.JSONField(
        default=dict, encoder=DjangoJSONEncoder, help_text="The numbers, once its recipients are not kept."
    )

    class Meta:
        verbose_name = _("send-out")
        ordering = ["-updated_at"]
        indexes = [models.Index(fields=["state", "scheduled_at"])]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "channel", "name"], name="send_out_name_unique"),
            models.UniqueConstraint(fields=["plan", "due_at"], name="send_out_run_once"),
            models.CheckConstraint(condition=models.Q(holdout__lte=50), name="send_out_holdout_at_most_50"),
            models.CheckConstraint(
                condition=models.Q(audience__isnull=False) | models.Q(origin="reply"),
                name="send_out_has_an_audience",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def templates(self) -> list[Template]:
        """The templates of all variants, or the only one."""
        return [row.template for row in self.variants.select_related("template")] or [self.template]

    def variant_number(self, letter: Any) -> int | None:
        """The number of the variant that people see as this letter; None where there is no such one."""
        return next((row.number for row in self.variants.all() if row.letter == letter), None)

    @property
    def variable_names(self) -> list[str]:
        """The variables of all templates, each once."""
        return list(dict.fromkeys(name for template in self.templates for name in template.variables))


class Approval(models.Model):
    """A second person's word on a send-out as it was submitted; `seal` says what exactly was submitted."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for approval")
        APPROVED = "approved", _("Approved")
        REFUSED = "refused", _("Refused")
        VOID = "void", _("Void")

    id = PrefixedIdField("apr")
    send_out = models.ForeignKey(SendOut, on_delete=models.CASCADE, related_name="approvals")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    seal = models.JSONField(default=dict)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    requested_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    remark = models.CharField(max_length=500, blank=True, help_text="The approver's, or why it is void.")

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["send_out"],
                condition=models.Q(state__in=["waiting", "approved"]),
                name="approval_one_in_force",
            )
        ]


class SendOutAudience(models.Model):
    """An audience of a send-out besides its first one: it goes there as well, or leaves its members out."""

    send_out = models.ForeignKey(SendOut, on_delete=models.CASCADE, related_name="parts")
    audience = models.ForeignKey(Audience, on_delete=models.PROTECT, related_name="+")
    excluded = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField()
    version = models.ForeignKey(
        AudienceVersion,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Fixed when sending starts.",
    )

    class Meta:
        ordering = ["excluded", "position"]
        constraints = [
            models.UniqueConstraint(fields=["send_out", "audience"], name="send_out_audience_once")
        ]


class Variant(models.Model):
    """One of two to four versions of a send-out's message. The first one's template is that of the send-out."""

    send_out = models.ForeignKey(SendOut, on_delete=models.CASCADE, related_name="variants")
    number = models.PositiveSmallIntegerField(help_text="From 0; `letter` is what people see.")
    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="+")
    share = models.PositiveSmallIntegerField(help_text="Per cent of the people; all together are 100.")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["send_out", "number"], name="variant_number_unique")]

    @property
    def letter(self) -> str:
        return "ABCD"[self.number]


class SendBatch(models.Model):
    """Recipients handed over in one call. `out_id` is written before the call, so a repeat is recognised."""

    class State(models.TextChoices):
        NEW = "new", _("New")
        HANDING = "handing", _("Being handed over")
        HANDED = "handed", _("Handed over")
        UNKNOWN = "unknown", _("Unknown")
        FAILED = "failed", _("Failed")
        CLOSED = "closed", _("Closed")

    out_id = models.CharField(primary_key=True, max_length=32)
    send_out = models.ForeignKey(SendOut, on_delete=models.CASCADE, related_name="batches")
    number = models.PositiveIntegerField()
    size = models.PositiveIntegerField()
    params = models.JSONField(default=dict)
    variant = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State, default=State.NEW)
    attempts = models.PositiveSmallIntegerField(default=0)
    biz_id = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)
    handed_at = models.DateTimeField(null=True)
    polls = models.PositiveSmallIntegerField(default=0)
    next_poll_at = models.DateTimeField(null=True, db_index=True)
    counts = models.JSONField(
        default=dict, help_text="What the platform counts: planned, sent, opened, ignored devices."
    )

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["send_out", "number"], name="send_batch_number_unique")
        ]


NOBODY = "nobody:"
"""Begins `Recipient.person_hash` of people without a target of their own."""


class Recipient(models.Model):
    """The ledger: one row per intended message, with its state and the cause of it.

    (send_out, person_hash) is unique: nobody can stand in it twice, so nobody gets the message twice.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        FILTERED = "filtered", _("Left out")
        CONTROL = "control", _("Control group")
        HANDING = "handing", _("Being handed over")
        HANDED = "handed", _("Sent, no report yet")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Unknown")
        CANCELLED = "cancelled", _("Cancelled")

    WITHOUT_MESSAGE = (State.FILTERED, State.CONTROL)
    """Settled before anything leaves: nobody in these states is ever claimed."""

    id = models.BigAutoField(primary_key=True)
    # Unique together with the person: a second index would only slow writing down.
    send_out = models.ForeignKey(SendOut, on_delete=models.CASCADE, related_name="recipients", db_index=False)
    batch = models.ForeignKey(SendBatch, on_delete=models.SET_NULL, null=True, related_name="recipients")
    person = models.CharField(max_length=200, help_text="user_unique_id of the audience")
    person_hash = models.CharField(max_length=64, help_text="keyed hash of the normalised target")
    target = EncryptedTextField(default="")
    ending = models.CharField(
        max_length=4,
        blank=True,
        db_default="",
        help_text="Of an SMS: the last digits of the number, to find it by.",
    )
    values = models.JSONField(default=dict)
    variant = models.PositiveSmallIntegerField(default=0, help_text="Number of the variant; 0 without any.")
    in_audiences = models.SmallIntegerField(
        default=0,
        db_default=0,
        help_text="A bit per audience that the person is in: 1, 2, 4 …; 0: not known.",
    )
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    reason = models.CharField(max_length=32, blank=True)
    code = models.CharField(max_length=64, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    provider_message_id = models.CharField(max_length=200, blank=True)
    handed_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    clicked_at = models.DateTimeField(null=True)
    dismissed_at = models.DateTimeField(null=True, help_text="When a push message was swiped away.")
    unsubscribed_at = models.DateTimeField(null=True)
    zone = models.CharField(
        max_length=40,
        blank=True,
        db_default="",
        help_text="Where hours are set: the person's time zone, an IANA name or an offset such as +08:00.",
    )
    not_before = models.DateTimeField(null=True, help_text="Where hours are set: when they next begin.")
    not_after = models.DateTimeField(null=True, help_text="When those hours end.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["send_out", "person_hash"], name="recipient_once"),
            models.CheckConstraint(
                condition=~models.Q(state="control") | models.Q(batch__isnull=True, handed_at__isnull=True),
                name="control_group_gets_nothing",
            ),
        ]
        indexes = [
            models.Index(fields=["send_out", "state", "id"]),
            models.Index(fields=["person_hash"]),
            models.Index(
                fields=["send_out", "ending"], condition=~models.Q(ending=""), name="recipient_by_last_digits"
            ),
        ]


class PlanContact(models.Model):
    """Somebody whom a run of a plan has written to: kept when the run's recipients are deleted."""

    id = models.BigAutoField(primary_key=True)
    plan = models.ForeignKey(SendOut, on_delete=models.CASCADE, related_name="contacts")
    person_hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "person_hash"], name="plan_contact_once")]


class Suppression(WorkspaceScoped):
    """A target that must not be written to on a channel any more.

    With a signature: only promotional SMS with that signature are meant.
    """

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
        HARD_BOUNCE = "hard_bounce", _("The address does not exist")
        SOFT_BOUNCE = "soft_bounce", _("Mail came back again and again")
        COMPLAINT = "complaint", _("Reported as spam")
        MANUAL = "manual", _("Added by hand")

    id = PrefixedIdField("sup")
    channel = models.CharField(_("channel"), max_length=16, choices=Provider.Channel)
    target_hash = models.CharField(max_length=64)
    signature = models.CharField(_("signature"), max_length=24, blank=True)
    masked = models.CharField(_("target"), max_length=254)
    reason = models.CharField(_("reason"), max_length=16, choices=Reason)
    source = models.CharField(_("source"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("suppression")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "channel", "target_hash", "signature"], name="suppression_unique"
            )
        ]

    def __str__(self) -> str:
        return self.masked


class TrackedLink(models.Model):
    """A web address in a send-out's content."""

    send_out = models.ForeignKey(SendOut, on_delete=models.CASCADE, related_name="links")
    number = models.PositiveSmallIntegerField()
    url = models.URLField(max_length=2000)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["send_out", "number"], name="tracked_link_unique")]


class Engagement(models.Model):
    """What a person did with a message: opened it, clicked a link, unsubscribed. Machines are kept apart."""

    class Kind(models.TextChoices):
        OPEN = "open", _("Opened")
        CLICK = "click", _("Clicked")
        UNSUBSCRIBE = "unsubscribe", _("Unsubscribed")

    send_out = models.ForeignKey(SendOut, on_delete=models.CASCADE, related_name="engagements")
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="engagements")
    link = models.ForeignKey(TrackedLink, on_delete=models.CASCADE, null=True, related_name="engagements")
    kind = models.CharField(max_length=12, choices=Kind)
    visit = models.BigIntegerField(
        null=True, unique=True, help_text="Of a short link: the visit that this click is, counted once."
    )
    at = models.DateTimeField(auto_now_add=True)
    user_agent = models.CharField(max_length=300, blank=True)
    is_machine = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["send_out", "kind", "at"])]
