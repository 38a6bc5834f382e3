"""`manage.py demo`: further days of a demo workspace, and a column that goes and comes back."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from admin_center.members.models import User
from admin_center.organizations.models import Workspace
from admin_center.permissions.access import MemberAccess, access_for
from cdp.core.errors import DomainError
from cdp.demo import breaking, days


class Command(BaseCommand):
    help = "Changes the tables of a demo workspace and refreshes what is made of them."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True, metavar="action")
        tick = commands.add_parser("tick", help="append days behind the last one with data")
        tick.add_argument("--days", type=int, default=1, help="how many (default: 1)")
        tick.add_argument(
            "--until-yesterday", action="store_true", help="as many as are missing until yesterday"
        )
        for name, text in (
            ("break-column", "load a table without one of its columns"),
            ("mend-column", "put that column back"),
        ):
            action = commands.add_parser(name, help=text)
            action.add_argument("--table", default=breaking.TABLE)
            action.add_argument("--column", default=breaking.COLUMN)
        for action in commands.choices.values():
            action.add_argument("--workspace", default="demo", help="its short name (default: demo)")

    def handle(self, *args: Any, **options: Any) -> None:
        access = _administrator(options["workspace"])
        try:
            getattr(self, f"_{options['action'].replace('-', '_')}")(access, options)
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _tick(self, access: MemberAccess, options: dict[str, Any]) -> None:
        wanted = days.days_missing(access) if options["until_yesterday"] else options["days"]
        if options["until_yesterday"] and not wanted:
            self.stdout.write("The tables reach until yesterday already.")
            return
        done = days.tick(access, wanted)
        rows = ", ".join(f"{count} rows of {name}" for name, count in done.rows.items())
        self.stdout.write(f"Appended {rows}. The last day is {done.last}.")
        self.stdout.write(f"Refreshed {done.datasets} datasets and {done.audiences} audiences.")

    def _break_column(self, access: MemberAccess, options: dict[str, Any]) -> None:
        made = breaking.break_column(access, options["table"], options["column"])
        names = ", ".join(dataset.name for dataset in made) or "none"
        self.stdout.write(f"{options['table']} has lost {options['column']}. Refreshed datasets: {names}.")

    def _mend_column(self, access: MemberAccess, options: dict[str, Any]) -> None:
        breaking.mend_column(access, options["table"], options["column"])
        self.stdout.write(f"{options['table']} has {options['column']}.")


def _administrator(slug: str) -> MemberAccess:
    """The access of a manager of the workspace's organization."""
    workspace = Workspace.objects.select_related("organization").filter(slug=slug).first()
    if workspace is None:
        raise CommandError(f"There is no workspace “{slug}”.")
    manager = User.objects.filter(
        organization=workspace.organization, is_manager=True, is_active=True
    ).order_by("pk")
    if (first := manager.first()) is None:
        raise CommandError("The organization of this workspace has no manager.")
    return access_for(first, workspace)
