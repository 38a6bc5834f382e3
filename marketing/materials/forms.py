"""Forms of materials."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class UploadForm(forms.Form):
    """A file for the library."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "A PNG, JPG, GIF or BMP picture, a Lottie file or an MP4 video of at most 10 MB, or an MP3 sound of at "
            "most 2 MB and 60 seconds. It is kept for 365 days."
        ),
    )
    shared = forms.BooleanField(label=_("Share it with the workspace"), required=False)


class MaterialForm(forms.Form):
    """What can be changed about a material."""

    name = forms.CharField(label=_("Name"), max_length=100)
    tags = forms.CharField(
        label=_("Tags"), required=False, help_text=_("At most 10, with commas between them.")
    )
    shared = forms.BooleanField(label=_("Share it with the workspace"), required=False)
