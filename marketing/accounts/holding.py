"""Why nothing leaves by the channel of an account's app: the account lets nobody in, or was removed."""

from __future__ import annotations

from django.utils.translation import gettext as _

from marketing.accounts.models import Account, AccountApp
from marketing.channels.health import Hold
from marketing.channels.models import Provider


def hold(provider: Provider) -> Hold | None:
    """None where nothing holds the channel back."""
    found = AccountApp.objects.filter(provider=provider.pk).select_related("account").first()
    if found is None:
        return None
    if found.account is None:
        text = _("The account “%(account)s” of this app was removed.")
        return Hold(text % {"account": found.account_name}, for_good=True)
    if found.account.state == Account.State.ERROR:
        text = _(
            "The account “%(account)s” does not let us in: %(error)s Authorise it again under “Accounts”."
        )
        return Hold(text % {"account": found.account, "error": found.account.error})
    return None
