"""Orders: what somebody bought, and where it goes."""

from itertools import count

from pydantic import BaseModel, Field

from bookshop import catalog
from bookshop.labels import Parcel, render_label


class Address(BaseModel):
    name: str
    line1: str
    line2: str | None = None
    postcode: str
    city: str
    country: str = Field(min_length=2, max_length=2)


class NewOrder(BaseModel):
    isbns: list[str] = Field(min_length=1, max_length=20)
    address: Address


class Order(NewOrder):
    number: int
    customer: str

    def weight_in_grams(self) -> int:
        books = [catalog.find(isbn) for isbn in self.isbns]
        return sum(book.weight_in_grams for book in books if book)


class OrderBook:
    """All orders, in memory: enough for one small shop and for its tests."""

    def __init__(self) -> None:
        self._numbers = count(1001)
        self._orders: dict[int, Order] = {}

    def add(self, new: NewOrder, customer: str) -> Order:
        order = Order(**new.model_dump(), number=next(self._numbers), customer=customer)
        self._orders[order.number] = order
        return order

    def get(self, number: int) -> Order | None:
        return self._orders.get(number)

    def of(self, customer: str) -> list[Order]:
        return [order for order in self._orders.values() if order.customer == customer]


def label_for(order: Order) -> str:
    """The label of the parcel that this order is sent in."""
    parcel = Parcel(
        reference=f"BS-{order.number}",
        weight_in_grams=order.weight_in_grams(),
        address=order.address.model_dump(),
    )
    return render_label(parcel)
