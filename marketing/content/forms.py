"""Forms of templates and signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from marketing.channels.models import Provider
from marketing.content import push_form, signatures
from marketing.content.models import Signature, Template

_HELP = _("Write variables as ${name}; each send-out says where their text comes from.")


class TemplateForm(forms.Form):
    """A template; mail has a subject and HTML, an SMS only its text, a push message a title and more."""

    name = forms.CharField(label=_("Name"), max_length=64)
    purpose = forms.ChoiceField(label=_("Purpose"), choices=Template.Purpose.choices)
    subject = forms.CharField(label=_("Subject"), max_length=200)
    sender_name = forms.CharField(
        label=_("Sender name"),
        required=False,
        max_length=64,
        help_text=_("Empty: that of the sender address. E-mail platforms take 15 characters at most."),
    )
    html = forms.CharField(
        label=_("HTML"),
        required=False,
        widget=forms.Textarea({"rows": 14, "class": "form-control font-monospace", "spellcheck": "false"}),
        help_text=_HELP,
    )
    design = forms.JSONField(required=False, widget=forms.HiddenInput)
    text = forms.CharField(
        label=pgettext_lazy("message", "Text"), widget=forms.Textarea({"rows": 6}), help_text=_HELP
    )

    note = forms.CharField(
        label=_("Note for the reviewer"),
        required=False,
        max_length=100,
        help_text=_("What the SMS is for. Empty: its name."),
    )

    def __init__(self, *args: Any, channel: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.channel = channel
        if channel != Provider.Channel.SMS:
            del self.fields["note"]
        if channel == Provider.Channel.PUSH:
            self._make_push()
        elif channel == Provider.Channel.EMAIL:
            text = self.fields["text"]
            text.label, text.required = _("Plain-text part"), False
            text.help_text = _("Leave it empty to have it made from the HTML.")
        else:
            for name in ("subject", "html", "design", "sender_name"):
                del self.fields[name]
            self.fields["text"].widget.attrs["data-sms-text"] = ""

    def _make_push(self) -> None:
        for name in ("html", "design", "sender_name"):
            del self.fields[name]
        title, text = self.fields["subject"], self.fields["text"]
        title.label, title.help_text = _("Title"), _("Phones show about 50 characters.")
        text.widget.attrs["rows"] = 3
        text.help_text = _(
            "Phones show about 120 characters. Write variables as ${name}; "
            "each send-out says where their text comes from."
        )
        self.fields |= push_form.fields()

    def values(self) -> dict[str, Any]:
        """Cleaned data in the form that the services take."""
        given = {name: self.cleaned_data[name] for name in self.base_fields if name in self.cleaned_data}
        if self.channel == Provider.Channel.PUSH:
            given["push"] = push_form.values(self.cleaned_data)
        return given


class SignatureForm(forms.Form):
    """A signature as it is registered at a platform."""

    provider = forms.ModelChoiceField(label=_("Provider"), queryset=Provider.objects.none(), empty_label="–")
    text = forms.CharField(
        label=_("Signature"),
        max_length=24,
        help_text=_("2 to 24 characters, as the platform knows it, without brackets."),
    )

    def __init__(self, *args: Any, workspace: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        provider: Any = self.fields["provider"]
        provider.queryset = Provider.objects.in_workspace(workspace).filter(channel=Provider.Channel.SMS)
        if len(only := provider.queryset[:2]) == 1:
            provider.initial = only[0].pk


class _SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files at once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            widget=_SeveralFiles({"class": "form-control", "accept": ".png,.jpg,.jpeg,.pdf"}), **options
        )

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        given = data if isinstance(data, list) else [data]
        return [super(FilesField, self).clean(file, initial) for file in given if file or self.required]


class NewSignatureForm(SignatureForm):
    """A signature with what proves the right to it; `kept` are the files of one that was sent in before."""

    source = forms.ChoiceField(label=_("What proves the right to the name"), choices=Signature.Source.choices)
    note = forms.CharField(
        label=_("Note for the reviewer"),
        max_length=200,
        widget=forms.Textarea({"rows": 2}),
        help_text=_("Who you are and what the messages are for."),
    )
    proofs = FilesField(
        label=_("Proof"),
        help_text=_("One to three PNG, JPG or PDF files of at most 2 MB each. The platform alone gets them."),
    )

    def __init__(self, *args: Any, workspace: Any, kept: Sequence[str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, workspace=workspace, **kwargs)
        provider: Any = self.fields["provider"]
        provider.queryset = signatures.platforms(workspace)
        if kept is not None:
            del self.fields["provider"]
            proofs = self.fields["proofs"]
            proofs.required = False
            proofs.help_text = _("Empty: those of before go along (%(names)s).") % {"names": ", ".join(kept)}

    def values(self) -> dict[str, Any]:
        return dict(self.cleaned_data)
