"""Reading the audit log."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from admin_center.audit.models import AuditEntry, Via
from cdp.core.access import Access


def entries_for(access: Access) -> QuerySet[AuditEntry]:
    """The workspace's entries; for a manager of the organization also those that belong to no workspace."""
    here = Q(workspace=access.workspace)
    user = access.user
    if user.is_manager and user.organization_id == access.workspace.organization_id:
        here |= Q(workspace=None, organization=access.workspace.organization_id)
    return AuditEntry.objects.filter(here).select_related("actor")


class AuditFilter(django_filters.FilterSet):
    """`actor` is a user name, `action` an action or its first word, `object` an ID or part of a name."""

    actor = django_filters.CharFilter(label=_("Person"), method="by_actor")
    action = django_filters.CharFilter(label=_("Action"), field_name="action", lookup_expr="istartswith")
    object = django_filters.CharFilter(label=_("Object"), method="by_object")
    via = django_filters.ChoiceFilter(label=_("Through"), choices=Via.choices)
    since = django_filters.IsoDateTimeFilter(label=_("From"), field_name="at", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(label=_("Until"), field_name="at", lookup_expr="lt")

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def by_actor(self, rows: QuerySet[AuditEntry], name: str, value: str) -> QuerySet[AuditEntry]:
        return rows.filter(Q(actor__username__iexact=value) | Q(actor_name__icontains=value))

    def by_object(self, rows: QuerySet[AuditEntry], name: str, value: str) -> QuerySet[AuditEntry]:
        return rows.filter(Q(object_id=value) | Q(object_name__icontains=value))
