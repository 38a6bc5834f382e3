"""What other modules put on the page of a dataset, and beside its name."""

from __future__ import annotations

from cdp.console.extras import Extras

EXTRAS = Extras("dataset extra")
