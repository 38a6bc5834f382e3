"""Make an API token from the command line."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from admin_center.members.backends import find_user
from admin_center.members.tokens import issue_token
from cdp.core.errors import DomainError
from cdp.core.membership import access_for


class Command(BaseCommand):
    help = "Makes an API token for a person in a workspace. The last line of output is the token."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="user name or e-mail address")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--days", type=int, default=90, help="lifetime (default: %(default)s)")
        parser.add_argument("--name", default="command line", help="what the token is for")
        parser.add_argument(
            "--scope", action="append", default=[], help="permission point it is limited to; repeatable"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = find_user(options["username"])
        if user is None:
            raise CommandError(f"There is nobody of the name {options['username']!r}.")
        try:
            access = access_for(user, options["workspace"])
            row, secret = issue_token(
                user, access.workspace, name=options["name"], days=options["days"], scopes=options["scope"]
            )
        except DomainError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"Token {row.name!r} of {user.username} for {access.workspace.slug}, until {row.expires_at:%F}:"
        )
        self.stdout.write(secret)
