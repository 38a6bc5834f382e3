"""How the API describes itself (OpenAPI): what has to be told to the schema, and short ways to tell it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from drf_spectacular import openapi
from drf_spectacular.drainage import warn
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

_STANDARD = {"list", "retrieve", "create", "update", "partial_update", "destroy", None}
_WITH_BODY = {"POST", "PUT", "PATCH"}
_FIELDS: dict[Any, type[serializers.Field[Any, Any, Any, Any]]] = {
    str: serializers.CharField,
    int: serializers.IntegerField,
    float: serializers.FloatField,
    bool: serializers.BooleanField,
    dict: serializers.DictField,
    date: serializers.DateField,
    datetime: serializers.DateTimeField,
    Any: serializers.JSONField,
}


class AutoSchema(openapi.AutoSchema):
    """Warns of what would be guessed wrongly, so that script/lint refuses it.

    An action beside the standard ones would be said to take and to answer with what its view set's serializer has.
    """

    def get_request_serializer(self) -> Any:
        if self._is_extra and self.method in _WITH_BODY:
            warn(f"{self.method} {self.path}: say what it takes, @extend_schema(request=...).")
        return super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        if self._is_extra and self.method != "DELETE":
            warn(f"{self.method} {self.path}: say what it answers, @extend_schema(responses=...).")
        return super().get_response_serializers()

    def get_filter_backends(self) -> list[Any]:
        """What narrows the list of objects down does nothing to a list that one of them has."""
        return [] if getattr(self.view, "detail", False) else super().get_filter_backends()

    def _get_request_body(self, *args: Any, **kwargs: Any) -> Any:
        body = super()._get_request_body(*args, **kwargs)
        if body is None and self.method in _WITH_BODY and self.get_request_serializer() is not None:
            warn(f"{self.method} {self.path}: nothing in its body can be written.")
        return body

    def _get_response_for_code(self, serializer: Any, status_code: str, *args: Any, **kwargs: Any) -> Any:
        answer = super()._get_response_for_code(serializer, status_code, *args, **kwargs)
        if "content" not in answer and status_code != "204":
            warn(f"{self.method} {self.path}: say what the body of {status_code} is.")
        return answer

    def _map_serializer_field(self, field: Any, direction: Any, *args: Any, **kwargs: Any) -> Any:
        if direction == "response" and field.default is None:
            field.allow_null = True
        return super()._map_serializer_field(field, direction, *args, **kwargs)

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """With what a serializer's `to_representation` adds or changes, its `as_shown`."""
        found = super()._map_basic_serializer(serializer, direction)
        if direction == "response" and (given := getattr(serializer, "as_shown", None)):
            more = super()._map_basic_serializer(shape("More", **given)(), direction)
            found["properties"] |= more["properties"]
            found["required"] = sorted(
                {*found.get("required", ())} - given.keys() | {*more.get("required", ())}
            )
        return found

    @property
    def _is_extra(self) -> bool:
        return getattr(self.view, "action", None) not in _STANDARD


def shape(name: str, /, **fields: Any) -> Any:
    """An object of the API by its name there and its fields: types, `[type]` for lists, other shapes, DRF's fields."""
    return type(inline_serializer(name, {key: _field(value) for key, value in fields.items()}))


def extended(name: str, serializer: Any, /, **fields: Any) -> Any:
    """What a serializer shows, and more or other fields."""
    more = {key: _field(value) for key, value in fields.items()}
    if meta := getattr(serializer, "Meta", None):
        more["Meta"] = type("Meta", (meta,), {"fields": [*dict.fromkeys((*meta.fields, *fields))]})
    return type(name, (serializer,), more)


def maybe(given: Any) -> Any:
    """A field that may be left out."""
    return _field(given, required=False)


def nullable(given: Any) -> Any:
    """A field that may be null."""
    return _field(given, allow_null=True)


def _field(given: Any, **options: Any) -> Any:
    if isinstance(given, list):
        inner = given[0]
        if isinstance(inner, type) and issubclass(inner, serializers.BaseSerializer):
            return inner(many=True, **options)
        return serializers.ListField(child=_field(inner), **options)
    if given in _FIELDS:
        return _FIELDS[given](**options)
    return given(**options) if isinstance(given, type) else given


PAGE = [OpenApiParameter(name, int) for name in ("page", "page_size")]
PAGE_OF_ROWS = shape("PageOfRows", count=int, next=nullable(str), previous=nullable(str), results=[dict])
MOVED = shape("Moved", moved=int)
USES = shape("Uses", uses=[shape("Use", kind=str, id=str, name=str, state=str)])
