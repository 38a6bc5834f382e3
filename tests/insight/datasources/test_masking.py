"""Samples of tables hide whom their rows are about."""

from __future__ import annotations

import pytest

from insight.datasources.queries import looks_personal, profile, sample
from tests.insight.datasources.test_importing import RunJobs, Tables


@pytest.mark.parametrize(
    "name", ["member_id", "Phone", "user_no", "openid", "手机号码", "会员编号", "e_mail"]
)
def test_names_that_identify_people(name: str) -> None:
    assert looks_personal(name)


@pytest.mark.parametrize(
    ("values", "personal"),
    [
        (["13800138000", "+86 13900139000", None], True),
        (["ann@x.example", "ben@x.example", "none"], True),
        (["ann@x.example", "none", "none"], False),
        ([20260102, 20260103], False),
        (["12.50", "380.00"], False),
        ([None, ""], False),
        ([], False),
    ],
)
def test_values_that_are_contacts(values: list[object], personal: bool) -> None:
    assert looks_personal("kontakt", values) is personal


def test_a_sample_masks_contacts_whatever_their_column_is_called(run_jobs: RunJobs) -> None:
    table = Tables(run_jobs).send("kontakt,stadt\n13800138000,Köln\n13900139001,Bonn\n")
    rows = sample(table)["rows"]
    assert {row["stadt"] for row in rows} == {"Köln", "Bonn"}
    assert "13800138000" not in str(rows) and "13800138000" not in str(profile(table))
    assert "13800138000" in str(sample(table, clear=True)["rows"])


def test_a_single_contact_among_other_values_is_masked_too(run_jobs: RunJobs) -> None:
    rows = "".join(f"{value},x\n" for value in ("none", "a note", "ann@x.example", "zzz"))
    table = Tables(run_jobs).send("remark,b\n" + rows)
    shown = [row["remark"] for row in sample(table)["rows"]]
    assert {"none", "a note", "zzz"} < set(shown) and "ann@x.example" not in shown
    extremes = Tables(run_jobs).send("remark,b\nann@x.example,x\nzzz,x\nzzz,x\n", name="u")
    assert "ann@x.example" not in str(profile(extremes)) and "zzz" in str(profile(extremes))
