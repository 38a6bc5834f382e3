"""What an AIPL model is made of: a dataset, and for each stage a rule over it.

A definition is `{"dataset", "channel", "sum_channels", "channel_source", "ids", "stages": {"A": {"channels", "rule"},
…}}`. `dataset` is a user-tag or a behaviour dataset, `channel` the tag that says where a row comes from (user tags
only), `channels` the channels whose rows count for a stage, null for all of them; with `sum_channels` a user's numbers
are added up over these rows, else each row stands for itself; `ids` the columns that go along, whose ID types the
model's fields have. The model lives where its dataset does.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ENCRYPTIONS, ID_TYPES
from insight.audiences import rule_checks, rules
from insight.audiences.catalog import Unknown
from insight.audiences.sources import WorkspaceCatalog
from insight.datasets import definition as datasets
from insight.datasets.aipl_days import STAGES
from insight.datasets.models import TAG_KINDS, Dataset, DatasetField
from insight.datasets.reading import Reader

KIND = "aipl"
SOURCE_KINDS = (*TAG_KINDS, Dataset.Kind.BEHAVIOUR.value)
FIELDS = {
    *("name", "kind", "source", "description", "folder", "refresh"),
    *("dataset", "channel", "sum_channels", "channel_source", "ids", "stages"),
}
SOURCES = ("all", "online", "offline")
"""Channel sources with a meaning of their own; any other text is a label."""
LABEL_LENGTH = 32
MOST_CHANNELS = 200
CHANNEL_TYPES = ("enum", "text")


def read(access: Access, data: dict[str, Any]) -> tuple[dict[str, Any], list[DatasetField]]:
    """Values and fields of a model for data as the API takes it. Raises ValidationFailed with paths."""
    reader = Reader(None)
    values = datasets.common(reader, access.workspace, data)
    for key in set(data) - FIELDS:
        identifier = _("The user identifier is the dataset’s; it stays what it is.")
        reader.wrong(key, identifier if key == "user_id" else _("Unknown field."))
    place = str(data["source"]) if data.get("source") else None
    catalog = WorkspaceCatalog(access.workspace, place, access=access)
    source = _source(catalog, data.get("dataset"), reader)
    found = {
        "dataset": source[0].pk if source else "",
        "channel": _channel(source, data.get("channel"), reader),
        "sum_channels": _sum(source, data.get("sum_channels"), reader),
        "channel_source": _label(data.get("channel_source"), reader),
        "ids": [],
        "stages": _stages(catalog, source, data, reader),
    }
    fields: list[DatasetField] = []
    if source is not None:
        fields = _fields(source[1], data.get("ids"), reader)
        found["ids"] = [item.column for item in fields if item.role == "id"]
    if reader.errors:
        raise ValidationFailed(_("Some fields need another value."), errors=reader.errors)
    return {**values, "kind": KIND, "source": catalog.source, "definition": found}, fields


def write(dataset: Dataset) -> dict[str, Any]:
    """The definition of a model as it was given."""
    ids = [
        {"column": item.column, "id_type": item.id_type, "encryption": item.encryption, "name": item.name}
        for item in dataset.fields.all()
        if item.role == "id"
    ]
    return {
        "description": dataset.description,
        "folder": dataset.folder_id,
        "source": dataset.source,
        **dataset.definition,
        "ids": ids,
    }


def _source(catalog: WorkspaceCatalog, key: Any, reader: Reader) -> tuple[Dataset, list[DatasetField]] | None:
    try:
        row, fields = catalog.row(str(key or ""))
    except Unknown as error:
        reader.wrong("dataset", str(error) if key else _("This is needed."))
        return None
    if row.kind not in SOURCE_KINDS:
        reader.wrong("dataset", _("Choose a dataset of user tags or of behaviour."))
        return None
    return row, [item for item in fields if not item.deleted]


def _channel(source: Any, given: Any, reader: Reader) -> str | None:
    if given in (None, "") or source is None:
        return None
    row, fields = source
    if row.kind == Dataset.Kind.BEHAVIOUR:
        reader.wrong("channel", _("Behaviour brings its own channel along."))
        return None
    known = [item.column for item in fields if item.role == "tag" and item.tag_type in CHANNEL_TYPES]
    if given not in known:
        reader.wrong("channel", _("Choose a tag of the dataset that holds a text."))
        return None
    return str(given)


def _sum(source: Any, given: Any, reader: Reader) -> bool:
    if given not in (None, True, False):
        reader.wrong("sum_channels", _("Use true or false."))
    elif given and source is not None and source[0].kind == Dataset.Kind.BEHAVIOUR:
        reader.wrong("sum_channels", _("Conditions on behaviour add its records up themselves."))
    return given is True


def _label(given: Any, reader: Reader) -> str:
    label = "all" if given in (None, "") else given
    if not isinstance(label, str) or not 1 <= len(label.strip()) <= LABEL_LENGTH:
        reader.wrong("channel_source", _("Give all, online, offline or a label of at most 32 characters."))
        return ""
    return label.strip()


def id_columns(fields: list[DatasetField]) -> list[DatasetField]:
    """The columns of a dataset that may go along as other IDs: those that hold IDs there, and those that hold texts."""
    [identifier] = [item for item in fields if item.role == "identifier"]
    found = {}
    for item in fields:
        text = item.role == "object" or (item.role == "tag" and item.tag_type in CHANNEL_TYPES)
        if (item.role == "id" or text) and not item.deleted and item.column != identifier.column:
            found.setdefault(item.column, item)
            found[item.column] = item if item.role == "id" else found[item.column]
    return list(found.values())


def _fields(fields: list[DatasetField], given: Any, reader: Reader) -> list[DatasetField]:
    """The identifier, and the other IDs that go along: those of `given`, all of the dataset where nothing is said."""
    [identifier] = [item for item in fields if item.role == "identifier"]
    offered = {item.column: item for item in id_columns(fields)}
    found = [_field(identifier, "identifier", "user_unique_id", {})]
    chosen = [item.column for item in offered.values() if item.role == "id"] if given is None else given
    for index, wanted in enumerate(reader.listing(chosen, "ids")):
        path = f"ids/{index}"
        if not isinstance(wanted, str):
            wanted = reader.mapping(wanted, path, {"column", "id_type", "encryption", "name"})
        said = {"column": wanted} if isinstance(wanted, str) else wanted
        column, item = str(said.get("column") or ""), None
        if column in (identifier.column, "user_unique_id"):
            reader.wrong(path, _("The user identifier is the dataset’s; it stays what it is."))
        elif column == "stage":
            reader.wrong(path, _("Rename this column: the name has a meaning of its own."))
        elif column in [field.column for field in found]:
            reader.wrong(path, _("The column “%(name)s” is used twice.") % {"name": column})
        elif column not in offered:
            reader.wrong(path, _("Choose a column of the dataset that holds other IDs or texts."))
        else:
            item = _field(offered[column], "id", column, said)
            found.append(item)
        if item and item.id_type not in ID_TYPES:
            types = ", ".join(ID_TYPES)
            reader.wrong(f"{path}/id_type", _("Choose one of %(types)s.") % {"types": types})
        if item and item.encryption not in ENCRYPTIONS:
            types = ", ".join(ENCRYPTIONS)
            reader.wrong(f"{path}/encryption", _("Choose one of %(types)s.") % {"types": types})
    return found


def _field(item: DatasetField, role: str, column: str, said: dict[str, Any]) -> DatasetField:
    """A field of the model: as in the dataset, where nothing else is said."""
    return DatasetField(
        column=column,
        role=role,
        name=str(said.get("name") or item.name)[:64],
        id_type=str(said.get("id_type") or item.id_type)[:16],
        encryption=str(said.get("encryption") or item.encryption)[:8],
    )


def _stages(
    catalog: WorkspaceCatalog, source: Any, data: dict[str, Any], reader: Reader
) -> dict[str, dict[str, Any]]:
    given = reader.mapping(data.get("stages") or {}, "stages", set(STAGES))
    found = {}
    for stage in STAGES:
        path = f"stages/{stage}"
        item = reader.mapping(given.get(stage) or {}, path, {"channels", "rule"})
        channels = _channels(source, data.get("channel"), item.get("channels"), f"{path}/channels", reader)
        found[stage] = {
            "channels": channels,
            "rule": _rule(catalog, source, item.get("rule"), f"{path}/rule", reader),
        }
    return found


def _channels(source: Any, channel: Any, given: Any, path: str, reader: Reader) -> list[str] | None:
    if given is None or source is None:
        return None
    row, fields = source
    has_channel = bool(channel) if row.kind != "behaviour" else any(item.role == "channel" for item in fields)
    if not has_channel:
        reader.wrong(path, _("Without a channel, a stage counts all rows."))
        return None
    if not isinstance(given, list) or not all(isinstance(value, str) and value for value in given):
        reader.wrong(path, _("Give a list of channels, or null for all."))
        return None
    chosen = list(dict.fromkeys(given))
    if not 1 <= len(chosen) <= MOST_CHANNELS:
        reader.wrong(path, _("Choose 1 to %(most)d channels, or all.") % {"most": MOST_CHANNELS})
        return None
    return chosen


def _rule(catalog: WorkspaceCatalog, source: Any, given: Any, path: str, reader: Reader) -> Any:
    """A stage's rule as JSON; only conditions on the model's dataset, joined by union and intersection."""
    if given in (None, {}):
        reader.wrong(path, _("Each stage needs at least one condition."))
        return None
    try:
        rule = rules.parse_rule(given)
        if source is not None:
            _check(rule, source[0], path, reader)
            rule = rule_checks.check_data(rule, catalog)
    except rules.RuleInvalid as error:
        for below, messages in error.errors.items():
            reader.wrong(rules.join(path, below), " ".join(messages))
        return None
    except ValidationFailed as error:
        for below, messages in error.errors.items():
            reader.wrong(f"{path}{below.removeprefix('rule')}", " ".join(str(text) for text in messages))
        return None
    return rules.to_json(rule)


def _check(rule: rules.Rule, source: Dataset, path: str, reader: Reader) -> None:
    wanted = "behaviour" if source.kind == "behaviour" else "tag"
    for below, node in rules.nodes(rule):
        where = rules.join(path, below)
        if isinstance(node, rules.Group):
            if node.op == "subtract":
                reader.wrong(f"{where}/op", _("Stages join their conditions by union and intersect only."))
        elif node.kind != wanted:
            message = _("Of this dataset, only conditions of the kind “%(kind)s” can be asked.")
            reader.wrong(f"{where}/kind", message % {"kind": wanted})
        elif node.map is not None:
            reader.wrong(f"{where}/map", _("Stages know their users by the dataset's identifier."))
        elif node.dataset != source.pk:
            reader.wrong(f"{where}/dataset", _("All conditions of a model are about its one dataset."))
