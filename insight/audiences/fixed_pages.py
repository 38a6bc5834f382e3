"""The page that keeps the people of a part of an analysis as an audience."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from cdp.console.generic import FormPage
from insight.audiences.folders import folders
from insight.audiences.making import CommonForm
from insight.audiences.models import Audience


class KeepPeople(FormPage):
    """Subclasses say which people are meant. The query of the address is that of the analysis and names the part."""

    permission = "insight.audience.filter"
    title = gettext_lazy("Audience from an analysis")
    template_name = "insight/audiences/keep.html"
    form_class = CommonForm
    submit_label = gettext_lazy("Create audience")
    success_message = gettext_lazy("The audience was made and is being computed.")

    def words(self) -> str:
        """Which people these are, for reading."""
        raise NotImplementedError

    def count(self) -> int:
        raise NotImplementedError

    def keep(self, words: str, data: dict[str, Any]) -> Audience:
        raise NotImplementedError

    def analysis_url(self) -> str:
        raise NotImplementedError

    def permission_point(self) -> str:
        self.access.require("insight.analysis")
        return super().permission_point()

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"access": self.access, "branches": folders.tree(self.access)}

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        back = f"{self.analysis_url()}?{self.request.GET.urlencode()}"
        return {"words": self.words(), "count": self.count(), "back_url": back}

    def save(self, form: Any, obj: Any) -> Audience:
        data = form.common()
        folders.find(self.workspace, data["folder"])
        return self.keep(self.words(), data)

    def success_url(self, obj: Audience) -> str:
        return self.reverse("audiences:detail", obj.pk)
