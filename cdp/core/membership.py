"""Finding a person's access to a workspace. The permissions app supplies the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cdp.core.access import Access

Resolver = Callable[..., Access]
_resolver: list[Resolver] = []


def set_resolver(resolver: Resolver) -> None:
    _resolver[:] = [resolver]


def access_for(user: Any, workspace: Any, *, token: Any = None) -> Access:
    """The access of `user` to a workspace (object or slug); a token can only narrow it.

    Raises NotFound where the person is no member, so that nobody learns which workspaces exist.
    """
    return _resolver[0](user, workspace, token=token)
