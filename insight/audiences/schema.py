"""The published JSON Schema of rules, for editors and for checks on the sender's side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from insight.audiences.leaves import COMPARE_OPERATORS, LIST_OPERATORS, Anniversary
from insight.audiences.limits import MAX_DEPTH, MAX_LEAVES, MAX_VALUES
from insight.audiences.windows import Strict, Window

_REFERENCE = "#/$defs/{model}"


def rule_schema(
    version: int, operations: tuple[str, ...], kinds: Mapping[str, type[Strict]]
) -> dict[str, Any]:
    """JSON Schema 2020-12. What depends on the dataset, such as an operator's fitness for a tag, is not in it."""
    definitions: dict[str, Any] = {}
    for name, model in kinds.items():
        definitions[f"{name}_condition"] = _taken_in(
            definitions, model.model_json_schema(ref_template=_REFERENCE)
        )
    window = TypeAdapter(Window).json_schema(ref_template=_REFERENCE)
    definitions["window"] = _taken_in(definitions, window)
    definitions["Anniversary"] = Anniversary.model_json_schema()
    definitions["tag_condition"]["allOf"] = _values_by_operator()
    node = {"anyOf": [{"$ref": "#/$defs/group"}, *({"$ref": f"#/$defs/{name}_condition"} for name in kinds)]}
    definitions["group"] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["op", "items"],
        "properties": {
            "version": {"const": version, "description": "On the outermost group or condition only."},
            "op": {"enum": list(operations)},
            "items": {"type": "array", "minItems": 1, "items": node},
        },
    }
    for name in kinds:
        definitions[f"{name}_condition"]["properties"]["version"] = {"const": version}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Audience rule",
        "description": f"Version {version}. At most {MAX_DEPTH} levels of groups and {MAX_LEAVES} conditions.",
        **node,
        "$defs": definitions,
    }


def _taken_in(definitions: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    definitions.update(schema.pop("$defs", {}))
    return schema


def _values_by_operator() -> list[dict[str, Any]]:
    texts = {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_VALUES,
        "items": {"type": "string"},
    }
    two_numbers = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}}
    values: list[tuple[frozenset[str], dict[str, Any]]] = [
        (LIST_OPERATORS, texts),
        (COMPARE_OPERATORS, {"type": "number"}),
        (frozenset({"between", "not_between"}), two_numbers),
        (frozenset({"within", "not_within"}), {"$ref": "#/$defs/window"}),
        (frozenset({"anniversary_within"}), {"$ref": "#/$defs/Anniversary"}),
        (frozenset({"empty", "not_empty"}), {"type": "null"}),
    ]
    return [
        {
            "if": {"properties": {"operator": {"enum": sorted(operators)}}},
            "then": {"properties": {"value": value}},
        }
        for operators, value in values
    ]
