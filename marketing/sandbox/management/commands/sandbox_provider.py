"""`manage.py sandbox_provider`: the message platform to try things on."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketing.sandbox.options import Options
from marketing.sandbox.provider import SandboxProvider


class Command(BaseCommand):
    help = (
        "Runs a message platform that takes mail (SMTP), SMS (HTTP contract), webhooks and push messages (U-Push, FCM, "
        "APNs, browsers), and shows them in an inbox."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        default = Options()
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--http-port", type=int, default=8025)
        parser.add_argument("--smtp-port", type=int, default=2525)
        parser.add_argument("--apns-port", type=int, default=8026, help="for Apple's push service (HTTP/2)")
        where = parser.add_mutually_exclusive_group()
        where.add_argument(
            "--data", type=Path, default=settings.DATA / "sandbox", help="folder of the messages"
        )
        where.add_argument("--memory", action="store_true", help="keep the messages in memory only")
        parser.add_argument("--platform-name", default=default.platform_name, help="platformName in answers")
        parser.add_argument("--token", default="", help="bearer token that contract calls must carry")
        parser.add_argument(
            "--auth-header", default="", help="header that carries the token instead of Authorization"
        )
        parser.add_argument(
            "--signing-key", default="", help="key that contract calls must be signed with (HMAC)"
        )
        parser.add_argument(
            "--push-secret", default=default.push_secret, help="secret that push calls are signed with"
        )
        parser.add_argument(
            "--access-key-id", default=default.access_key_id, help="key of the Alibaba Cloud account"
        )
        parser.add_argument(
            "--access-key-secret", default=default.access_key_secret, help="what its calls are signed with"
        )
        parser.add_argument("--umeng-key", default=default.umeng_key, help="key of the Umeng account")
        parser.add_argument(
            "--umeng-secret", default=default.umeng_secret, help="what calls for its apps are signed with"
        )
        parser.add_argument("--umeng-more-apps", type=int, default=0, help="apps besides its usual ones")
        parser.add_argument("--senders", default="", help="sender addresses to list, separated by commas")
        parser.add_argument(
            "--webhook-key",
            default=default.webhook_key,
            help="key that the own system's calls are signed with",
        )
        parser.add_argument("--results-url", default="", help="where the own system reports results to")
        parser.add_argument("--callback-secret", default="", help="what pushed replies are signed with")
        parser.add_argument("--smtp-user", default="", help="with it, mail is taken only after signing in")
        parser.add_argument("--smtp-password", default="")
        parser.add_argument("--callback-url", default="", help="where receipts and replies are pushed to")
        parser.add_argument(
            "--mixed-reports", action="store_true", help="push receipts twice and in disorder"
        )
        for name, text in (
            ("receipt-seconds", "until recipients report"),
            ("late-seconds", "until late recipients report"),
            ("review-seconds", "until a template is reviewed"),
        ):
            preset = getattr(default, name.replace("-", "_"))
            parser.add_argument(f"--{name}", type=float, default=preset, help=f"seconds {text} (%(default)s)")
        parser.add_argument(
            "--kept-bodies", type=int, default=default.kept_bodies, help="mails kept with content"
        )

    def handle(self, *args: Any, **given: Any) -> None:
        options = Options(**{field.name: given[field.name] for field in fields(Options)})
        try:
            provider = SandboxProvider(
                options,
                data=None if given["memory"] else given["data"],
                host=given["host"],
                http_port=given["http_port"],
                smtp_port=given["smtp_port"],
                apns_port=given["apns_port"],
            )
        except OSError as error:
            raise CommandError(f"The sandbox cannot listen: {error}") from error
        self.stdout.write(
            f"Sandbox inbox {provider.url}/inbox/, contract {provider.url}/contract, "
            f"Alibaba Cloud {provider.url}/aliyun, push {provider.url}/upush, {provider.url}/fcm and "
            f"{provider.apns_url}, own system {provider.url}/own-system, SMTP {provider.host}:{provider.smtp_port}"
        )
        self.stdout.flush()
        asyncio.run(_serve(provider))


async def _serve(provider: SandboxProvider) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, provider.stop)
    await provider.serve()
