"""Templates: for each kind of table the columns that a dataset is made of, with a few rows, as CSV to download."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from cdp.core.errors import NotFound
from insight.datasets.models import Dataset


@dataclass(frozen=True)
class Template:
    """`kind` is the kind of dataset that the wizard makes of such a table."""

    key: str
    kind: str
    label: Any
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def csv(self) -> bytes:
        """UTF-8 with a byte order mark, by which spreadsheets know it."""
        out = io.StringIO(newline="")
        csv.writer(out).writerows([self.columns, *self.rows])
        return out.getvalue().encode("utf-8-sig")

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "kind": str(self.kind),
            "label": str(self.label),
            "columns": list(self.columns),
        }


def answer(key: str) -> HttpResponse:
    """The file of a template. Raises NotFound."""
    template = TEMPLATES.get(key)
    if template is None:
        raise NotFound(_("There is no such template."))
    headers = {"Content-Disposition": f'attachment; filename="{template.key}.csv"'}
    return HttpResponse(template.csv(), content_type="text/csv; charset=utf-8", headers=headers)


def _rows(text: str) -> list[list[str]]:
    return [line.strip().split(",") for line in text.strip().splitlines()]


TEMPLATES = {
    item.key: item
    for item in (
        Template(
            "user_tags",
            Dataset.Kind.USER_TAGS,
            _("User tags"),
            (
                "user_id",
                "user_id_2",
                "user_id_3",
                "gender",
                "choco_pref_90d",
                "register_time",
                "age",
                "amount_30d",
            ),
            _rows(
                """a0001,b0001,c0001,男,0.8,2018/10/21,23,30
                a0002,b0002,c0002,女,0.5,2018/10/21,52,50"""
            ),
        ),
        Template(
            "item_tags",
            Dataset.Kind.ITEM_TAGS,
            _("Item tags"),
            (
                "item_id",
                "item_name",
                "spec",
                "buy_threshold",
                "on_shelf_time",
                "season",
                "price",
                "profit_rate",
            ),
            _rows(
                """A0001,XXX夹克,均码,非会员,2021/01/20,春夏,1000,0.50
                A0002,XXX外套,S/M/L,会员,2021/01/20,冬,2000,0.30"""
            ),
        ),
        Template(
            "rfm_customers",
            Dataset.Kind.RFM,
            _("RFM model: one row per customer"),
            ("user_id", "last_buy_time", "total_amount", "total_count", "user_id_2", "user_id_3"),
            _rows(
                """a0001,2019/8/23 12:36:54,345.55,2,b0001,c0001
                a0002,2018/7/12 15:36:54,356.1,1,b0002,c0001"""
            ),
        ),
        Template(
            "rfm_transactions",
            Dataset.Kind.RFM,
            _("RFM model: one row per order"),
            ("order_id", "user_id", "trade_time", "trade_amount", "user_id_2", "user_id_3"),
            _rows(
                """x1,a0001,2019/6/24 12:56:54,124,b0001,c0001
                x2,a0002,2019/8/23 12:36:54,222.55,b0002,c0002
                x3,a0003,2018/7/12 16:36:54,356.1,b0003,c0003"""
            ),
        ),
        Template(
            "aipl_customers",
            Dataset.Kind.USER_TAGS,
            _("AIPL model: one row per customer and channel"),
            (
                "user_id",
                "user_id_2",
                "channel",
                "register_time",
                "amount_90d",
                "login_90d",
                "fav_90d",
                "buy_90d",
            ),
            _rows(
                """a0001,b0001,小程序,2020/10/10,500,1,2,1
                a0002,b0002,app,2020/10/20,3000,3,5,2
                a0003,b0003,官网,2021/10/30,0,1,0,0"""
            ),
        ),
        Template(
            "behaviour",
            Dataset.Kind.BEHAVIOUR,
            _("Behaviour: one row per event and object"),
            (
                *("user_id", "user_id_2", "user_id_3", "behavior_type", "behavior_time", "behavior_count"),
                *("behavior_amount", "channel", "object_attr", "object_value", "object_value_id"),
            ),
            _rows(
                """a0001,b0001,c0001,购买,2021-01-01 10:00:01,1,1000,门店1,商品,商品A,A0001
                a0002,b0002,c0002,购买,2021-01-01 10:01:01,1,2000,小程序,商品,商品B,A0002
                a0003,b0003,c0003,购买,2021-01-01 10:02:01,1,2000,官网,商品,商品B,A0002
                a0004,b0004,c0004,购买,2021-01-01 10:03:01,1,3000,app,商品,商品C,A0003"""
            ),
        ),
    )
}
