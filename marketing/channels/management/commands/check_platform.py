"""Check whether a platform keeps the contract for SMS and e-mail."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketing.channels.conformance import Batch, Suite
from marketing.channels.contract_auth import Auth


class Command(BaseCommand):
    help = "Make the calls of the contract to a platform and say which of its rules it keeps."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "base", help="the interface's base address, such as https://mail.example.com/tideline"
        )
        parser.add_argument("--channel", choices=("email", "sms"), default="email")
        parser.add_argument("--token", default="", help="bearer token of the calls, or what --auth asks for")
        parser.add_argument(
            "--auth", choices=Auth.values, default=Auth.BEARER.value, help="how calls say who makes them"
        )
        parser.add_argument("--auth-header", default="X-Api-Key", help="name of the header (%(default)s)")
        parser.add_argument("--success", default="OK", help="the code that means success (%(default)s)")
        parser.add_argument(
            "--recipients-url", default="", help="a file with one recipient, who really gets a message"
        )
        parser.add_argument("--sender", default="", help="sender address, or signature, of that message")

    def handle(self, *args: Any, **given: Any) -> None:
        batch = Batch(given["recipients_url"], given["sender"]) if given["recipients_url"] else None
        if batch is not None and not batch.sender:
            raise CommandError("A message needs a --sender.")
        suite = Suite(
            given["base"],
            given["channel"],
            token=given["token"],
            auth=given["auth"],
            auth_header=given["auth_header"],
            success=given["success"],
            batch=batch,
        )
        broken = 0
        for finding in suite.run():
            broken += bool(finding.problem)
            mark = f"NO  {finding.rule}: {finding.problem}" if finding.problem else f"ok  {finding.rule}"
            self.stdout.write(mark)
        if broken:
            raise CommandError(f"{broken} of the rules are not kept.")
