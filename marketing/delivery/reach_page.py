"""How many people the chosen audiences reach, while they are being chosen."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse

from cdp.console.generic.base import WorkspaceView
from cdp.core.errors import DomainError
from cdp.core.identifiers import ID_TYPES
from insight.audiences import visibility
from insight.audiences.models import Audience
from marketing.channels.base import provider_type
from marketing.channels.models import Provider
from marketing.content.models import Signature, Template
from marketing.delivery import contact_policy, reachability, targeting, without_device
from marketing.delivery.models import SendOut
from marketing.delivery.suppressions import ID_TYPES_OF


def id_type_of(workspace: Any, channel: str, provider: str = "", chosen: str = "") -> str | None:
    """The ID that the channel writes to; where it has several, that of the provider, and None without one.

    On the custom channel it is `chosen`.
    """
    if channel == Provider.Channel.CUSTOM:
        return chosen if chosen in ID_TYPES_OF[channel] else None
    only, *others = ID_TYPES_OF[channel]
    if not others:
        return only
    found = Provider.objects.in_workspace(workspace).filter(channel=channel, pk=provider).first()
    return provider_type(found).id_type if found is not None else None


def with_device(
    workspace: Any, provider: str, wanted: list[Audience], banned: list[Audience], id_type: str
) -> int | None:
    """How many of the people have a registered device; None where that does not matter or they are too many."""
    found = Provider.objects.in_workspace(workspace).filter(pk=provider).first()
    if found is None or not provider_type(found).to_devices or reachability.are_encrypted(wanted, id_type):
        return None
    return without_device.reachable(found, targeting.as_computed(wanted, banned, id_type))


class Reach(WorkspaceView):
    """A part of the form: what the address has is chosen there.

    `provider`, `audiences`, `exclude`, `id_type`, `template`, `signature`, `purpose`.
    """

    def permission_point(self) -> str:
        if self.kwargs["channel"] not in ID_TYPES_OF:
            raise Http404
        return f"marketing.{self.kwargs['channel']}.create"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wanted, banned = (self._chosen(name) for name in ("audiences", "exclude"))
        found: dict[str, Any] = {"workspace": self.workspace}
        given = request.GET
        id_type = id_type_of(
            self.workspace, self.kwargs["channel"], given.get("provider", ""), given.get("id_type", "")
        )
        if wanted and id_type is not None:
            try:
                found |= self._by_type(wanted, banned, id_type)
                found["encrypted"] = reachability.are_encrypted(wanted, id_type)
                provider = self.request.GET.get("provider", "")
                found["devices"] = with_device(self.workspace, provider, wanted, banned, id_type)
            except DomainError as error:
                told = [str(message) for messages in error.errors.values() for message in messages]
                found["error"] = " ".join(told) or str(error)
        return self.render("marketing/delivery/reach.html", found)

    def _by_type(self, wanted: list[Audience], banned: list[Audience], id_type: str) -> dict[str, Any]:
        send_out = self._send_out()
        types = reachability.id_types(self.workspace, send_out.channel, wanted, id_type)
        rows = reachability.count(send_out, wanted, banned, types)
        return {
            "types": [(ID_TYPES[row.id_type].label, row) for row in rows],
            "chosen": rows[0],
            "looked": rows[0].suppressed is not None,
            "quiet": contact_policy.quiet_now(send_out),
        }

    def _send_out(self) -> SendOut:
        return reachability.planned(
            self.workspace,
            self.kwargs["channel"],
            template=self._one(Template, "template"),
            signature=self._one(Signature, "signature"),
            purpose=self.request.GET.get("purpose", ""),
        )

    def _one(self, model: type[Model], name: str) -> Any:
        return model.objects.in_workspace(self.workspace).filter(pk=self.request.GET.get(name, "")).first()  # type: ignore[attr-defined]

    def _chosen(self, name: str) -> list[Audience]:
        """In the order of the address; without those that the person does not see."""
        keys = self.request.GET.getlist(name)
        found = {row.pk: row for row in visibility.visible(self.access).filter(pk__in=keys)}
        return [found[key] for key in dict.fromkeys(keys) if key in found]
