"""The editor of a pool's conditions: its pages, and what it asks the server meanwhile."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import WorkspaceView
from insight.audiences import builder
from insight.items import checking, fields, rights
from insight.items.catalog import ItemCatalog
from insight.items.models import ItemPool


class NewPool(WorkspaceView):
    """All data that the editor starts with is one JSON element."""

    permission = rights.USE
    title = _("New item pool")
    template_name = "insight/items/builder.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # The editor talks to the API, which wants the token of this cookie.
        get_token(request)
        pool = self.pool()
        back = self.reverse("items:detail", pool.pk) if pool else self.reverse("items:list")
        context = self.get_context(
            pool=pool,
            back_url=back,
            data=self.data(pool),
            name_length=checking.NAME_LENGTH,
            remark_length=checking.REMARK_LENGTH,
        )
        return self.render(self.template_name, context)

    def pool(self) -> ItemPool | None:
        return None

    def data(self, pool: ItemPool | None) -> dict[str, Any]:
        """What the editor starts with."""
        api = f"/api/v1/workspaces/{self.workspace.slug}/"
        pools = f"{api}item-pools/"
        return {
            "urls": {
                "preview": f"{pools}estimate/",
                "preview_members": f"{pools}preview-items/",
                "summary": f"{pools}summary/",
                "save": f"{pools}{pool.pk}/" if pool else pools,
                "dataset_refresh": f"{api}datasets/DATASET/refresh/",
                "job": f"{api}jobs/JOB/",
                "fields": self.reverse("items:builder-fields", "DATASET"),
                "values": self.reverse("items:builder-values", "DATASET", "COLUMN"),
                "detail": self.reverse("items:detail", "POOL"),
            },
            "datasets": fields.datasets_of(self.access),
            "dataset": pool.dataset_id if pool else self.request.GET.get("dataset", ""),
            "rule": (pool.builder or pool.rule) if pool else None,
            "pool": {"name": pool.name, "remark": pool.remark} if pool else None,
            "etag": pool.etag if pool else "",
        }


class EditPool(NewPool):
    title = _("Edit item pool")

    def pool(self) -> ItemPool:
        pool = rights.get_visible(self.access, self.kwargs["pk"])
        rights.check_change(self.access, pool)
        return pool


class Fields(WorkspaceView):
    """What conditions can ask of an item-tag dataset."""

    permission = rights.USE

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return JsonResponse(fields.fields_of(self.access, self.kwargs["dataset"]))


class Values(builder.Values):
    """Values of a tag, most frequent first, found by search."""

    permission = rights.USE

    def catalog(self) -> ItemCatalog:
        return ItemCatalog(self.workspace, access=self.access)
