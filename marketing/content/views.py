"""Pages of templates and signatures."""

from __future__ import annotations

from typing import Any

import django_filters
from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_htmx.http import trigger_client_event

from cdp.console.generic import (
    ActionView,
    Column,
    DateColumn,
    DeletePage,
    DetailPage,
    Fact,
    FormPage,
    ListPage,
    WorkspaceView,
)
from cdp.console.generic.detail import ObjectMixin
from cdp.console.middleware import flash
from cdp.core import where_used
from cdp.core.errors import ValidationFailed
from marketing.channels.models import ORDINARY, Provider
from marketing.content import (
    digital,
    link_check,
    mail_checks,
    mail_score,
    push,
    push_form,
    rendering,
    reviews,
    services,
    sms_length,
)
from marketing.content.columns import ReviewsColumn, carriers_by_state, described, kind_of
from marketing.content.design import starters
from marketing.content.forms import TemplateForm
from marketing.content.models import ReviewState, Template, TemplateReview

PERMISSION = "marketing.content.manage"
NOT_SENT_IN = "none"


class TemplateFilter(django_filters.FilterSet):
    channel = django_filters.ChoiceFilter(label=_("Channel"), choices=ORDINARY, empty_label=_("All channels"))
    purpose = django_filters.ChoiceFilter(
        label=_("Purpose"), choices=Template.Purpose.choices, empty_label=_("Any purpose")
    )
    review = django_filters.ChoiceFilter(
        label=_("Review"),
        choices=[(NOT_SENT_IN, _("Not sent in")), *ReviewState.choices],
        empty_label=_("Any review"),
        method="reviewed",
    )

    class Meta:
        model = Template
        fields = ["channel", "purpose", "review"]

    def reviewed(self, rows: QuerySet[Template], name: str, value: str) -> QuerySet[Template]:
        """Those of which a platform says this of their present text; of SMS also, that none has seen it."""
        present = TemplateReview.objects.filter(
            template=OuterRef("pk"), edit_version=OuterRef("edit_version")
        )
        if value == NOT_SENT_IN:
            return rows.filter(~Exists(present), channel=Provider.Channel.SMS)
        return rows.filter(Exists(present.filter(state=value)))


class TemplateList(ListPage):
    permission = PERMISSION
    title = _("Templates")
    intro = _("What messages say. Variables get each person's own text.")
    template_name = "marketing/content/list.html"
    filterset_class = TemplateFilter
    search_fields = ("name", "subject", "text")
    empty_icon = "template"
    empty_title = _("No templates yet")
    empty_text = _("Write a mail, an SMS or a push message; send-outs use it for one audience at a time.")
    columns = (
        Column("name", _("Template"), sort="name", link=True),
        Column("channel", _("Channel"), value=kind_of, sort="channel"),
        Column("purpose", _("Purpose"), value="get_purpose_display"),
        Column("variables", _("Variables"), value=lambda row: ", ".join(row.variables)),
        ReviewsColumn("reviews", _("Review")),
        DateColumn("updated_at", _("Changed"), sort="updated_at"),
    )

    def get_queryset(self) -> QuerySet[Template]:
        rows = Template.objects.in_workspace(self.workspace).exclude(channel=Provider.Channel.CUSTOM)
        return rows.prefetch_related("reviews__provider")

    def row_url(self, row: Template) -> str:
        return self.reverse("content:detail", pk=row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        can_digital = bool(digital.platforms(self.workspace))
        return super().get_context(channels=ORDINARY, can_digital=can_digital, **more)


class TemplateFormPage(FormPage):
    permission = PERMISSION
    template_name = "marketing/content/form.html"
    form_class = TemplateForm
    back_url_name = "content:list"

    def extra(self, form: TemplateForm, obj: Template | None) -> dict[str, Any]:
        """For a mail what it can begin with."""
        return {"starters": starters.all()} if form.channel == Provider.Channel.EMAIL else {}

    def message(self, obj: Template) -> str:
        if obj.channel == Provider.Channel.PUSH and (
            len(obj.subject) > push.USUAL_TITLE or len(obj.text) > push.USUAL_TEXT
        ):
            return gettext(
                "Saved. Phones cut titles after about %(title)d characters and texts after about %(text)d."
            ) % {"title": push.USUAL_TITLE, "text": push.USUAL_TEXT}
        if obj.channel != Provider.Channel.SMS:
            return gettext("Saved.")
        length = sms_length.measure(obj.text)
        return gettext(
            "Saved. Without signature and values: %(characters)d characters, sent as %(parts)d SMS."
        ) % {"characters": length.characters, "parts": length.parts}

    def success_url(self, obj: Template) -> str:
        flash(self.request, self.message(obj))
        return self.reverse("content:detail", pk=obj.pk)


class NewTemplate(TemplateFormPage):
    """A page of its own, or the form alone for a dialog that tells its page of the new template."""

    title = _("New template")

    def show(self, form: TemplateForm, obj: Any, status: int = 200) -> HttpResponse:
        if not self.request.htmx:
            return super().show(form, obj, status)
        # The page around it may have fields of the same names.
        form.auto_id = "dialog_%s"
        return self.render("marketing/content/quick_form.html", self.get_context(form=form), status=status)

    def success_url(self, obj: Template) -> str:
        return "" if self.request.htmx else super().success_url(obj)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = super().post(request, *args, **kwargs)
        return self.made if self.request.htmx and answer.status_code == 302 else answer

    def form_options(self, obj: Any) -> dict[str, Any]:
        if self.kwargs["channel"] not in dict(ORDINARY):
            raise Http404
        return {"channel": self.kwargs["channel"]}

    def save(self, form: TemplateForm, obj: Any) -> Template:
        template = services.create_template(self.access, self.kwargs["channel"], form.values())
        self.made = HttpResponse(status=204)
        trigger_client_event(
            self.made,
            "template-made",
            {"id": template.pk, "name": template.name, "text": template.text, "purpose": template.purpose},
        )
        return template


class TemplateMixin(ObjectMixin):
    permission = PERMISSION

    def get_object(self) -> Template:
        rows = Template.objects.exclude(channel=Provider.Channel.CUSTOM)
        found: Template = rows.get_in(self.workspace, self.kwargs["pk"], removed=False)
        return found


class EditTemplate(TemplateMixin, TemplateFormPage):
    title = _("Edit the template")

    def get_object(self) -> Template:
        template = super().get_object()
        if template.is_digital:
            raise Http404
        return template

    def initial(self, obj: Template) -> dict[str, Any]:
        return {name: getattr(obj, name) for name in services.FIELDS} | push_form.initial(obj.push)

    def form_options(self, obj: Template) -> dict[str, Any]:
        return {"channel": obj.channel}

    def save(self, form: TemplateForm, obj: Template) -> Template:
        changed = services.update_template(self.access, obj, form.values(), edit_version=self.seen_version())
        if changed.pk != obj.pk:
            text = gettext("The approved template stays as it is. This is a new one with your changes.")
            flash(self.request, text)
        return changed


class TemplateDetail(TemplateMixin, DetailPage):
    template_name = "marketing/content/detail.html"
    back_url_name = "content:list"
    back_label = _("Templates")

    def facts(self, obj: Template) -> list[Fact]:
        return facts_of(obj)

    def extra(self, obj: Template) -> dict[str, Any]:
        found = self._content(obj)
        may_submit = any(row["review"] is None for row in found.get("reviews", []))
        return {**found, "may_submit": may_submit, "uses": where_used.of(self.access, obj)}

    def _content(self, obj: Template) -> dict[str, Any]:
        if obj.channel == Provider.Channel.EMAIL:
            return {
                "plain": obj.text or rendering.plain_text(obj.html),
                "checks": mail_checks.of(obj),
                "score": mail_score.of(obj),
                "most_links": link_check.MOST,
                "reviews": self._reviews(obj),
                "editable": True,
            }
        if obj.channel == Provider.Channel.PUSH:
            return {
                "editable": True,
                "phone": {
                    "title": obj.subject,
                    "text": obj.text,
                    "subtitle": push.complete(obj.push)["subtitle"],
                },
            }
        found = {"reviews": self._reviews(obj), "editable": services.is_editable(obj)}
        if obj.is_digital:
            return {**found, "digital": described(obj)}
        return {**found, "plain": obj.text}

    def _reviews(self, obj: Template) -> list[Any]:
        """The platforms that review templates of the channel, each with its present review."""
        providers = Provider.objects.in_workspace(self.workspace).filter(channel=obj.channel)
        if obj.signature is not None:
            providers = providers.filter(pk=obj.signature.provider_id)
        return [
            {"provider": item, "review": found, "carriers": carriers_by_state(found)}
            for item in providers
            if reviews.needed(item)
            for found in (reviews.current(obj, item),)
        ]


def facts_of(obj: Template) -> list[Fact]:
    """What stands beside a template of any channel."""
    facts = [
        Fact(_("Channel"), kind_of(obj)),
        Fact(_("Purpose"), obj.get_purpose_display()),
        Fact(_("Variables"), ", ".join(_variable(obj, name) for name in obj.variables) or "–"),
    ]
    if obj.channel == Provider.Channel.EMAIL:
        sender = [Fact(_("Sender name"), obj.sender_name)] if obj.sender_name else []
        return [*facts, Fact(_("Subject"), obj.subject), *sender]
    if obj.channel == Provider.Channel.PUSH:
        return [*facts, *_push_facts(obj)]
    note = [Fact(_("Note for the reviewer"), obj.note)] if obj.note else []
    if obj.is_digital:
        size = f"{digital.size_of(obj.parts) / 1_000_000:.2f} MB"
        signature = Fact(_("Signature"), obj.signature)
        return [
            facts[0],
            facts[1],
            signature,
            Fact(_("Subject"), obj.subject),
            Fact(_("Size"), size),
            *note,
        ]
    length = sms_length.measure(obj.text)
    hint = _("Without the signature and the values of variables.")
    return [
        *facts,
        Fact(_("Characters"), length.characters, hint),
        Fact(_("Sent as so many SMS"), length.parts, hint),
        *note,
    ]


def _variable(obj: Template, name: str) -> str:
    given = obj.defaults.get(name)
    if given is None:
        return name
    return gettext("%(name)s (otherwise “%(text)s”)") % {"name": name, "text": given["value"]}


def _push_facts(obj: Template) -> list[Fact]:
    kept = push.complete(obj.push)
    facts = [Fact(_("After a tap"), push.Action(kept["action"]).label)]
    where = {"url": kept["url"], "page": f"{kept['package']} · {kept['activity']}", "custom": kept["custom"]}
    if target := where.get(kept["action"]):
        facts.append(Fact(_("Target"), target))
    if kept["extra"]:
        facts.append(
            Fact(_("Parameters"), ", ".join(f"{name}={text}" for name, text in kept["extra"].items()))
        )
    if kept["vendor"]:
        facts.append(Fact(_("Android"), _("Also through the phone makers' channels")))
    if kept["subtitle"]:
        facts.append(Fact(_("iOS: subtitle"), kept["subtitle"]))
    return [*facts, Fact(_("Hours to live"), kept["ttl_hours"])]


class SubmitTemplate(TemplateMixin, ActionView):
    """To the ticked platforms: one that refuses does not keep it from the others."""

    def act(self, obj: Template) -> Any:
        keys = list(dict.fromkeys(self.request.POST.getlist("provider")))
        if not keys:
            raise ValidationFailed(gettext("Tick a platform."))
        providers = {key: Provider.objects.get_in(self.workspace, key) for key in keys}
        made, failed = services.submit_to_all(self.access, obj, list(providers.values()))
        for key, reason in failed.items():
            flash(self.request, f"{providers[key].name}: {reason}", messages.ERROR)
        return made

    def message(self, obj: Template, result: Any) -> str:
        return gettext("Sent in for review.") if result else ""

    def success_url(self, obj: Template, result: Any) -> str:
        return self.reverse("content:detail", pk=obj.pk)


class CheckLinks(TemplateMixin, WorkspaceView):
    """A part of the template's page: which addresses of the mail answer."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        context = {"answers": link_check.check(self.get_object())}
        return self.render("marketing/content/link_checks.html", context)


class DeleteTemplate(TemplateMixin, DeletePage):
    back_url_name = "content:list"

    def delete(self, obj: Template) -> None:  # type: ignore[override]
        services.delete_template(self.access, obj)
