"""Let somebody in who has lost both phone and recovery codes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from admin_center.members import totp
from admin_center.members.backends import find_user


class Command(BaseCommand):
    help = "Switches a person's two-step sign-in off. Make sure first that it is really them who ask."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="user name or e-mail address")

    def handle(self, *args: Any, **options: Any) -> None:
        user = find_user(options["username"])
        if user is None:
            raise CommandError(f"There is nobody of the name {options['username']!r}.")
        if not user.uses_totp:
            raise CommandError(f"{user.username} does not use two-step sign-in.")
        totp.disable(user)
        self.stdout.write(f"{user.username} now signs in with the password alone.")
