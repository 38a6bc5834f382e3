"""Pages of custom tags: the editor of their values, refresh, removal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import ActionView, DeletePage
from cdp.core.folders import flat
from cdp.core.identifiers import ID_TYPES
from insight.audiences import fields
from insight.audiences.builder import SELECT, Builder
from insight.datasets import categories, custom
from insight.datasets.folders import folders
from insight.datasources.connections import in_place
from insight.tags import definition, lineage, rights, services
from insight.tags.api import CustomTagSerializer
from insight.tags.models import CustomTag
from insight.tags.pages import TagPages


class NewCustomTag(Builder):
    """The editor: values in a row, each with a rule made like a selection."""

    permission = rights.CUSTOM
    title = gettext_lazy("New custom tag")
    template_name = "insight/tags/custom.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        get_token(request)
        self.access.require(SELECT)
        tag = self.tag()
        back = self.reverse("tags:list")
        if tag:
            back = self.reverse("tags:detail", tag.field.dataset_id, tag.field.column)
        context = self.get_context(
            tag=tag,
            back_url=back,
            categories=categories.tree(self.workspace),
            branches=flat(folders.tree(self.access)),
            prefix=custom.PREFIX,
            data=self.start(tag),
        )
        return self.render(self.template_name, context)

    def tag(self) -> CustomTag | None:
        return None

    def start(self, tag: CustomTag | None) -> dict[str, Any]:
        """What the editor starts with."""
        api = f"/api/v1/workspaces/{self.workspace.slug}/custom-tags/"
        named = {
            row["id"]: row
            for entry in (tag.values if tag else [])
            for row in self.named_audiences(entry["rule"])
        }
        ask = {name: self.request.GET.get(name, "") for name in ("dataset", "tag")}
        return {
            "workspace": self.workspace.slug,
            "urls": {
                **self.urls(None),
                "save": f"{api}{tag.pk}/" if tag else api,
                "check": f"{api}preview/",
                "ranges": f"{api}ranges/",
                "detail": self.reverse("tags:detail", "DATASET", "COLUMN"),
            },
            "datasets": fields.datasets_of(self.access),
            "audiences": list(named.values()),
            "tag": CustomTagSerializer(tag).data if tag else None,
            "etag": tag.etag if tag else "",
            "most": definition.MOST_VALUES,
            "ranges": ask if ask["tag"] else None,
            "holders": {
                f"{row.source} {row.definition['id_type']}": row.name for row in custom.mine(self.access)
            },
            "places": dict(in_place.usable(self.workspace).values_list("pk", "name")),
            "id_types": {
                key: {"label": str(kind.label), "start": custom.name_start(key)}
                for key, kind in ID_TYPES.items()
            },
        }


class EditCustomTag(NewCustomTag):
    title = gettext_lazy("Edit custom tag")

    def permission_point(self) -> str:
        return rights.page_point(self.access)

    def tag(self) -> CustomTag:
        tag = rights.get_custom(self.access, self.kwargs["pk"])
        rights.check_change(self.access, tag.field.dataset)
        return tag


class CustomTagMixin(TagPages):
    """One custom tag of a dataset that the person sees."""

    def get_object(self) -> CustomTag:
        return rights.get_custom(self.access, self.kwargs["pk"])  # type: ignore[attr-defined]


class RefreshCustomTag(CustomTagMixin, ActionView):
    success_message = gettext_lazy("The tag is refreshed.")

    def act(self, obj: CustomTag) -> Any:
        return services.refresh(self.access, [obj])

    def success_url(self, obj: CustomTag, result: Any) -> str:
        return self.reverse("tags:detail", obj.field.dataset_id, obj.field.column)


class DeleteCustomTag(CustomTagMixin, DeletePage):
    back_url_name = "tags:list"

    def consequences(self, obj: CustomTag) -> Sequence[Any]:
        used = lineage.of(self.access, obj.field)
        found = [_("Its values go with it.")]
        if used.audiences or used.hidden:
            names = ", ".join(row.name for row in used.audiences[:20])
            more = _("and %(count)d of other people") % {"count": used.hidden} if used.hidden else ""
            found.append(
                _("These audiences keep their members and can no longer be refreshed: %(names)s.")
                % {"names": ", ".join(filter(None, (names, more)))}
            )
        if used.custom_tags:
            names = ", ".join(row.field.name for row in used.custom_tags)
            found.append(
                _("These custom tags keep their values and can no longer be refreshed: %(names)s.")
                % {"names": names}
            )
        return found

    def delete(self, obj: CustomTag) -> None:  # type: ignore[override]
        services.delete(self.access, obj)
