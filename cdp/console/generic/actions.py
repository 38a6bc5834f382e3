"""Buttons: actions by POST, and pages that ask before something is removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from cdp.console.generic.detail import ObjectMixin
from cdp.console.middleware import flash
from cdp.core.errors import DomainError, NotFound, PermissionDenied


class ActionView(ObjectMixin):
    """Does something to one object and goes back with a message. POST only."""

    http_method_names: ClassVar[list[str]] = ["post"]  # type: ignore[misc]
    success_message: Any = ""

    def act(self, obj: Any) -> Any:
        """Call the service."""
        raise NotImplementedError

    def success_url(self, obj: Any, result: Any) -> str:
        raise NotImplementedError

    def message(self, obj: Any, result: Any) -> Any:
        return self.success_message

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        obj = self.get_object()
        try:
            result = self.act(obj)
        except (PermissionDenied, NotFound):
            raise
        except DomainError as error:
            flash(request, error, messages.ERROR)
            return HttpResponseRedirect(self.success_url(obj, None))
        text = self.message(obj, result)
        if text:
            flash(request, text)
        return HttpResponseRedirect(self.success_url(obj, result))


class DeletePage(ObjectMixin):
    """Says what goes with the object, or why it must stay, and removes it on confirmation."""

    template_name = "console/delete.html"
    success_message: Any = _("Removed.")
    back_url_name: ClassVar[str] = ""

    def consequences(self, obj: Any) -> Sequence[Any]:
        """Sentences on what else is lost."""
        return ()

    def blockers(self, obj: Any) -> Sequence[Any]:
        """What needs the object; while there is any, it cannot be removed."""
        return ()

    def delete(self, obj: Any) -> None:  # type: ignore[override]
        """Call the service."""
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._show(self.get_object())

    def _show(self, obj: Any, error: str = "") -> HttpResponse:
        context = self.get_context(
            object=obj,
            consequences=self.consequences(obj),
            blockers=self.blockers(obj),
            error=error,
            back_url=self.reverse(self.back_url_name),
        )
        context["title"] = self.title or obj
        return self.render(self.template_name, context, status=409 if error else 200)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        obj = self.get_object()
        try:
            self.delete(obj)
        except (PermissionDenied, NotFound):
            raise
        except DomainError as error:
            return self._show(obj, str(error))
        flash(request, self.success_message)
        return HttpResponseRedirect(self.reverse(self.back_url_name))
