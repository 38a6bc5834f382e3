"""What mends a failed refresh of an audience, and who can do it."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from cdp.core.access import Access
from insight.audiences import campaign_links, visibility
from insight.audiences.models import Audience, Dependency
from insight.datasets import remedies, rights
from insight.datasets.models import Dataset
from insight.datasets.remedies import Failure, Remedy

OF_THE_RULE = frozenset(
    {"rule_outdated", "id_missing", "audience_cycle", "audience_empty", "model_day_missing"}
)
OF_A_DATASET = frozenset({"no_grant", "dependency_failed"}) | remedies.OF_THE_TABLE - OF_THE_RULE


def of_audience(access: Access, audience: Audience) -> Failure | None:
    """Of the audience's last refresh, where it failed."""
    if audience.state != Audience.State.FAILED:
        return None
    remedy = _remedy(access, audience)
    manages = visibility.may_change(access, audience)
    return remedies.failure(access, audience, audience.reason_code, remedy, manages)


def _remedy(access: Access, audience: Audience) -> Remedy | None:
    code = audience.reason_code
    if code in OF_THE_RULE:
        url = campaign_links.edit_url(access, audience)
        if url:
            return Remedy(_("Edit the audience and replace what no longer fits."), url, _("Edit it"))
        return Remedy(_("Ask %(owner)s to edit the audience.") % {"owner": audience.owner or _("its owner")})
    if code in OF_A_DATASET:
        return _of_a_dataset(access, audience)
    if code in remedies.OF_THE_SOURCE:
        return remedies.of_source(access, audience.workspace, audience.source)
    return remedies.passing(code)


def _of_a_dataset(access: Access, audience: Audience) -> Remedy:
    """The dataset that failed, else the first that the audience reads; those that the person sees are linked."""
    wanted = audience.dependencies.filter(kind=Dependency.Kind.DATASET).values("target")
    rows = Dataset.objects.in_workspace(audience.workspace_id).filter(pk__in=wanted).select_related("owner")
    row = rows.filter(state=Dataset.State.FAILED).first() or rows.order_by("pk").first()
    if row is None:
        return Remedy(_("Edit the audience and replace what no longer fits."))
    text = (
        _("Whoever manages the dataset “%(name)s” can share it again: %(owner)s.")
        if audience.reason_code == "no_grant"
        else _("The dataset “%(name)s” has to be mended first, by whoever manages it: %(owner)s.")
    ) % {"name": row.name, "owner": row.owner or "–"}
    if rights.visible(access).filter(pk=row.pk).exists():
        url = reverse("datasets:detail", args=[audience.workspace.slug, row.pk])
        return Remedy(text, url, _("Open the dataset"))
    return Remedy(text)
