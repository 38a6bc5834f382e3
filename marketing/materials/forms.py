"""Forms of materials."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cdp.core.folders import Branch, choices


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files, at least one; the value is their list."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        one = super().clean
        return [one(file, initial) for file in data or [None]]


class InFolder(forms.Form):
    """Something that may lie in one of the folders `branches`."""

    folder = forms.ChoiceField(label=_("Folder"), required=False)

    def __init__(self, *args: Any, branches: list[Branch], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["folder"]
        field.choices = choices(branches)


class UploadForm(InFolder):
    """Files for the library."""

    file = FilesField(
        label=_("Files"),
        help_text=_(
            "PNG, JPG, GIF or BMP pictures, Lottie files or MP4 videos of at most 10 MB each, or MP3 sounds of at "
            "most 2 MB and 60 seconds. They are kept for 365 days."
        ),
        widget=FilesInput(attrs={"accept": ".png,.jpg,.jpeg,.gif,.bmp,.json,.mp4,.mp3"}),
    )
    shared = forms.BooleanField(label=_("Share with the workspace"), required=False)
    field_order = ["file", "folder", "shared"]


class MaterialForm(InFolder):
    """What can be changed about a material."""

    name = forms.CharField(label=_("Name"), max_length=100)
    tags = forms.CharField(
        label=_("Tags"), required=False, help_text=_("At most 10, with commas between them.")
    )
    shared = forms.BooleanField(label=_("Share with the workspace"), required=False)
    field_order = ["name", "folder", "tags", "shared"]
