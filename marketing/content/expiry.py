"""Digital SMS may be sent for a year: whoever wrote one is told before it ends."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from cdp.console.notices import notify
from cdp.core.languages import language_of
from marketing.content.models import ReviewState, TemplateReview

NOTICE = timedelta(days=30)


def warn() -> int:
    """Tell owners once of each approval that ends within 30 days; returns how many."""
    now, told = timezone.now(), 0
    with transaction.atomic():
        ending = TemplateReview.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            state=ReviewState.APPROVED,
            warned=False,
            valid_until__gt=now,
            valid_until__lte=now + NOTICE,
            template__removed=False,
            template__owner__is_active=True,
        )
        for review in ending.select_related("template__owner", "template__workspace"):
            _tell(review)
            review.warned = True
            review.save(update_fields=["warned"])
            told += 1
    return told


def _tell(review: TemplateReview) -> None:
    template = review.template
    assert template.owner is not None and review.valid_until is not None
    with translation.override(language_of(template.owner)), timezone.override(template.workspace.time_zone):
        day = date_format(timezone.localtime(review.valid_until), "Y-m-d")
        notify(
            template.workspace,
            template.owner,
            _("“%(name)s” can be sent until %(date)s") % {"name": template.name, "date": day},
            text=_(
                "A digital SMS is approved for a year. Make a new one from it, and send that in for review."
            ),
            url=reverse("content:detail", args=[template.workspace.slug, template.pk]),
            level="warning",
        )
