"""One's own API tokens for a workspace."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from admin_center.members.models import ApiToken
from admin_center.members.tokens import revoke_token
from admin_center.permissions.forms import TokenForm
from admin_center.permissions.services import create_token
from admin_center.permissions.show_once import ShowOnceForm
from cdp.console.generic import BadgeColumn, BulkAction, Column, DateColumn, ListPage, TextColumn


class TokenList(ListPage):
    permission = "workspace.view"
    title = _("Your API tokens")
    intro = _(
        "A token lets a program use the API of this workspace in your name, with your rights at that moment."
    )
    search_fields = ["name"]
    ordering = "-created_at"
    create_url_name = "permissions:token-create"
    create_label = _("New token")
    empty_icon = "key"
    empty_title = _("No tokens yet")
    empty_text = _("Make one for each program that shall use the API, limited to what it needs.")
    columns = [
        TextColumn("name", _("Name"), below=lambda token: f"tdl_…{token.hint}", sort="name"),
        Column(
            "scopes",
            _("Limited to"),
            value=lambda token: ", ".join(token.scopes) or gettext("all that you may do"),
        ),
        BadgeColumn("state", _("State"), label_of="state.label"),
        Column(
            "expires_at",
            _("Expires"),
            value=lambda token: date_format(timezone.localtime(token.expires_at), "SHORT_DATE_FORMAT"),
            sort="expires_at",
        ),
        DateColumn("last_used_at", _("Last used"), sort="last_used_at"),
    ]
    bulk_actions = [
        BulkAction(
            "revoke",
            _("Revoke"),
            lambda access, row: revoke_token(row, access),
            icon="ban",
            confirm=_("Programs that use these tokens cannot reach the API any more."),
            danger=True,
        )
    ]

    def get_queryset(self) -> QuerySet[ApiToken]:
        return ApiToken.objects.in_workspace(self.workspace).filter(user=self.access.user)


class TokenCreate(ShowOnceForm):
    permission = "workspace.view"
    title = _("New token")
    form_class = TokenForm
    submit_label = _("Make token")
    back_url_name = "permissions:tokens"

    def form_options(self, obj: None) -> dict[str, Any]:
        return {"access": self.access}

    def save(self, form: TokenForm, obj: None) -> tuple[ApiToken, str]:
        return create_token(self.access, **form.cleaned_data)

    def shown_once(self, saved: tuple[ApiToken, str]) -> HttpResponse:
        row, secret = saved
        context = self.get_context(token=row, secret=secret, back_url=self.reverse("permissions:tokens"))
        return self.render("admin_center/permissions/token_made.html", context)
