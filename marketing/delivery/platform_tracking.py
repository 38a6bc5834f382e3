"""Opens and clicks of mails that a platform sends to many people as one text.

Where the platform fills in what each line of the recipients file carries, the text's links lead through Tideline with
`${tl_person}` in their addresses, and the line says what stands for its person. Their own texts are filled in before:
a platform never puts what people have typed into a mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.urls import reverse

from marketing.channels.base import provider_type
from marketing.channels.models import Provider
from marketing.content import mail, rendering
from marketing.delivery import tracking
from marketing.delivery.models import Recipient, SendOut, TrackedLink

SETTING = "line_links"
"""In the settings of a provider: its files may carry them. In the frozen content of a send-out: its mails have them."""
PERSON, LEAVE = "tl_person", "tl_leave"


def offered(provider: Provider) -> bool:
    """Whether the provider is a mail platform that fills in what a line carries."""
    return (
        provider.channel == Provider.Channel.EMAIL
        and not provider_type(provider).personal
        and bool(provider.config.get(SETTING))
    )


def counts(send_out: SendOut) -> bool:
    """Whether the mails of a send-out carry such links: as its content was fixed, or as it would be now."""
    if not send_out.track or not offered(send_out.provider):
        return False
    return bool(send_out.content.get(SETTING)) if send_out.content else True


def marked(html: str, workspace: str, links: Mapping[str, int]) -> str:
    """A mail's HTML whose `links` (address → number) and picture count, and whose link to leave knows its person."""
    leave = mail.leave_url(workspace)

    def address(url: str) -> str:
        if url == leave:
            return _address("unsubscribe", LEAVE)
        return _address("click-numbered", PERSON, links[url]) if url in links else url

    html = rendering.replace_links(html, address)
    return mail.append(html, f'<img src="{_address("open", PERSON)}" width="1" height="1" alt="">')


def of_batch(send_out: SendOut, content: dict[str, Any]) -> dict[str, Any]:
    """The filled content of a batch as the platform gets it."""
    if not (content.get(SETTING) and counts(send_out)):
        return {key: value for key, value in content.items() if key != SETTING}
    links = dict(TrackedLink.objects.filter(send_out=send_out).values_list("url", "number"))
    return {**content, "html": marked(str(content["html"]), send_out.workspace_id, links)}


def values(recipient: Recipient) -> dict[str, str]:
    """What a person's line of the file carries; `recipient` knows its send-out."""
    return {
        PERSON: tracking.person_token(recipient.pk, recipient.send_out_id),
        LEAVE: tracking.unsubscribe_token(recipient),
    }


def urls(workspace: str, content: dict[str, Any]) -> list[str]:
    """The links of a mail whose clicks are counted: all but the one to leave, which the text of platforms ends with."""
    leave = mail.leave_url(workspace)
    return [url for url in rendering.links(str(content.get("html", ""))) if url != leave]


def _address(name: str, variable: str, *more: Any) -> str:
    path = reverse(f"delivery-public:{name}", args=[variable, *more])
    return settings.BASE_URL + path.replace(variable, f"${{{variable}}}", 1)
