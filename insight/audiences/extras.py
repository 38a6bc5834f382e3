"""What other modules put on the page of an audience, and beside its name."""

from __future__ import annotations

from cdp.console.extras import Extras

EXTRAS = Extras("audience extra")
