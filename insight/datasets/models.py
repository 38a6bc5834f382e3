"""Datasets: tables with a meaning, computed into versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from admin_center.permissions.models import ObjectGrant, granted_once, one_grantee
from cdp.core.models import (
    NestedFolder,
    PrefixedIdField,
    TimeStamped,
    Versioned,
    WorkspaceScoped,
    one_name_per_place,
)
from insight.datasets.warnings import spoken
from insight.datasources.models import SourceTable

TAG_KINDS = ("user_tags", "custom_tags")
"""Kinds of datasets that hold tags of users."""


class TagCategory(WorkspaceScoped, Versioned):
    """A heading for tags. Headings nest; `position` is the place in reading order, over the whole tree."""

    id = PrefixedIdField("cat")
    name = models.CharField(_("name"), max_length=32)
    parent = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("inside"),
    )
    position = models.PositiveIntegerField(default=0)
    path = models.CharField(
        max_length=110, default="", help_text="Names from the outermost heading to this one."
    )

    class Meta:
        verbose_name = _("category")
        ordering = ["position", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "parent", "name"], name="tag_category_name", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return self.path


class DatasetFolder(NestedFolder):
    """A folder of datasets. Folders nest."""

    id = PrefixedIdField("dfl")

    class Meta(NestedFolder.Meta):
        constraints = [one_name_per_place("dataset_folder_name")]


class Dataset(WorkspaceScoped, TimeStamped, Versioned):
    """A table and what its columns mean. `version` is the last good one; its table is `<id>_v<version>`.

    `source` says where it lives: in the lake, or in a database outside, whose table `remote` is read there.
    """

    class Kind(models.TextChoices):
        USER_TAGS = "user_tags", _("User tags")
        BEHAVIOUR = "behaviour", _("Behaviour")
        RFM = "rfm", _("RFM model")
        AIPL = "aipl", _("AIPL model")
        ITEM_TAGS = "item_tags", _("Item tags")
        CUSTOM_TAGS = "custom_tags", _("Custom tags")

    class State(models.TextChoices):
        NEW = "new", _("Not computed yet")
        RUNNING = "running", _("Being refreshed")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    id = PrefixedIdField("ds")
    name = models.CharField(_("name"), max_length=64)
    description = models.CharField(_("description"), max_length=500, blank=True)
    folder = models.ForeignKey(
        DatasetFolder,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="datasets",
        verbose_name=_("folder"),
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    source = models.CharField(_("data source"), max_length=40, default="lake")
    table = models.ForeignKey(SourceTable, on_delete=models.PROTECT, null=True, related_name="datasets")
    remote = models.CharField(
        max_length=128,
        blank=True,
        help_text="The table's name in the data source, where that is not the built-in one.",
    )
    definition: Any = models.JSONField(default=dict)
    fix_prefix = models.BooleanField(
        default=False,
        help_text=_("Take +86, 86 or 0086 off mobile numbers; without it, such numbers are invalid."),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.NEW)
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    version = models.PositiveIntegerField(default=0)
    rows = models.BigIntegerField(_("rows"), null=True)
    users = models.BigIntegerField(_("users"), null=True)
    stats: Any = models.JSONField(default=dict)
    refreshed_at = models.DateTimeField(_("refreshed"), null=True)
    refresh: Any = models.JSONField(
        default=dict,
        help_text='{"every": "off|hour|day|week|month", "at": "05:00"}, and hours, weekday or day.',
    )
    next_refresh_at = models.DateTimeField(null=True, db_index=True)
    is_default = models.BooleanField(_("default"), default=False)
    public = models.BooleanField(
        _("public"), default=False, help_text=_("Everybody in the workspace who sees datasets may use it.")
    )
    row_columns: Any = models.JSONField(
        default=list,
        help_text="Columns by whose values grants choose rows; empty: every grant sees all rows.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("dataset")
        ordering = ["-updated_at"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="dataset_name_unique"),
            models.UniqueConstraint(
                fields=["workspace", "kind"],
                condition=models.Q(is_default=True),
                name="dataset_one_default_per_kind",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def table_name(self) -> str:
        """What the table that it is made of is called where it lies; empty where it is made of none."""
        return self.remote or (self.table.name if self.table else "")

    @property
    def lake_table(self) -> str:
        """The table of the current version, in the lake or the data source that the dataset lives in."""
        return f"{self.pk}_v{self.version}"

    @property
    def tables(self) -> list[SourceTable]:
        """The tables that it is made of."""
        found = [self.table, *(join.table for join in self.joins.all())]
        return [table for table in (*found, *(row.table for row in self.dimensions.all())) if table]

    @property
    def loaded_at(self) -> datetime | None:
        """When the newest of the tables that it is made of was loaded."""
        return max((table.loaded_at for table in self.tables if table.loaded_at), default=None)

    @property
    def base_object(self) -> str:
        """The object attribute that stands for any object: the chosen one, or else the one with most values."""
        return str(self.definition.get("base_object") or self.stats.get("base_object") or "")

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What a person should know about the current version."""
        return spoken(self.stats.get("warnings", []))


class DatasetJoin(models.Model):
    """A further table of a dataset: `on` pairs columns of what is there already with columns of the table."""

    class Kind(models.TextChoices):
        LEFT = "left", _("All rows, matched or not")
        INNER = "inner", _("Only rows with a match")

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="joins")
    position = models.PositiveSmallIntegerField()
    table = models.ForeignKey(SourceTable, on_delete=models.PROTECT, null=True, related_name="joined_in")
    remote = models.CharField(
        max_length=128,
        blank=True,
        help_text="The table's name in the data source, where that is not the built-in one.",
    )
    name = models.CharField(
        max_length=64,
        default="",
        help_text="What its columns begin with; the table may be renamed, this stays.",
    )
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.LEFT)
    on: Any = models.JSONField(default=list, help_text='[{"left", "right"}], one to three')

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "table"], name="dataset_join_once"),
            models.UniqueConstraint(
                fields=["dataset", "remote"], condition=~models.Q(remote=""), name="dataset_join_remote_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} + {self.table_name}"

    @property
    def table_name(self) -> str:
        """What the table is called where it lies."""
        return self.remote or (self.table.name if self.table else "")

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(column there already, column of the joined table)."""
        return [(item["left"], item["right"]) for item in self.on]


class DatasetDimension(models.Model):
    """A table that says what the values of a column are called. `place` is the column, or type, channel, object.

    For objects in attribute and value, the table names those of one `attribute`, or has an `attribute_column`.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="dimensions")
    place = models.CharField(max_length=255)
    attribute = models.CharField(max_length=255, blank=True)
    attribute_column = models.CharField(max_length=255, blank=True)
    table = models.ForeignKey(SourceTable, on_delete=models.PROTECT, related_name="names_for")
    key = models.CharField(max_length=255)
    label = models.CharField(max_length=255)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "place", "attribute"], name="dataset_dimension_once")
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} {self.place}: {self.table_id}"


ONE, MANY = "one", "many"
"""Rows per user. One: repeated and missing identifiers end a refresh. Many: any row may satisfy a condition."""
JSON = "json"
"""In the place of a separator: the values are JSON arrays."""


def lost_reason(name: str) -> str:
    return gettext("The column of “%(tag)s” no longer exists in the source table.") % {"tag": name}


class DatasetField(models.Model):
    """A column of a dataset. `name` is what people call it."""

    class Role(models.TextChoices):
        IDENTIFIER = "identifier", _("User identifier")
        ID = "id", _("Other ID")
        TAG = "tag", _("Tag")
        TIME = "time", _("Time")
        TYPE = "type", _("Type")
        COUNT = "count", _("Times")
        AMOUNT = "amount", _("Amount")
        CHANNEL = "channel", _("Channel")
        OBJECT = "object", _("Object")
        OBJECT_KEY = "object_key", _("Object attribute")
        OBJECT_VALUE = "object_value", _("Object attribute value")
        OBJECT_VALUE_ID = "object_value_id", _("Object attribute value ID")
        ITEM = "item", _("Item ID")
        ITEM_NAME = "item_name", _("Item name")

    class TagType(models.TextChoices):
        ENUM = "enum", _("Choice")
        MULTI = "multi", _("Several values")
        TEXT = "text", _("Text")
        NUMBER = "number", _("Number")
        DATE = "date", _("Date")

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="fields")
    column = models.CharField(max_length=255)
    role = models.CharField(max_length=16, choices=Role)
    name = models.CharField(_("name"), max_length=64)
    description = models.CharField(_("description"), max_length=500, blank=True)
    tag_type = models.CharField(_("type"), max_length=8, choices=TagType, blank=True)
    separator = models.CharField(_("separator"), max_length=4, blank=True)
    id_type = models.CharField(_("ID type"), max_length=16, blank=True)
    encryption = models.CharField(_("encryption"), max_length=8, default="plain")
    category = models.ForeignKey(
        TagCategory, on_delete=models.SET_NULL, null=True, blank=True, related_name="fields"
    )
    pivot_enabled = models.BooleanField(_("use in analysis"), default=True)
    deleted = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "column", "role"], name="dataset_field_once"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def lost_reason(self) -> str:
        """What to say of a field whose column has disappeared from the source."""
        return lost_reason(self.name or self.column)


class DatasetVersion(models.Model):
    """What one refresh made. The table of an old version goes before its figures do."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    rows = models.BigIntegerField(_("rows"))
    users = models.BigIntegerField(_("users"))
    warnings: Any = models.JSONField(default=list)
    seconds = models.FloatField(_("seconds"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("dataset version")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="dataset_version_number")]

    def __str__(self) -> str:
        return f"{self.dataset_id} v{self.number}"

    @property
    def told(self) -> list[dict[str, Any]]:
        """The warnings with their sentences."""
        return spoken(self.warnings)


class TagUse(models.Model):
    """How often a person used a tag on a day of the workspace's calendar. The column outlives the fields of an edit."""

    class Kind(models.TextChoices):
        PIVOT = "pivot", _("Analysis")
        SELECTION = "selection", _("Selection")
        PUSH = "push", _("Push")

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="tag_uses")
    column = models.CharField(max_length=255)
    kind = models.CharField(max_length=9, choices=Kind)
    day = models.DateField()
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    times = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "column", "day", "kind", "person"], name="tag_use_once_a_day"
            )
        ]
        indexes = [models.Index(fields=["day"], name="tag_use_day")]

    def __str__(self) -> str:
        return f"{self.dataset_id}.{self.column} {self.day} {self.kind}: {self.times}"


class DatasetGrant(TimeStamped, ObjectGrant):
    """What a person, everybody with a role, or a user group may do with a dataset that is not theirs.

    `rows` says which rows a use grant sees where the dataset has row columns: for each of them the values; a row
    must have one of the values in every column. A column without values hides every row.
    """

    class Right(models.TextChoices):
        USE = "use", _("Use")
        MANAGE = "manage", _("Manage")

    id = PrefixedIdField("dsg")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="grants")
    right = models.CharField(_("right"), max_length=6, choices=Right, default=Right.USE)
    rows: Any = models.JSONField(default=dict)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("dataset grant")
        ordering = ["created_at"]
        constraints = [
            one_grantee("dataset_grant_one_grantee"),
            granted_once("dataset_grant_once", "dataset"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset}: {self.grantee}"
