"""What the API says of itself."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action

from cdp.core.schema import extended, maybe, nullable, shape


class ThingSerializer(serializers.Serializer[Any]):
    as_shown: ClassVar = {"colour": str, "name": nullable(str)}
    name = serializers.CharField()
    owner = serializers.CharField(source="owner.username", default=None)


class Things(viewsets.GenericViewSet[Any]):
    queryset = ()
    serializer_class = ThingSerializer

    def retrieve(self, request: Any) -> None: ...

    @action(detail=True, methods=["post"])
    def paint(self, request: Any) -> None: ...

    @extend_schema(request=shape("Paint", colour=str, coats=maybe(int)), responses=ThingSerializer)
    @action(detail=True, methods=["post"])
    def told(self, request: Any) -> None: ...

    @extend_schema(request=None, responses=OpenApiResponse(description="Something"))
    @action(detail=True, methods=["post"])
    def vague(self, request: Any) -> None: ...

    @extend_schema(responses=extended("BigThing", ThingSerializer, parts=[str]))
    @action(detail=True)
    def big(self, request: Any) -> None: ...


def described(method: str, name: str) -> dict[str, Any]:
    routes = [path("thing/", Things.as_view({method: name}, detail=True))]
    found: dict[str, Any] = SchemaGenerator(patterns=routes).get_schema(public=True)["components"]
    return found.get("schemas", {})


@pytest.mark.parametrize(
    ("method", "name", "words"),
    [
        ("post", "paint", ["say what it takes", "say what it answers"]),
        ("post", "vague", ["say what the body of 200 is"]),
    ],
)
def test_an_action_that_tells_too_little_is_warned_of(
    capsys: pytest.CaptureFixture[str], method: str, name: str, words: list[str]
) -> None:
    described(method, name)
    told = capsys.readouterr().err
    assert all(text in told for text in words)


def test_an_action_that_tells_all_is_not_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    body = described("post", "told")["PaintRequest"]
    assert capsys.readouterr().err == ""
    assert body["required"] == ["colour"]
    assert body["properties"]["coats"] == {"type": "integer"}


def test_an_answer_has_what_its_representation_adds_and_its_nulls() -> None:
    thing = described("get", "retrieve")["Thing"]
    assert thing["properties"] == {
        "name": {"type": ["string", "null"]},
        "owner": {"type": ["string", "null"]},
        "colour": {"type": "string"},
    }
    assert thing["required"] == ["colour", "name"]


def test_an_answer_may_have_more_fields_than_its_serializer() -> None:
    assert set(described("get", "big")["BigThing"]["properties"]) == {"name", "owner", "colour", "parts"}
