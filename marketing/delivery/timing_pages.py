"""Pages on which one says how often a send-out leaves and in which hours, and what its page shows of that."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cdp.console.cycles import CycleForm
from cdp.console.generic import Fact, FormPage
from cdp.core import schedules
from cdp.core.errors import DomainError
from marketing.delivery import plans, recurrence, releasing, services, windows
from marketing.delivery.forms import tag_choices
from marketing.delivery.models import SendOut
from marketing.delivery.views import SendOutMixin

SHOWN_RUNS = 100


class RepeatForm(CycleForm):
    """How often it leaves."""

    every = forms.ChoiceField(
        label=_("Repeat"),
        required=False,
        choices=[
            ("", _("Do not repeat")),
            ("day", _("Every day")),
            ("week", _("Every week")),
            ("month", _("Every month")),
        ],
    )
    start = forms.DateField(
        label=_("First day"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: as soon as it is started."),
    )
    end = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: until somebody stops it."),
    )
    runs = forms.IntegerField(
        label=_("At most this many runs"),
        required=False,
        min_value=1,
        max_value=recurrence.MOST_RUNS,
        help_text=_("All together. Empty: as many as there are until the last day."),
    )
    only_new = forms.BooleanField(
        label=_("Only people who have not had it from an earlier run"), required=False
    )
    refresh_first = forms.BooleanField(
        label=_("Refresh the audiences before each run"),
        required=False,
        help_text=_(
            "Each run goes to the newest version of its audiences, and waits for them to be computed."
        ),
    )

    def recurrence(self) -> dict[str, Any]:
        """What was chosen, as the service takes it."""
        data = self.cleaned_data
        if not data["every"]:
            return {}
        days = {name: data[name] and data[name].isoformat() for name in ("start", "end")}
        given = {**self.policy(), **days, "runs": data["runs"]}
        return {
            **{name: value for name, value in given.items() if value is not None},
            "only_new": data["only_new"],
        }


class _TimingPage(SendOutMixin, FormPage):
    """Changes a send-out that has not started, and goes back to its page."""

    verb = "create"

    def success_url(self, obj: SendOut) -> str:
        return self.reverse("delivery:detail", pk=obj.pk)

    def extra(self, form: Any, obj: SendOut) -> dict[str, Any]:
        return {"back_url": self.success_url(obj)}


class Repeat(_TimingPage):
    title = _("Repeat the send-out")
    template_name = "marketing/delivery/repeat.html"
    form_class = RepeatForm

    def initial(self, obj: SendOut) -> dict[str, Any]:
        defaults = {**schedules.DEFAULTS, "at": "09:00"}
        return {**defaults, **obj.recurrence, "refresh_first": obj.refresh_first}

    def save(self, form: RepeatForm, obj: SendOut) -> SendOut:
        values: dict[str, Any] = {"recurrence": form.recurrence()}
        if values["recurrence"] and obj.resend_of_id is None:
            values["refresh_first"] = form.cleaned_data["refresh_first"]
        try:
            return services.update(self.access, obj, values, edit_version=self.seen_version())
        except DomainError as error:
            error.errors = {path.removeprefix("recurrence/"): found for path, found in error.errors.items()}
            raise


class HoursForm(forms.Form):
    """In which hours people get it; without both, at any hour."""

    start = forms.TimeField(
        label=_("From"), required=False, widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )
    end = forms.TimeField(
        label=_("Until"),
        required=False,
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        help_text=_("Leave both empty to send at any hour. Hours may reach over midnight."),
    )
    zone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        widget=forms.Select({"data-select": ""}),
        help_text=_(
            "A tag whose values are names such as Europe/Paris, or offsets such as +08:00. People without a usable "
            "value are treated as living in the workspace's time zone."
        ),
    )
    hours = forms.IntegerField(
        label=_("Wait at most this many hours"),
        required=False,
        min_value=1,
        max_value=windows.LONGEST,
        help_text=_("Counted from the start. Whoever's hours do not come by then gets nothing."),
    )

    def __init__(self, *args: Any, send_out: SendOut, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone: Any = self.fields["zone"]
        zone.choices = [("", _("The workspace's time zone")), *tag_choices(send_out)]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        for one, other in (("start", "end"), ("end", "start")):
            if data.get(one) and not data.get(other) and other not in self.errors:
                self.add_error(other, _("Give both times, or none."))
        return data

    def window(self) -> dict[str, Any]:
        """What was chosen, as the service takes it."""
        data = self.cleaned_data
        if not data["start"]:
            return {}
        dataset, _colon, tag = data["zone"].partition(":")
        return {
            "start": data["start"].strftime("%H:%M"),
            "end": data["end"].strftime("%H:%M"),
            "hours": data["hours"] or windows.DEFAULT_HOURS,
            **({"dataset": dataset, "tag": tag} if tag else {}),
        }


class ChooseHours(_TimingPage):
    title = _("Hours of the day")
    form_class = HoursForm

    def form_options(self, obj: SendOut) -> dict[str, Any]:
        return {"send_out": obj}

    def initial(self, obj: SendOut) -> dict[str, Any]:
        window = obj.window
        zone = f"{window['dataset']}:{window['tag']}" if window.get("tag") else ""
        return {"hours": windows.DEFAULT_HOURS, **window, "zone": zone}

    def save(self, form: HoursForm, obj: SendOut) -> SendOut:
        return services.update(self.access, obj, {"window": form.window()}, edit_version=self.seen_version())


def facts(send_out: SendOut) -> list[Fact]:
    """How often it leaves, and in which hours."""
    found = []
    if send_out.recurrence:
        only = _("Only people who have not had it from an earlier run")
        more = only if send_out.recurrence.get("only_new") else ""
        found.append(Fact(_("Repeats"), recurrence.describe(send_out), more))
    if send_out.window:
        found.append(Fact(_("Hours"), windows.describe(send_out.window)))
    return found


def shown(send_out: SendOut) -> dict[str, Any]:
    """What its page needs: the words of both, the runs of a plan, and who waits until when."""
    found: dict[str, Any] = {
        "repeats": recurrence.describe(send_out),
        "hours": windows.describe(send_out.window),
        "waits": releasing.waiting(send_out),
        "plan": send_out.plan,
    }
    rows = plans.runs_of(send_out) if send_out.recurrence else []
    if rows:
        found |= {
            "runs": rows[:SHOWN_RUNS],
            "more_runs": max(0, len(rows) - SHOWN_RUNS),
            "run_total": plans.total(rows),
        }
    if send_out.state == SendOut.State.REPEATING:
        found["next_run_at"] = send_out.next_run_at or timezone.now()
    return found
