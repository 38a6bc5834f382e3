"""Accounts of U-Push, authorised by the keys of Umeng's open interface, which lists the account's apps.

Calls are signed: HMAC-SHA1, in capital hexadecimal digits, of the path and of all parameters sorted by name. The
interface tells an app's key, name and system; its master secret is shown on the platform's pages alone.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.accounts.types import AccountType, App, Authorised, register
from marketing.channels.base import ConfigField, ProviderError
from marketing.channels.exchange import exchange, read_json

BASE_URL = "https://gateway.open.umeng.com"
PER_PAGE, MOST_PAGES = 100, 20
_CALL = "param2/1/com.umeng.uapp/umeng.uapp.getAppList"
_SYSTEMS = {"android": "upush_android", "iphone": "upush_ios", "ipad": "upush_ios", "ios": "upush_ios"}


@register
class UPushAccountType(AccountType):
    key = "upush"
    label = gettext_lazy("U-Push")
    hint = gettext_lazy(
        "Umeng's open platform shows the API key and its secret under “API management”. The apps of the account are "
        "fetched; the master secret of each one is typed where its channel is made."
    )
    ask_point = "marketing.push.create"
    fields = (
        ConfigField("api_key", gettext_lazy("API key"), required=True),
        ConfigField("api_security", gettext_lazy("API secret"), kind="secret", required=True),
        ConfigField(
            "base_url",
            gettext_lazy("Address of the open interface"),
            kind="url",
            required=True,
            default=BASE_URL,
            help_text=gettext_lazy("Leave it as it is, unless the account uses another address of Umeng."),
        ),
    )

    def authorise(self, config: Mapping[str, Any]) -> Authorised:
        apps: list[App] = []
        for page in range(1, MOST_PAGES + 1):
            answer = _call(config, page=str(page), perPage=str(PER_PAGE))
            rows = answer.get("appInfos")
            apps += [app for row in rows if (app := _read(row))] if isinstance(rows, list) else []
            if page >= _number(answer.get("totalPage")):
                break
        return Authorised(str(config["api_key"]), tuple(apps))


def signature(secret: str, path: str, parameters: Mapping[str, str]) -> str:
    text = path + "".join(f"{name}{parameters[name]}" for name in sorted(parameters))
    return hmac.digest(secret.encode(), text.encode(), "sha1").hex().upper()


def _call(config: Mapping[str, Any], **parameters: str) -> dict[str, Any]:
    path = f"{_CALL}/{config['api_key']}"
    signed = {**parameters, "_aop_signature": signature(str(config["api_security"]), path, parameters)}
    url = f"{str(config['base_url']).rstrip('/')}/openapi/{path}"
    response = exchange("GET", url, params=signed)
    answer = read_json(response, uncertain=False)
    if response.status_code != 200 or "error_code" in answer:
        code = str(answer.get("error_code") or response.status_code)
        raise ProviderError(
            _("The platform refused: %(message)s (code %(code)s)")
            % {"message": answer.get("error_message") or response.reason, "code": code},
            code="provider_refused",
            provider_code=code,
            retryable=response.status_code == 429,
            denied=response.status_code != 429,
        )
    return answer


def _read(row: Any) -> App | None:
    if not isinstance(row, dict) or not row.get("appkey"):
        return None
    kind = _SYSTEMS.get(str(row.get("platform") or "").lower(), "")
    return App(str(row["appkey"])[:64], str(row.get("name") or row["appkey"])[:50], kind) if kind else None


def _number(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0
