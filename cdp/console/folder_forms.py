"""Forms of folders: making and changing one, and choosing one for what is moved."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cdp.core.folders import Branch, choices


class MoveForm(forms.Form):
    """Asks for a folder out of `branches`."""

    folder = forms.ChoiceField(label=_("Move to"), required=False)

    def __init__(self, *args: Any, branches: list[Branch], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["folder"]
        field.choices = choices(branches)


class FolderForm(forms.Form):
    """A folder's name, and the one of `branches` that it lies in."""

    name = forms.CharField(label=_("Name"), max_length=64)
    parent = forms.ChoiceField(label=_("Inside"), required=False)

    def __init__(self, *args: Any, branches: list[Branch], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["parent"]
        field.choices = choices(branches, _("At the top"))
