"""Shipping labels: the text that is printed and stuck on a parcel."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import shorten

# What the label printer in the warehouse can print.
LABEL_WIDTH = 32
LABEL_LINES = 8

COUNTRY_NAMES = {"DE": "GERMANY", "FR": "FRANCE", "GB": "UNITED KINGDOM", "US": "UNITED STATES"}


@dataclass(frozen=True)
class Parcel:
    reference: str
    weight_in_grams: int
    address: Mapping[str, str | None]


def postcode_line(address: Mapping[str, str | None]) -> str:
    """Postcode and city, in the order that the country's post expects."""
    postcode = address["postcode"].strip().upper()
    city = address["city"].strip()
    if address["country"] in ("GB", "US"):
        return f"{city} {postcode}"
    return f"{postcode} {city}"


def address_lines(address: Mapping[str, str | None]) -> list[str]:
    """The lines of an address in the order in which they are printed."""
    name = address["name"].strip()
    street = address["line1"].strip()
    addition = address.get("line2", "").strip()
    country = COUNTRY_NAMES.get(address["country"], address["country"])
    lines = [name, street, addition, postcode_line(address), country]
    return [line for line in lines if line]


def weight_line(weight_in_grams: int) -> str:
    """The weight as the carrier wants it: kilograms, rounded up to a tenth."""
    tenths = -(-weight_in_grams // 100)
    return f"{tenths // 10}.{tenths % 10} kg"


def fit(line: str) -> str:
    """The line, cut at a word so that the printer does not wrap it."""
    return shorten(line, width=LABEL_WIDTH, placeholder="...")


def render_label(parcel: Parcel) -> str:
    """The whole label as text, one printed line a line."""
    lines = [fit(line) for line in address_lines(parcel.address)]
    lines.append("-" * LABEL_WIDTH)
    lines.append(f"{parcel.reference}  {weight_line(parcel.weight_in_grams)}")
    if len(lines) > LABEL_LINES:
        raise ValueError(f"label of {parcel.reference} has {len(lines)} lines")
    return "\n".join(lines) + "\n"
