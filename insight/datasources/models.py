"""Tables of the built-in data source, uploads on their way to become one, and databases outside."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, TimeStamped, Versioned, WorkspaceScoped
from cdp.crypto.at_rest import EncryptedTextField

LAKE = "lake"
"""The ID of the built-in data source."""


class SourceTable(WorkspaceScoped, TimeStamped):
    """A table that datasets can be made of. `lake_table` is its current version's name in the lake."""

    class State(models.TextChoices):
        IMPORTING = "importing", _("Importing")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    id = PrefixedIdField("tbl")
    name = models.CharField(_("name"), max_length=64)
    description = models.CharField(_("description"), max_length=500, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.IMPORTING)
    error = models.TextField(blank=True)
    lake_table = models.CharField(max_length=100, blank=True)
    columns = models.JSONField(default=list, help_text='[{"name", "type", "nullable"}]')
    rows = models.BigIntegerField(_("rows"), null=True)
    bytes = models.BigIntegerField(_("size"), null=True)
    report = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)
    loaded_at = models.DateTimeField(_("loaded"), null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("table")
        ordering = ["-updated_at"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="source_table_name_unique")]

    def __str__(self) -> str:
        return self.name

    def column_type(self, name: str) -> str | None:
        """The type of a column (text, integer, number, boolean, date, datetime); None where there is none."""
        return next((column["type"] for column in self.columns if column["name"] == name), None)

    @property
    def bad_rows_path(self) -> Path:
        """Where the refused lines of the last import lie as CSV, if there were any."""
        return Path(settings.UPLOAD_PATH) / "bad-rows" / f"{self.pk}.csv"

    def lake_table_of(self, version: int) -> str:
        return f"src_{self.pk}_v{version}"


def uploads_folder() -> Path:
    """Where files lie until they have been imported."""
    folder = Path(settings.UPLOAD_PATH) / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Upload(WorkspaceScoped):
    """A file that a person has sent: kept until it has been imported or a day has passed."""

    id = PrefixedIdField("upl")
    path = models.CharField(max_length=500)
    file_name = models.CharField(max_length=255)
    bytes = models.BigIntegerField()
    options = models.JSONField(default=dict)
    preview = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("upload")


class Connection(WorkspaceScoped, TimeStamped, Versioned):
    """A database outside of the lake, whose tables can be copied into it. Saved only after a passed test.

    It belongs to a workspace, or to an organization, which shares its tables with workspaces by grants. Nothing of an
    organization is found by `in_workspace` or `get_in`: see `organization.grants.sources_seen_in`.
    With `push_down`, datasets and audiences may also live in it; that needs an account that may write (`write_back`).
    """

    class Kind(models.TextChoices):
        POSTGRESQL = "postgresql", "PostgreSQL"
        MYSQL = "mysql", "MySQL"

    class Tls(models.TextChoices):
        DISABLE = "disable", _("Never encrypt")
        PREFER = "prefer", _("Encrypt if the server can")
        REQUIRE = "require", _("Always encrypt")
        VERIFY = "verify", _("Always encrypt, and check the server's certificate")

    id = PrefixedIdField("src")
    workspace = models.ForeignKey(
        "organizations.Workspace",
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        verbose_name=_("workspace"),
    )
    organization = models.ForeignKey(
        "organizations.Organization",
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        verbose_name=_("organization"),
    )
    name = models.CharField(_("name"), max_length=64)
    region = models.CharField(_("region"), max_length=64, blank=True)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    host = models.CharField(_("address"), max_length=253)
    port = models.PositiveIntegerField(_("port"))
    database = models.CharField(_("database"), max_length=128)
    schema = models.CharField(_("schema"), max_length=63, blank=True)
    account = models.CharField(_("account"), max_length=128)
    password = EncryptedTextField(_("password"), blank=True)
    tls = models.CharField(_("encryption"), max_length=8, choices=Tls, default=Tls.PREFER)
    write_back = models.BooleanField(
        default=False, help_text="What the last test found: it may create tables."
    )
    push_down = models.BooleanField(_("datasets may live here"), default=False)
    server_version = models.CharField(max_length=100, blank=True)
    tested_at = models.DateTimeField(_("tested"), null=True)
    failing_since = models.DateTimeField(_("failing since"), null=True)
    failure = models.TextField(_("failure"), blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("data source")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="connection_name_unique"),
            models.UniqueConstraint(
                fields=["organization", "name"], name="connection_organization_name_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(workspace__isnull=False) ^ models.Q(organization__isnull=False),
                name="connection_one_owner",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_shared(self) -> bool:
        """Whether it belongs to an organization."""
        return self.organization_id is not None

    @property
    def capabilities(self) -> list[str]:
        """What the source can be used for: `ingest`, `write_back`, `push_down`."""
        found = [name for name in ("write_back", "push_down") if getattr(self, name)]
        return ["ingest", *found]

    @property
    def place(self) -> str:
        """Where tables are looked for: the schema of PostgreSQL, the database of MySQL."""
        return self.schema if self.kind == self.Kind.POSTGRESQL else self.database

    @property
    def address(self) -> str:
        """Where it is, in one line."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}/{self.database}"


class Feed(WorkspaceScoped):
    """Says that a table of the lake is copied from a table of a source, how, and how far that has got.

    `columns` are the ones that are copied, [] for all. `known` are those of the last copy with their types:
    [{"name", "type", "declared"}]. `cursor_value` is the greatest value of the cursor column so far, as text; empty
    where the next copy is a whole one. `granted` is the fingerprint of the grants that the last copy obeyed.
    """

    class Mode(models.TextChoices):
        FULL = "full", _("The whole table")
        INCREMENTAL = "incremental", _("What is new")

    table = models.OneToOneField(SourceTable, on_delete=models.CASCADE, primary_key=True, related_name="feed")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="feeds")
    remote = models.CharField(max_length=128)
    columns = models.JSONField(default=list)
    known = models.JSONField(default=list)
    mode = models.CharField(max_length=12, choices=Mode, default=Mode.FULL)
    cursor = models.CharField(max_length=128, blank=True)
    key = models.CharField(max_length=128, blank=True)
    cursor_value = models.CharField(max_length=100, blank=True)
    refresh = models.JSONField(default=dict)
    next_copy_at = models.DateTimeField(null=True, db_index=True)
    copied_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    granted = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("feed")

    def __str__(self) -> str:
        return f"{self.remote} → {self.table}"


class TableGrant(WorkspaceScoped, TimeStamped):
    """Shares a table of an organization's source with a workspace; no name means every table, also those to come.

    `warned` are the days before its end of which the workspace has been told already.
    """

    id = PrefixedIdField("tgr")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="table_grants")
    remote = models.CharField(_("table"), max_length=128, blank=True)
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    warned = models.PositiveSmallIntegerField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("table grant")
        constraints = [
            models.UniqueConstraint(fields=["connection", "workspace", "remote"], name="table_grant_once")
        ]

    def __str__(self) -> str:
        return f"{self.remote or '*'} → {self.workspace}"


class TableControl(models.Model):
    """That a table of an organization's source is shared by rows or by columns, the same way for all workspaces.

    `fields` are the columns whose values decide about rows, [] where rows are not controlled. `known_columns` are the
    ones that the table had when somebody was last told about new ones.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="table_controls")
    remote = models.CharField(_("table"), max_length=128)
    fields = models.JSONField(default=list)
    by_columns = models.BooleanField(default=False)
    known_columns = models.JSONField(default=list)

    class Meta:
        verbose_name = _("table control")
        constraints = [models.UniqueConstraint(fields=["connection", "remote"], name="table_control_once")]

    def __str__(self) -> str:
        return self.remote


class RowGrant(WorkspaceScoped):
    """A value of a controlled field whose rows a workspace gets; `every` means all values, also those to come."""

    control = models.ForeignKey(TableControl, on_delete=models.CASCADE, related_name="row_grants")
    field = models.CharField(max_length=128)
    value = models.TextField(blank=True)
    every = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("row grant")
        constraints = [
            models.UniqueConstraint(
                fields=["control", "workspace", "field", "value", "every"], name="row_grant_once"
            )
        ]


class ColumnGrant(WorkspaceScoped):
    """A column that a workspace gets of a table that is shared by columns."""

    control = models.ForeignKey(TableControl, on_delete=models.CASCADE, related_name="column_grants")
    name = models.CharField(max_length=128)

    class Meta:
        verbose_name = _("column grant")
        constraints = [
            models.UniqueConstraint(fields=["control", "workspace", "name"], name="column_grant_once")
        ]
