"""Why a recipient is in the state in which the ledger has them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketing.delivery.bounces.model import FailureReason


class FilterReason(models.TextChoices):
    """Why a person of the audience gets no message."""

    EXCLUDED = "excluded", _("In an audience that is left out")
    NO_ID = "no_id", _("No usable address or number")
    INVALID = "invalid", _("The address or number is not valid")
    UNDECRYPTABLE = "undecryptable", _("The encrypted ID could not be decrypted")
    SUPPRESSED = "suppressed", _("Unsubscribed or blocked")
    BOUNCED = "bounced", _("Earlier mail could not be delivered")
    MISSING_VALUE = "missing_value", _("A variable has no value")
    DUPLICATE = "duplicate", _("Somebody else in the audience has the same address or number")
    CARRIER = "carrier", _("The carrier has not approved the template")
    NO_DEVICE = "no_device", _("No device: no browser of this person is registered")
    CAPPED = "capped", _("Has got as many messages as one person may get")
    QUIET_HOURS = "quiet_hours", _("It was due in quiet hours")
    LIMIT = "limit", _("Above the set number of people")
    HOURS = "hours", _("Their hours did not come in time")
    HAD_IT = "had_it", _("Has had it from an earlier run")


class ControlReason(models.TextChoices):
    """Why somebody who could get the message does not, and is counted all the same."""

    HOLDOUT = "holdout", _("Kept back for comparison")


class UnknownReason(models.TextChoices):
    """Why nobody knows whether a message has arrived."""

    NO_ANSWER = "no_answer", _("The platform gave no answer")
    CONNECTION_LOST = "connection_lost", _("The connection broke while it was handed over")
    WORKER_LOST = "worker_lost", _("The process that handed it over has died")


class ReportedReason(models.TextChoices):
    """Whose word a state is."""

    RECEIPT = "receipt", _("Reported by the own system")


class SettledReason(models.TextChoices):
    """How it was found out after all."""

    BY_HAND = "by_hand", _("A person looked it up")


CAUSES = {
    **dict(FilterReason.choices),
    **dict(ControlReason.choices),
    **dict(FailureReason.choices),
    **dict(UnknownReason.choices),
    **dict(ReportedReason.choices),
    **dict(SettledReason.choices),
}
"""Labels of every `Recipient.reason`."""
