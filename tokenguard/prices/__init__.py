"""Prices: what calls cost, and what they may cost at most. Pure: whoever calls reads the catalogue's bytes.

Unknown is never zero. What is listed costs what the list says; what is not (a model, tier, fee, rate) has no `cost`,
but a `bound` that errs upwards and says why. `charge` takes whichever of the two there is. `adapt` puts a user's own
prices on top of the list.
"""

from __future__ import annotations

from tokenguard.prices.catalogue import Catalogue, decode
from tokenguard.prices.charge import bound, charge, cost, nanos_of
from tokenguard.prices.many import Many
from tokenguard.prices.overrides import adapt
from tokenguard.prices.own import Override
from tokenguard.prices.reserve import Rates, dearest

__all__ = [
    "Catalogue",
    "Many",
    "Override",
    "Rates",
    "adapt",
    "bound",
    "charge",
    "cost",
    "dearest",
    "decode",
    "nanos_of",
]
