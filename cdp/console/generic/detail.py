"""Pages of one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from cdp.console.generic.base import WorkspaceView


@dataclass(frozen=True)
class Fact:
    """A line of a facts list. `hint` explains on hover."""

    label: Any
    value: Any
    hint: Any = ""


class ObjectMixin(WorkspaceView):
    """A view of one row of the workspace, found by `pk`; 404 for what belongs elsewhere."""

    model: ClassVar[Any] = None

    def get_object(self) -> Any:
        return self.model.objects.get_in(self.workspace, self.kwargs["pk"])


class DetailPage(ObjectMixin):
    """Header, facts, and whatever the template adds."""

    template_name = "console/detail.html"
    back_url_name: ClassVar[str] = ""
    back_label: Any = ""

    def facts(self, obj: Any) -> Sequence[Fact]:
        return ()

    def extra(self, obj: Any) -> dict[str, Any]:
        """More for the template."""
        return {}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        obj = self.get_object()
        context = self.get_context(
            object=obj,
            facts=self.facts(obj),
            back_url=self.list_url(self.back_url_name) if self.back_url_name else "",
            back_label=self.back_label,
        )
        context["title"] = self.title or str(obj)
        return self.render(self.template_name, {**context, **self.extra(obj)})
