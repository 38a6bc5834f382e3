"""`manage.py install`: what a new installation needs to be signed in to."""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from admin_center.members.models import User
from admin_center.members.services import create_user
from admin_center.organizations.models import Organization, Workspace
from admin_center.organizations.services import create_organization, create_workspace
from admin_center.permissions.models import ADMINISTRATOR
from admin_center.permissions.presets import ANALYST, DEVELOPER
from admin_center.permissions.services import add_member
from cdp.demo.brand_b import NAME, SLUG
from cdp.demo.retailer import PROFILES
from cdp.jobs import start_job

COLLEAGUES = {
    "ws_admin": {"demo": ADMINISTRATOR, SLUG: ADMINISTRATOR},
    "developer": {"demo": DEVELOPER, SLUG: DEVELOPER},
    "analyst": {"demo": ANALYST, SLUG: ANALYST},
}
"""Members of the demo workspaces with their roles there, and the first user's password: to see what each may do."""


class Command(BaseCommand):
    help = "Creates the organization, its workspaces and the first user; fills the demo workspace unless --empty."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--empty", action="store_true", help="no demo data")
        parser.add_argument("--profile", choices=list(PROFILES), default="demo")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if Organization.objects.exists():
            self.stdout.write("Installed already.")
            return
        organization = create_organization("Demo retail group")
        create_workspace(organization, "Start", slug="start")
        demo = create_workspace(
            organization, "Brand A", slug="demo", description="A fictional clothing retailer"
        )
        places = {"demo": demo}
        if not options["empty"]:
            text = "A brand of the same retailer, whose rows are granted by brand"
            places[SLUG] = create_workspace(organization, NAME, slug=SLUG, description=text)
        password = os.environ.get("ADMIN_PASSWORD") or secrets.token_urlsafe(12)
        admin = create_user(
            "admin", password=password, organization=organization, is_manager=True, is_superuser=True
        )
        User.objects.filter(pk=admin.pk).update(last_workspace_id=demo.pk)
        if not os.environ.get("ADMIN_PASSWORD"):
            self.stdout.write(f"The first user is admin with the password {password}")
        if not options["empty"]:
            create_user("org_admin", password=password, organization=organization, is_manager=True)
            for name, roles in COLLEAGUES.items():
                colleague = create_user(name, password=password, organization=organization)
                for slug, role in roles.items():
                    add_member(places[slug], colleague, [role])
            start_job(
                "demo.load",
                workspace=Workspace.objects.get(pk=demo.pk),
                owner=admin,
                params={"profile": options["profile"], "second": SLUG},
            )
