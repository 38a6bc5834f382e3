"""The part of Umeng's open interface that Tideline speaks: the list of an account's apps."""

from __future__ import annotations

import hmac
from typing import Any

from marketing.sandbox.answers import Request, Response, as_json
from marketing.sandbox.options import Options

PREFIX = "/openapi"
_CALL = "param2/1/com.umeng.uapp/umeng.uapp.getAppList"
APPS = (
    {"name": "Shop", "appkey": "sandbox-android", "platform": "android"},
    {"name": "Shop", "appkey": "sandbox-iphone", "platform": "iphone"},
    {"name": "Mini shop", "appkey": "sandbox-mini", "platform": "mini_weixin"},
)


class Umeng:
    """Answers signed calls. What is wrong with one is told with status 401, as the open interface does."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def answer(self, request: Request) -> Response:
        path = f"{_CALL}/{self.options.umeng_key}"
        if request.method != "GET" or request.path != f"{PREFIX}/{path}":
            return _refused("gw.AppKeyNotFound", "There is no such key or call.", 404)
        given = {name: value for name, value in request.query.items() if name != "_aop_signature"}
        text = path + "".join(f"{name}{given[name]}" for name in sorted(given))
        right = hmac.digest(self.options.umeng_secret.encode(), text.encode(), "sha1").hex().upper()
        if not hmac.compare_digest(request.query.get("_aop_signature", "").encode(), right.encode()):
            return _refused("gw.SignatureInvalid", "The signature is wrong.", 401)
        try:
            page, size = int(given["page"]), int(given["perPage"])
        except (KeyError, ValueError):
            return _refused("gw.ParamInvalid", "page and perPage are needed.", 400)
        apps = self._apps()
        rows = apps[(page - 1) * size : page * size]
        return as_json({"page": page, "totalPage": -(-len(apps) // size), "appInfos": rows})

    def _apps(self) -> list[dict[str, Any]]:
        """The three of a shop, and as many more as the option says."""
        more = [
            {"name": f"App {number}", "appkey": f"more-{number}", "platform": "android"}
            for number in range(self.options.umeng_more_apps)
        ]
        return [*APPS, *more]


def _refused(code: str, message: str, status: int) -> Response:
    return as_json({"error_code": code, "error_message": message}, status)
