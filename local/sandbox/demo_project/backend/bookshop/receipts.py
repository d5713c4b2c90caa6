"""Receipts: what is printed and put into the parcel beside the books."""

from collections.abc import Mapping


def customer_lines(address: Mapping[str, str | None]) -> list[str]:
    """Who has bought something, line by line."""
    name = address["name"].strip()
    floor = address.get("line2", "").strip()
    city = address["city"].strip()
    return [line for line in [name, floor, city] if line]


def receipt_for(number: int, address: Mapping[str, str | None]) -> str:
    """The receipt of an order, as text."""
    lines = [f"Receipt {number}", *customer_lines(address)]
    return "\n".join(lines) + "\n"
