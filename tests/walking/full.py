"""A workspace with one object of every kind, and which of them stands in which address."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.db import connection

from admin_center.audit.models import AuditEntry, DownloadLog
from admin_center.audit.services import log_download
from admin_center.members.models import ApiToken
from admin_center.permissions import groups as user_groups
from admin_center.permissions.models import Role
from cdp.console.models import Notification
from cdp.core import timezones
from cdp.jobs.models import Job
from insight.audiences import services, snapshots
from insight.audiences.folders import folders
from insight.campaigns import granting as campaign_granting
from insight.campaigns import links as audience_links
from insight.campaigns import services as campaigns
from insight.datasets import granting
from insight.datasets import services as datasets
from insight.datasets.folders import folders as dataset_folders
from insight.datasets.models import TagCategory
from insight.datasources import services as tables
from insight.datasources.connections import feeds
from insight.datasources.models import Connection
from insight.items import services as item_pools
from insight.omni import audiences as omni_audiences
from insight.omni import reports as omni_reports
from insight.oneid import decisions
from insight.oneid import queries as identity_queries
from insight.oneid import services as identities
from insight.pushes import interfaces
from insight.pushes.models import Push, PushInterface, PushSetting
from insight.tags import services as custom_tags
from tests.factories import make_member, make_token
from tests.insight.audiences.world import World, make_world
from tests.insight.omni import world as omni
from tests.walking import reach
from tests.walking.reach import pk

_JANUARY = "from=2026-01-01&to=2026-02-28"
_YEAR = {"starts": "2026-01-01", "ends": "2026-12-31"}


@dataclass
class Full:
    """`objects` says by the beginning of an address which object stands in it; the longest beginning counts.

    `more` are pages that a resolver cannot know: objects in another state, steps of a wizard, searches.
    """

    world: World
    objects: dict[str, dict[str, str]]
    more: list[str]

    @property
    def workspace(self) -> Any:
        return self.world.workspace


def own_database() -> dict[str, Any]:
    """The tests' own database as a source."""
    given = connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('port')")
        port = int(cursor.fetchone()[0])
    return {
        "kind": "postgresql",
        "host": "127.0.0.1",
        "port": port,
        "database": given["NAME"],
        "schema": "public",
        "account": given["USER"],
        "password": given["PASSWORD"],
    }


def _omni(access: Any, run_jobs: Any) -> tuple[Any, Any]:
    """A report and an audience of omni-domain insight, which is ready; the person manages no organization for it."""
    omni.installed(access, run_jobs)
    pushed = omni.uploaded(access, "Devices", [omni.imei(number) for number in range(60)], run_jobs)
    omni.brought_in(access, pushed, run_jobs)
    parts = {
        "parts": ["distinctive", "distribution", "cross"],
        "tags": ["sex"],
        "row": "sex",
        "column": "style",
    }
    report = omni_reports.save(access, {"name": "Features", **parts})
    groups = [{"items": [{"tag": "sex", "values": ["f"]}]}]
    made = omni_audiences.create(access, {"name": "Women here", "groups": groups})
    run_jobs()
    access.user.is_manager = False
    access.user.save(update_fields=["is_manager"])
    return report, made


def make_full(run_jobs: Any, access: Any = None) -> Full:
    """One object of every kind, made by the services where they make a difference."""
    world = make_world(access)
    access, workspace = world.access, world.workspace
    orders = world.orders
    folder = folders.create(access, "Campaigns")
    data = {"name": "Women", "rule": world.women, "save_ids": ["one_id", "mobile"], "folder": folder.pk}
    audience = services.create(access, data)
    run_jobs()
    audience.refresh_from_db()
    kept = snapshots.take(access, audience)
    upload = tables.create_upload(access, BytesIO(b"member,age\nu1,30\nu2,40\n"), "ages.csv")
    table = tables.start_import(access, upload, "ages").subject_id
    run_jobs()
    ages = datasets.create(
        access,
        {
            "name": "Ages",
            "kind": "user_tags",
            "table": "ages",
            "user_id": {"column": "member", "id_type": "one_id"},
            "tags": [{"column": "age", "name": "Age", "type": "enum"}],
            "dimensions": [{"place": "age", "table": "ages", "key": "age", "label": "member"}],
        },
    )
    datasets.refresh(access, ages)
    run_jobs()
    grant = granting.grant(access, ages, {"role": "analyst"})
    goods = datasets.create(
        access,
        {"name": "Goods", "kind": "item_tags", "table": "ages", "item_id": "member", "item_name": "member"}
        | {"tags": [{"column": "age", "name": "Age", "type": "enum"}]},
    )
    datasets.refresh(access, goods)
    run_jobs()
    old = {"kind": "tag", "dataset": goods.pk, "tag": "age", "operator": "in", "value": ["40"]}
    pool = item_pools.create(access, {"name": "Old goods", "rule": old})
    run_jobs()
    stage = {"rule": world.women, "channels": None}
    model = datasets.create(
        access,
        {
            "name": "Stages",
            "kind": "aipl",
            "dataset": world.members.pk,
            "stages": dict.fromkeys("AIPL", stage),
        },
    )
    datasets.refresh(access, model)
    run_jobs()
    report, devices = _omni(access, run_jobs)
    interface = PushInterface.objects.get(workspace=workspace, target="omni")
    value = {"value": "women", "rule": world.women}
    custom = custom_tags.create(access, {"name": "Group", "values": [value]})
    today = timezones.today(workspace)
    tables.start_import(
        access,
        tables.create_upload(access, BytesIO(f"who,day,money\nu1,{today},30\n".encode()), "sales.csv"),
        "sales",
    )
    run_jobs()
    groups = datasets.create(
        access,
        {
            "name": "Groups",
            "kind": "rfm",
            "table": "sales",
            "user_id": {"column": "who", "id_type": "one_id"},
            "input": "transactions",
            "time": "day",
            "amount": "money",
        },
    )
    datasets.refresh(access, groups)
    run_jobs()
    pushed = Push.objects.create(
        workspace=workspace, audience=audience, interface=interface, interface_name="Omni", target="omni"
    )
    PushSetting.objects.create(workspace=workspace, audience=audience, interface=interface, enabled=False)
    PushSetting.objects.create(workspace=workspace, dataset=model, interface=interface, enabled=False)
    interface_grant = interfaces.grant(access, interface, {"role": "analyst"})
    theme = campaigns.create(access, {"name": "Year", "code": "y", "is_main": True, **_YEAR})
    campaign = campaigns.create(access, {"name": "Spring", "code": "s", "parent": theme.pk, **_YEAR})
    campaign_grant = campaign_granting.grant(access, [campaign], {"role": "analyst"})[0]
    audience_links.link(access, "audience", audience, [campaign])
    source = Connection.objects.create(workspace=workspace, name="Shop", **own_database())
    brought, _job = feeds.bring_in(access, source, {"table": "django_migrations"})
    run_jobs()
    waiting = tables.create_upload(access, BytesIO(b"member,age\nu1,30\n"), "more.csv")
    owned = {"workspace": workspace}
    reached = reach.make(access, audience)
    graph = identities.update(
        access,
        {"sources": [{"kind": "dataset", "dataset": world.members.pk, "columns": ["member_no", "phone"]}]},
    )
    identities.run(access)
    run_jobs()
    graph.refresh_from_db()
    somebody = identities.look_up(access, "one_id", "u1")
    other = identity_queries.person(graph, identities.look_up(access, "one_id", "u2"))
    decision = decisions.merge(access, identity_queries.person(graph, somebody), other)
    run_jobs()
    message = Notification.objects.create(**owned, user=access.user, title="Ready", text="Done")
    category = TagCategory.objects.create(**owned, name="Taste")
    box = dataset_folders.create(access, "Box")
    member = make_member(workspace, "analyst")
    make_token(access)
    token = ApiToken.objects.filter(workspace=workspace).latest("pk")
    role = Role.objects.get(workspace=workspace, code="analyst")
    team = user_groups.create(access, "Team", [member.pk])
    entry = AuditEntry.objects.filter(workspace=workspace).latest("pk")
    job = Job.objects.filter(workspace=workspace).latest("created_at")
    log_download(access, audience, action="audience.downloaded", rows=4)
    download = DownloadLog.objects.get(workspace=workspace)

    objects = {
        **reached.objects,
        "w/jobs/": pk(job, job_id=job.pk),
        "w/messages/": pk(message),
        "w/admin/members/": pk(member),
        "w/admin/roles/": pk(role),
        "w/admin/groups/": pk(team),
        "w/admin/audit/": pk(entry),
        "w/sources/upload/": pk(waiting),
        "w/sources/databases/": pk(source, kind="postgresql"),
        "w/sources/tables/": pk(brought),
        "w/datasets/": pk(ages, grant=grant.pk, names=ages.dimensions.get().pk),
        "w/datasets/templates/": {"kind": "user_tags"},
        "w/datasets/folders/": pk(box),
        "w/datasets/categories/": pk(category),
        "w/audiences/": pk(audience, snapshot=kept.pk),
        "w/audiences/builder/": {"dataset": world.members.pk, "column": "gender"},
        "w/audiences/from-rfm/": {"dataset": orders.pk},
        "w/audiences/folders/": pk(folder),
        "w/campaigns/": pk(campaign),
        "w/aipl/": pk(model),
        "w/item-pools/": pk(pool),
        "w/item-pools/builder/": {"dataset": goods.pk, "column": "age"},
        "w/omni/reports/": pk(report),
        "w/omni/audiences/": pk(devices),
        "w/omni/tags/": pk("", column="sex"),
        "w/identities/": {"pk": decision.pk, "one_id": somebody},
        "api/identities/": {"pk": decision.pk, "one_id": somebody},
        "w/tags/": {"dataset": custom.field.dataset_id, "column": custom.field.column},
        "w/tags/custom/": pk(custom),
        "w/rfm/": pk(groups),
        "w/rfm/audience/": pk(audience),
        "w/behaviour/history/": pk(audience, number=1),
        "w/pushes/": pk(pushed),
        "w/pushes/interfaces/": pk(interface, type="kafka"),
        "w/pushes/audience/": pk(audience),
        "w/pushes/history/": pk(audience),
        "w/pushes/model/": pk(model),
        "api/jobs/": pk(job),
        "api/notifications/": pk(message),
        "api/members/": pk(member),
        "api/roles/": {"code": role.code},
        "api/user-groups/": pk(team, member=member.pk),
        "api/tokens/": pk(token),
        "api/audit-entries/": pk(entry),
        "api/downloads/": pk(download),
        "api/tables/": {"name": "ages"},
        "api/uploads/": pk(waiting),
        "api/sources/": pk(source, table="members_user"),
        "api/dataset-folders/": pk(box),
        "api/tag-categories/": pk(category),
        "api/datasets/": pk(ages, grant=grant.pk),
        "api/datasets/templates/": {"kind": "user_tags"},
        "api/datasets/{pk}/aipl/": pk(model, interface=interface.pk),
        "api/datasets/{pk}/rfm/": pk(groups),
        "api/audiences/": pk(audience, snapshot=kept.pk),
        "api/audiences/folders/": pk(folder),
        "api/audiences/{pk}/push-settings/": pk(audience, interface=interface.pk),
        "api/push-interfaces/": pk(interface, grant=interface_grant.pk),
        "api/pushes/": pk(pushed),
        "api/omni/reports/": pk(report),
        "api/omni/audiences/": pk(devices),
        "api/omni/tags/": pk("", column="sex"),
        "api/tags/": {"dataset": custom.field.dataset_id, "column": custom.field.column},
        "api/custom-tags/": pk(custom),
        "api/item-pools/": pk(pool),
        "api/campaigns/": pk(campaign, grant=campaign_grant.pk),
    }
    more = [
        "omni/?by=share",
        "omni/analysis/?tab=distribution&tag=sex",
        "omni/analysis/?tab=cross&row=sex&column=style",
        f"datasets/{world.members.pk}/",
        f"datasets/{orders.pk}/",
        f"datasets/{ages.pk}/names/new/?table=ages",
        f"sources/tables/{table}/",
        f"sources/databases/{source.pk}/table/?table=django_migrations&sample=1",
        f"sources/databases/{source.pk}/table/?table=django_migrations&profile=1",
        f"sources/databases/{source.pk}/bring-in/?table=django_migrations",
        "datasets/?tab=granted",
        "datasets/?q=nothing+has+this+name",
        *(f"datasets/new/?table=ages&kind={kind}" for kind in ("user_tags", "behaviour", "item_tags")),
        "audiences/?tab=public",
        *(f"audiences/{page}/?row={audience.pk}" for page in ("delete", "copy", "download", "use", "states")),
        f"audiences/new/?dataset={world.members.pk}",
        f"analysis/?dataset={world.members.pk}&dataset={ages.pk}",
        f"analysis/audience/?audience={audience.pk}&dataset={world.members.pk}&compare=population",
        f"analysis/audience/significance/?audience={audience.pk}&dataset={world.members.pk}",
        f"campaigns/{theme.pk}/",
        f"datasets/{model.pk}/",
        f"datasets/{custom.field.dataset_id}/",
        f"tags/of/{world.members.pk}/spend/",
        f"tags/custom/new/?dataset={world.members.pk}&tag=spend",
        f"aipl/new/?dataset={world.members.pk}",
        "aipl/new/?table=ages",
        f"rfm/?model={groups.pk}",
        f"rfm/migration/?model={groups.pk}&from=2026-01-01&to={today}",
        f"rfm/migration/audience/?model={groups.pk}&from=2026-01-01&to={today}&before=outside&after=high_value",
        f"audiences/from-rfm/{groups.pk}/?type=high_value",
        f"rfm/{groups.pk}/samples/?type=high_value",
        f"behaviour/funnel/?{_JANUARY}&type_1=visit&type_2=purchase",
        f"behaviour/funnel/audience/?{_JANUARY}&type_1=purchase&type_2=purchase&step=2&outcome=reached",
        f"behaviour/retention/?{_JANUARY}",
        f"behaviour/paths/?{_JANUARY}&start=purchase&within=60",
        f"behaviour/paths/audience/?{_JANUARY}&start=purchase&within=60&level=1&after=purchase",
        "campaigns/?year=2026",
        f"campaigns/sharing/?campaign={campaign.pk}",
        *reached.more,
    ]
    return Full(world, objects, more)
