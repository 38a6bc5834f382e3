"""One call to a platform by HTTP, and what is known of it when no answer comes."""

from __future__ import annotations

from typing import Any

import requests
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.core.outbound import check_url
from marketing.channels.base import ProviderError

CONNECT_SECONDS, READ_SECONDS = 5, 10
NOT_SENT = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidJSONError,
)


def exchange(
    method: str,
    url: str,
    *,
    timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
    session: requests.Session | None = None,
    **options: Any,
) -> requests.Response:
    """The platform's answer, whatever its status. With `session` by one of its connections.

    Raises ProviderError: `retryable` where it was not reached, `uncertain` where the call may have arrived; neither
    where the address must not be called.
    """
    try:
        check_url(url)
    except ValidationFailed as error:
        raise ProviderError(str(error), code=error.code, retryable=error.code == "host_unknown") from error
    try:
        return (session or requests).request(method, url, timeout=timeout, allow_redirects=False, **options)
    except (requests.ConnectTimeout, requests.exceptions.SSLError) as error:
        raise _unreachable(error, uncertain=False) from error
    except requests.ReadTimeout as error:
        raise _unreachable(error, uncertain=True) from error
    except requests.ConnectionError as error:
        raise _unreachable(error, uncertain="refused" not in str(error).lower()) from error
    except NOT_SENT as error:
        raise ProviderError(_("The call could not be made: %(error)s") % {"error": error}) from error
    except requests.RequestException as error:
        # A broken answer: the call itself has arrived.
        raise _unreachable(error, uncertain=True) from error


def read_json(response: requests.Response, *, uncertain: bool) -> dict[str, Any]:
    """The object that the platform answered with.

    Raises ProviderError; `uncertain` says whether an answer that cannot be read may stand for a call that was taken.
    """
    if response.status_code >= 500:
        raise ProviderError(
            _("The platform answered with an error (%(status)d).") % {"status": response.status_code},
            code="provider_failed",
            retryable=True,
            uncertain=True,
        )
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise unreadable(response, uncertain=uncertain)
    return answer


def unreadable(response: requests.Response, *, uncertain: bool) -> ProviderError:
    """For an answer that is none."""
    return ProviderError(
        _("The platform's answer is not JSON (HTTP %(status)d).") % {"status": response.status_code},
        code="provider_answer",
        uncertain=uncertain,
    )


def _unreachable(error: Exception, *, uncertain: bool) -> ProviderError:
    return ProviderError(
        _("The platform cannot be reached: %(error)s") % {"error": error},
        code="provider_unreachable",
        retryable=True,
        uncertain=uncertain,
    )
