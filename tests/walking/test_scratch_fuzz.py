from __future__ import annotations
import json, itertools
from collections import Counter
from typing import Any
import pytest
from tests.walking.full import addresses, make_full
from tests.walking.test_workspaces import api, console

NAMES = "audience dataset tag compare model date from to type before after page q search state month year period used category rule row column steps split days unit cohort offset step outcome start levels within ordering kind one_id page_timeline page_size snapshot version as_of of tab by campaign folder made format starts parent user owner mine public origin user_id_type offers is_main".split()
ODD = ["", "x", "²", "-1", "9" * 30, "2026-02-30", "0001-01-01", "9999-12-31", "a\x00b", "{}", "[1]", '{"a":1}']
PREF_W = ("w/analysis", "w/rfm", "w/behaviour", "w/aipl", "w/tags", "w/campaigns", "w/omni", "w/identities", "w/oneid", "w/audiences/overlap", "w/audiences/combine")
PREF_A = ("api/analysis", "api/tags", "api/custom-tags", "api/campaigns", "api/omni", "api/identities", "api/oneid", "api/datasets/{pk}/rfm", "api/datasets/{pk}/aipl", "api/audiences/{pk}/history")
JUNK: list[Any] = [None, True, 0, -1, 10**400, 1.5, "", "x", "²", "a\x00b", "9999-12-31", "0001-01-01", [], ["x"], [None], [[1]], [{}], {}, {"a": 1}, {"a": {"b": []}}]

@pytest.fixture
def full(run_jobs):
    return make_full(run_jobs)

def mutate(base):
    yield base
    for key in list(base):
        for junk in JUNK:
            yield {**base, key: junk}
    yield {**base, "zzz": 1}

def test_gets(full: Any) -> None:
    browser, client = console(full.world.access), api(full.world.access)
    bad = Counter(); 
    print("places", [a.place for a in addresses() if a.place.startswith(PREF_W + PREF_A)])
    for a in addresses():
        if not a.place.startswith(PREF_W + PREF_A): continue
        path = a.path(full.workspace.slug, full.objects)
        call = (client if a.is_api else browser).get
        for name in NAMES:
            for odd in ODD:
                r = call(path, {name: odd})
                if r.status_code >= 500: bad[(a.place, name, odd)] += 1
        for f, t in itertools.product(("0001-01-01","2026-01-01","9999-12-31"), repeat=2):
            for extra in ({}, {"unit": "month"}, {"unit": "week"}):
                r = call(path, {"from": f, "to": t, "date": t, **extra})
                if r.status_code >= 500: bad[(a.place, "from/to", f, t, str(extra))] += 1
    for key in bad: print("BAD", key)
    assert not bad

def test_bodies(full: Any) -> None:
    client = api(full.world.access)
    w = full.world
    o = full.objects
    aud = o["api/audiences/"]["pk"]
    rfm = o.get("api/datasets/{pk}/rfm/", {}).get("pk"); aipl = o.get("api/datasets/{pk}/aipl/", {}).get("pk")
    print(rfm, aipl, [k for k in o if k.startswith("api")])
    P = {"from": "2026-01-01", "to": "2026-06-01", "dataset": w.orders.pk, "audience": aud}
    leaf = {"kind": "tag", "dataset": w.members.pk, "tag": "gender", "operator": "in", "value": ["f"]}
    B = [
        ("post", "analysis/perspective/", {"dataset": w.members.pk, "tags": ["gender"], "audience": aud, "compare": "population", "null_filter": False, "token": "t"}),
        ("post", "analysis/pivot/", {"datasets": [{"dataset": w.members.pk, "tags": ["gender"]}], "null_filter": True}),
        ("post", "analysis/significance/", {"dataset": w.members.pk, "audience": aud, "show_all": True}),
        ("put", "analysis/orders/", {"dataset": w.members.pk, "tag": "gender", "values": ["f"]}),
        ("post", "analysis/parts/", {"audience": aud, "condition": leaf, "operator": "union"}),
        ("post", "analysis/parts/preview/", {"audience": aud, "condition": leaf, "operator": "union"}),
        ("post", "analysis/funnel/", {**P, "steps": [{"type": ["purchase"]}, {"type": ["purchase"]}], "days": 3, "split": {"dataset": w.members.pk, "tag": "gender"}}),
        ("post", "analysis/funnel/audiences/", {"query": {**P, "steps": [{"type": ["purchase"]}, {"type": ["purchase"]}], "days": 3}, "part": {"step": 1, "outcome": "reached"}, "name": "n"}),
        ("post", "analysis/retention/", {**P, "unit": "month", "first": {"type": ["purchase"]}, "return": {}}),
        ("post", "analysis/retention/audiences/", {"query": {**P, "unit": "month"}, "part": {"cohort": "2026-01-01", "offset": 0}, "name": "n"}),
        ("post", "analysis/paths/", {**P, "start": "purchase", "within": 7, "unit": "days", "levels": 3}),
        ("post", "analysis/paths/audiences/", {"query": {**P, "start": "purchase"}, "part": {"level": 1, "type": "purchase"}, "name": "n"}),
        ("post", "tags/uses/", {"dataset": w.members.pk, "tags": ["gender"]}),
        ("patch", f"tags/{w.members.pk}/gender/", {"name": "G", "category": None, "description": "d", "pivot_enabled": True}),
        ("post", "custom-tags/", {"name": "Band", "field": "band", "description": "", "category": None, "multi": False, "values": [{"value": "v", "remark": "", "rule": leaf}], "rest": "", "dataset_name": "", "folder": None}),
        ("post", "custom-tags/preview/", {"values": [{"rule": leaf}]}),
        ("post", "custom-tags/ranges/", {"dataset": w.members.pk, "tag": "spend", "bounds": [0, 100], "below": True}),
        ("post", "custom-tags/refresh/", {"tags": [o["api/custom-tags/"]["pk"]]}),
        ("post", "campaigns/", {"name": "N", "code": "cc", "is_main": False, "parent": None, "starts": "2026-01-01", "ends": "2026-02-01", "type": "", "description": "", "budget": "1.00", "budget_currency": "CNY", "goal": None, "goal_currency": "CNY"}),
        ("patch", f"campaigns/{o['api/campaigns/']['pk']}/", {"name": "N", "code": "cd", "is_main": False, "parent": None, "starts": "2026-01-01", "ends": "2026-02-01", "budget": 1, "type": "x"}),
        ("post", f"campaigns/{o['api/campaigns/']['pk']}/grants/", {"user": "nobody", "right": "use", "expires_at": None}),
        ("post", f"campaigns/{o['api/campaigns/']['pk']}/grants/", {"role": "analyst", "right": "use", "expires_at": "2030-01-01T00:00:00+08:00"}),
        ("post", "omni/analysis/", {"kind": "distribution", "tags": ["sex", "sex"], "audience": "", "compare": ""}),
        ("post", "omni/analysis/", {"kind": "cross", "row": "sex", "column": "style", "audience": ""}),
        ("post", "omni/reports/", {"name": "R", "public": False, "audience": "", "compare": "", "parts": ["distribution", "cross"], "tags": ["sex"], "row": "sex", "column": "style"}),
        ("post", "omni/audiences/", {"name": "OA", "public": False, "daily": False, "groups": [{"op": "union", "items": [{"op": "union", "tag": "sex", "values": ["f"]}]}]}),
        ("post", "omni/audiences/", {"name": "OB", "features": [{"tag": "sex", "value": "f"}], "match": "all"}),
        ("post", "omni/quota/", {"amount": 1, "valid_from": "2026-01-01", "valid_to": "2026-02-01", "note": ""}),
        ("post", "omni/pack/", {"name": "p", "licence": "", "pack": "pack", "tags": "tags", "baseline": "baseline"}),
        ("post", "audiences/overlap/", {"audiences": [aud, aud]}),
        ("patch", "identities/", {"sources": [], "limits": {"types": {"mobile": {"use": "strong", "most": 3}}, "max_ids": 5}, "refresh": {"every": "day", "at": "02:00"}}),
        ("post", "identities/people/find/", {"id_type": "mobile", "value": "13800000001"}),
        ("post", f"datasets/{rfm}/rfm/migration/audiences/", {"from": "2026-01-01", "to": "2026-02-01", "before": "outside", "after": "potential", "name": "m"}),
        ("post", f"datasets/{aipl}/aipl/days/", {"days": 2}),
    ]
    bad = Counter(); ok = {}
    full.world.access.user.is_manager = True
    full.world.access.user.organization = full.workspace.organization
    full.world.access.user.save()
    for method, path, base in B:
        for n, body in enumerate(mutate(base)):
            r = getattr(client, method)(f"/api/v1/workspaces/{full.workspace.slug}/{path}", json.dumps(body), content_type="application/json")
            if n == 0: ok[path + str(list(base)[0])] = (r.status_code, r.content[:150] if r.status_code >= 300 else b"")
            if r.status_code >= 500:
                diff = {k: v for k, v in body.items() if base.get(k) != v or k not in base}
                bad[(method, path, str(diff)[:90])] += 1
    for k, v in ok.items(): print("OK", k, v)
    for key in bad: print("BAD", key)
    assert not bad
