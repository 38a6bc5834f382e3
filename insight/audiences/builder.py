"""The rule builder: its pages, and what it asks the server while a rule is edited."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import WorkspaceView
from cdp.core.errors import NotFound, ValidationFailed
from cdp.core.folders import flat
from cdp.core.identifiers import ID_TYPES
from insight.audiences import campaign_links, fields, origins, rules, values, visibility
from insight.audiences.folders import folders
from insight.audiences.models import Audience, AudienceVersion
from insight.audiences.serializers import AudienceSerializer, SnapshotSerializer
from insight.audiences.sources import WorkspaceCatalog
from insight.campaigns import links
from insight.oneid import queries as oneid

SELECT = "insight.audience.filter"


class Builder(WorkspaceView):
    """The page. All data that the editor starts with is one JSON element."""

    permission = SELECT
    template_name = "insight/audiences/builder.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # The editor talks to the API, which wants the token of this cookie.
        get_token(request)
        audience = self.audience()
        back = self.reverse("audiences:detail", audience.pk) if audience else self.reverse("audiences:list")
        return self.render(
            self.template_name,
            self.get_context(
                audience=audience,
                back_url=back,
                branches=flat(folders.tree(self.access)),
                campaign_choices=links.choices(self.access),
                data=self.data(audience),
            ),
        )

    def audience(self) -> Audience | None:
        return None

    def data(self, audience: Audience | None) -> dict[str, Any]:
        """What the editor starts with."""
        rule = audience.rule if audience else self.prefilled()
        return {
            "workspace": self.workspace.slug,
            "urls": self.urls(audience),
            "datasets": fields.datasets_of(self.access),
            "id_types": {key: str(kind.label) for key, kind in ID_TYPES.items()},
            "translations": self.translations(),
            "audiences": self.named_audiences(rule),
            "dataset": self.request.GET.get("dataset", ""),
            "rule": rule,
            "builder": audience.origin_detail.get("builder") if audience else None,
            "prefilled": bool(rule and not audience),
            "audience": AudienceSerializer(audience).data if audience else None,
            "defaults": {
                "folder": self.request.GET.get("folder", ""),
                "campaigns": self.request.GET.getlist("campaign"),
            },
            "etag": audience.etag if audience else "",
        }

    def prefilled(self) -> Any:
        """The rule in the address ("new audience from this"); None where there is none or it cannot be read."""
        try:
            return rules.to_json(rules.parse_rule(json.loads(self.request.GET.get("rule", "null"))))
        except (ValueError, rules.RuleInvalid):
            return None

    def urls(self, audience: Audience | None) -> dict[str, str]:
        api = f"/api/v1/workspaces/{self.workspace.slug}/audiences/"
        slug = self.workspace.slug
        return {
            "preview": f"{api}preview/",
            "preview_members": f"{api}preview-members/",
            "steps": f"{api}steps/",
            "dataset_refresh": f"/api/v1/workspaces/{slug}/datasets/DATASET/refresh/",
            "job": f"/api/v1/workspaces/{slug}/jobs/JOB/",
            "summary": f"{api}summary/",
            "id_types": f"{api}id-types/",
            "audiences": api,
            "starters": f"{api}rule-starters/",
            "save": f"{api}{audience.pk}/" if audience else api,
            "fields": reverse("audiences:builder-fields", args=[slug, "DATASET"]),
            "values": reverse("audiences:builder-values", args=[slug, "DATASET", "COLUMN"]),
            "saved": reverse("audiences:saved", args=[slug, "AUDIENCE"]),
            "detail": reverse("audiences:detail", args=[slug, "AUDIENCE"]),
        }

    def translations(self) -> list[str]:
        """The ID types that the people of a condition can be translated to; none where no identities are known."""
        graph = oneid.current_graph(self.workspace)
        return list(dict.fromkeys(["one_id", *graph.stats.get("types", {})])) if graph else []

    def named_audiences(self, rule: Any) -> list[dict[str, Any]]:
        """Names of the audiences that the rule speaks of, with their snapshots."""
        if not rule:
            return []
        try:
            wanted = rules.references(rules.parse_rule(rule)).audiences
        except rules.RuleInvalid:
            return []
        kept = Prefetch("versions", AudienceVersion.objects.filter(is_snapshot=True), to_attr="kept")
        rows: Any = visibility.visible(self.access).filter(pk__in=wanted).prefetch_related(kept)
        rows = rows.select_related("current")
        return [
            {
                "id": row.pk,
                "name": row.name,
                "count": row.count,
                "user_id_type": row.known_by[0],
                "user_id_encryption": row.known_by[1],
                "snapshots": SnapshotSerializer(row.kept, many=True).data,
            }
            for row in rows
        ]


class NewAudience(Builder):
    title = _("New audience")


class EditAudience(Builder):
    title = _("Edit audience")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The builder; audiences that have an edit page of their own are edited there."""
        own = campaign_links.edit_url(self.access, self.audience())
        if own and own != request.path:
            return HttpResponseRedirect(own)
        return super().get(request, *args, **kwargs)

    def audience(self) -> Audience:
        audience = visibility.get_visible(self.access, self.kwargs["pk"])
        visibility.check_change(self.access, audience)
        origins.require(audience, "edit")
        return audience


class Fields(WorkspaceView):
    """What conditions can ask of a dataset."""

    permission = SELECT

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return JsonResponse(fields.fields_of(self.access, self.kwargs["dataset"]))


class Values(WorkspaceView):
    """Values of a tag or of a part of behaviour, most frequent first, found by search."""

    permission = SELECT

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            found = values.values_of(
                self.access,
                self.kwargs["dataset"],
                self.kwargs["column"],
                search=request.GET.get("search", ""),
                object_name=request.GET.get("object", ""),
                offset=_whole(request.GET.get("offset")),
                size=_whole(request.GET.get("size")),
                catalog=self.catalog(),
            )
        except (NotFound, ValidationFailed) as error:
            return JsonResponse(error.problem(), status=error.status)
        return JsonResponse(found)

    def catalog(self) -> WorkspaceCatalog:
        return WorkspaceCatalog(self.workspace, access=self.access)


def _whole(text: str | None) -> int:
    """A number of values in an address; 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0
