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
    method: str, url: str, *, timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS), **options: Any
) -> requests.Response:
    """The platform's answer, whatever its status.

    Raises ProviderError: `retryable` where it was not reached, `uncertain` where the call may have arrived; neither
    where the address must not be called.
    """
    try:
        check_url(url)
    except ValidationFailed as error:
        raise ProviderError(str(error), code=error.code, retryable=error.code == "host_unknown") from error
    try:
        return requests.request(method, url, timeout=timeout, allow_redirects=False, **options)
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


def _unreachable(error: Exception, *, uncertain: bool) -> ProviderError:
    return ProviderError(
        _("The platform cannot be reached: %(error)s") % {"error": error},
        code="provider_unreachable",
        retryable=True,
        uncertain=uncertain,
    )
