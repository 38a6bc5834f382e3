"""What a User-Agent header says: machine or person, kind of device, operating system."""

from __future__ import annotations

import re
from dataclasses import dataclass

from marketing.links.models import LinkClick

_MACHINES = re.compile(
    r"bot\b|crawler|spider|preview|scanner|proofpoint|mimecast|barracuda|safelinks|symantec|curl|wget|"
    r"python-requests|facebookexternalhit|whatsapp/|httpclient|okhttp|go-http",
    re.IGNORECASE,
)
_SYSTEMS = (
    ("HarmonyOS", r"HarmonyOS|OpenHarmony"),
    ("iOS", r"iPhone|iPad|iPod"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("Linux", r"Linux|X11"),
)
_TABLET = re.compile(r"iPad|Tablet|PlayBook|Kindle|Silk/", re.IGNORECASE)
_PHONE = re.compile(r"iPhone|iPod|Mobile|Phone", re.IGNORECASE)
_COMPUTERS = ("Windows", "macOS", "Linux")


@dataclass(frozen=True)
class Agent:
    """`system` is "" where it is not known."""

    device: LinkClick.Device
    system: str


def is_machine(user_agent: str, method: str = "GET") -> bool:
    """Whether this was no person: programs that look at links before people do, and everything that asks by HEAD."""
    return method == "HEAD" or not user_agent or bool(_MACHINES.search(user_agent))


def read(user_agent: str) -> Agent:
    system = next((name for name, pattern in _SYSTEMS if re.search(pattern, user_agent)), "")
    # Android tablets leave out "Mobile", which Android phones have.
    if _TABLET.search(user_agent) or (system == "Android" and not _PHONE.search(user_agent)):
        return Agent(LinkClick.Device.TABLET, system)
    if _PHONE.search(user_agent):
        return Agent(LinkClick.Device.PHONE, system)
    return Agent(LinkClick.Device.COMPUTER if system in _COMPUTERS else LinkClick.Device.OTHER, system)
