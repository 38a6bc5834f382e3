"""Pages that take clicks further: files, addresses of people, an audience, a table."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import ActionView, FormPage, apply_errors
from cdp.core.csv_export import table_response
from cdp.core.errors import ValidationFailed
from insight.audiences.making import SELECT, CommonForm, MakingPage
from insight.audiences.models import Audience
from marketing.links import outcome, services
from marketing.links.forms import PeopleForm
from marketing.links.models import ShortLink
from marketing.links.views import PERMISSION, LinkMixin, OwnLinkMixin


class LinkClicks(LinkMixin):
    """The clicks as CSV."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        return outcome.clicks_csv(self.access, self.get_object())


class PeopleLinks(OwnLinkMixin, FormPage):
    """Addresses that tell who follows them, as CSV."""

    title = _("Links for people")
    intro = _("Each number gets an address of its own, which tells that this person followed the link.")
    form_class = PeopleForm
    submit_label = _("Download")

    def extra(self, form: Any, obj: ShortLink) -> dict[str, Any]:
        return {"back_url": self.link_url(obj)}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        link, form = self.get_object(), PeopleForm(request.POST)
        if form.is_valid():
            try:
                rows = services.person_links(self.access, link, form.cleaned_data["mobiles"].split())
            except ValidationFailed as error:
                apply_errors(form, error)
            else:
                lines = [[row["mobile"], row["url"] or ""] for row in rows]
                return table_response(f"{link.code}-people", ["mobile", "url"], lines)
        return self.show(form, link, status=422)


class LinkAudience(LinkMixin, MakingPage):
    title = _("Audience of who clicked")
    form_class = CommonForm
    back_url_name = "links:list"

    def get_object(self) -> ShortLink:
        self.access.require(SELECT)
        return super().get_object()

    def save(self, form: CommonForm, obj: ShortLink) -> Audience:
        audience, _job = outcome.make_audience(self.access, obj, form.common())
        return audience


class ClicksTable(ActionView):
    """All clicks of named people as a table of the lake."""

    permission = PERMISSION
    success_message = _("The table “short_link_clicks” is being written.")

    def get_object(self) -> None:
        return None

    def act(self, obj: None) -> Any:
        return outcome.make_table(self.access)

    def success_url(self, obj: None, result: Any) -> str:
        return self.reverse("console:job", result.pk) if result is not None else self.reverse("links:list")
