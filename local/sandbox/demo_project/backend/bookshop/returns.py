"""Returns: the slip with which a parcel comes back to the shop."""

from collections.abc import Mapping


def sender_lines(address: Mapping[str, str | None]) -> list[str]:
    """Who sends the parcel back, line by line."""
    sender = address["name"].strip().title()
    entrance = address.get("line2", "").strip()
    street = address["line1"].strip()
    return [line for line in [sender, entrance, street] if line]


def slip_for(number: int, address: Mapping[str, str | None]) -> str:
    """The slip of an order, as text."""
    lines = [f"Return of BS-{number}", *sender_lines(address)]
    return "\n".join(lines) + "\n"
