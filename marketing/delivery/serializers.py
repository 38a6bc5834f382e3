"""Bodies of send-outs and suppressions in the REST API."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from rest_framework import serializers

from cdp.core.schema import maybe
from insight.campaigns import links
from marketing.channels.models import Provider
from marketing.content.models import Template
from marketing.delivery import services, settling
from marketing.delivery.campaign_links import KIND
from marketing.delivery.models import SendOut, Suppression


class SendOutVariantSerializer(serializers.Serializer[Any]):
    """A template, or on the custom channel `params`."""

    template = serializers.CharField(required=False)
    params = serializers.DictField(
        required=False, help_text="On the custom channel: values of the parameters."
    )
    share = serializers.IntegerField(min_value=1, max_value=99, help_text="Per cent of the people.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("template" in attrs) == ("params" in attrs):
            raise serializers.ValidationError({"template": [_("Give either a template or params.")]})
        return attrs


class SendOutDigitalSerializer(serializers.Serializer[Any]):
    subject = serializers.CharField(required=False)
    parts = serializers.JSONField(required=False)
    signature = serializers.CharField(required=False)


class SendOutMailSerializer(serializers.Serializer[Any]):
    purpose = serializers.ChoiceField(choices=Template.Purpose.choices, required=False)
    subject = serializers.CharField(required=False)
    sender_name = serializers.CharField(required=False, allow_blank=True)
    html = serializers.CharField(required=False, allow_blank=True)
    design = serializers.JSONField(required=False)
    text = serializers.CharField(required=False, allow_blank=True)


class ReachSerializer(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(choices=Provider.Channel.choices)
    provider = serializers.CharField(
        required=False, help_text="Needed for push: each app writes to IDs of its own."
    )
    id_type = serializers.CharField(required=False, help_text="Needed for the custom channel.")
    audiences = serializers.ListField(child=serializers.CharField(), min_length=1)
    exclude = serializers.ListField(child=serializers.CharField(), required=False)
    template = serializers.CharField(required=False, help_text="Of a notice nobody is capped or held.")
    signature = serializers.CharField(
        required=False, help_text="Whoever has unsubscribed from it alone counts as suppressed, too."
    )
    purpose = serializers.ChoiceField(choices=Template.Purpose.choices, required=False, default="")


class SendOutSerializer(serializers.ModelSerializer[SendOut]):
    """One message to one audience or several. References are IDs of the same workspace.

    `audience` alone is one audience, and `template` alone one message; beside `audiences` and `variants`, of which they
    are the first, they say nothing.
    """

    as_shown: ClassVar = {
        "audiences": [str],
        "exclude": [str],
        "variants": [SendOutVariantSerializer],
        "params": maybe(dict),
        "purpose": str,
        "campaigns": [str],
    }
    channel = serializers.ChoiceField(choices=Provider.Channel.choices)
    provider = serializers.CharField(source="provider_id")
    sender = serializers.CharField(source="sender_id", required=False, allow_null=True)
    signature = serializers.CharField(source="signature_id", required=False, allow_null=True)
    template = serializers.CharField(source="template_id", required=False)
    text = serializers.CharField(
        required=False,
        write_only=True,
        max_length=500,
        help_text="SMS alone: where it differs from the template's, a new template is made and submitted for review.",
    )
    digital = SendOutDigitalSerializer(
        required=False,
        write_only=True,
        help_text="Of a digital SMS: where it differs from the template's, a new template is made and sent in.",
    )
    mail = SendOutMailSerializer(
        required=False,
        write_only=True,
        help_text="Of an e-mail: without `template`, or where it differs from it, a new template is made of it; it "
        "goes to review where the platform reviews.",
    )
    variants = SendOutVariantSerializer(many=True, required=False, write_only=True)
    audience = serializers.CharField(source="audience_id", required=False)
    audiences = serializers.ListField(child=serializers.CharField(), required=False, write_only=True)
    exclude = serializers.ListField(child=serializers.CharField(), required=False, write_only=True)
    params = serializers.DictField(
        required=False,
        write_only=True,
        help_text="On the custom channel: values of the webhook's parameters.",
    )
    purpose = serializers.CharField(
        required=False, write_only=True, help_text="On the custom channel: promotion or notice."
    )
    origin = serializers.ChoiceField(SendOut.Origin.choices, read_only=True, allow_blank=True)
    holdout = serializers.IntegerField(min_value=0, max_value=services.MOST_KEPT_BACK, required=False)
    recurrence = serializers.JSONField(required=False, help_text="When it repeats; {} for once.")
    window = serializers.JSONField(
        required=False, help_text="The hours of their own day in which people get it; {} for any hour."
    )
    campaigns = serializers.ListField(
        child=serializers.CharField(), required=False, write_only=True, help_text="IDs of campaigns."
    )

    class Meta:
        model = SendOut
        fields = [
            "id",
            "channel",
            "name",
            "provider",
            "sender",
            "signature",
            "template",
            "text",
            "digital",
            "mail",
            "params",
            "purpose",
            "variants",
            "audience",
            "audiences",
            "exclude",
            "id_type",
            "campaigns",
            "variables",
            "limit",
            "holdout",
            "holdout_salt",
            "encrypted",
            "refresh_first",
            "track",
            "unsubscribe_link",
            "return_path",
            "per_minute",
            "scheduled_at",
            "recurrence",
            "window",
            "origin",
            "resend_of",
            "plan",
            "due_at",
            "next_run_at",
            "state",
            "state_reason",
            "held_until",
            "created_at",
            "updated_at",
            "started_at",
            "finished_at",
            "rows_deleted_at",
        ]
        read_only_fields = [
            "id",
            "origin",
            "resend_of",
            "plan",
            "due_at",
            "next_run_at",
            "state",
            "state_reason",
            "held_until",
            "created_at",
            "updated_at",
            "started_at",
            "finished_at",
            "rows_deleted_at",
        ]
        validators: list[Any] = []

    def to_representation(self, instance: SendOut) -> dict[str, Any]:
        known: list[str] | None = getattr(instance, "campaign_ids", None)
        parts = list(instance.parts.all())
        return {
            **super().to_representation(instance),
            "audiences": [
                *filter(None, [instance.audience_id]),
                *(row.audience_id for row in parts if not row.excluded),
            ],
            "exclude": [row.audience_id for row in parts if row.excluded],
            "variants": [
                {"template": row.template_id, **_params(row.template), "share": row.share}
                for row in instance.variants.all()
            ],
            **_params(instance.template),
            "purpose": instance.template.purpose,
            "campaigns": links.ids_of(KIND, instance.pk) if known is None else known,
        }


def _params(template: Template) -> dict[str, Any]:
    return {"params": template.params} if template.channel == Provider.Channel.CUSTOM else {}


class SubmitSerializer(serializers.Serializer[Any]):
    """When a send-out leaves."""

    scheduled_at = serializers.DateTimeField(required=False, allow_null=True)
    now = serializers.BooleanField(required=False)


class SettleSerializer(serializers.Serializer[Any]):
    recipients = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        min_length=1,
        max_length=settling.MOST,
    )
    sent = serializers.BooleanField()


class SuppressionSerializer(serializers.ModelSerializer[Suppression]):
    """A target that is not written to. `target` is given when one is added, and only shown masked."""

    target = serializers.CharField(write_only=True)

    class Meta:
        model = Suppression
        fields = ["id", "channel", "target", "masked", "signature", "reason", "source", "created_at"]
        read_only_fields = ["id", "masked", "signature", "reason", "source", "created_at"]
