"""Forms whose result is a secret that is shown this once."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from cdp.console.generic import FormPage, apply_errors
from cdp.console.middleware import flash
from cdp.core.errors import DomainError, PermissionDenied


class ShowOnceForm(FormPage):
    """Answers a good form with a page, not a redirect, so that the secret on it need not be kept anywhere."""

    def shown_once(self, saved: Any) -> HttpResponse | None:
        """The page with the secret; None where there is none to show."""
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.form_class(request.POST, **self.form_options(None))
        if form.is_valid():
            try:
                saved = self.save(form, None)
            except PermissionDenied:
                raise
            except DomainError as error:
                apply_errors(form, error)
            else:
                return self._answer(saved)
        return self.show(form, None, status=422)

    def _answer(self, saved: Any) -> HttpResponse:
        page = self.shown_once(saved)
        if page is None:
            flash(self.request, self.success_message)
            return HttpResponseRedirect(self.success_url(saved))
        page.headers["Cache-Control"] = "no-store"
        return page
