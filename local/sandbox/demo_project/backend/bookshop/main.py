"""The API: its routes, and what they need."""

from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse
import sentry_sdk

from bookshop import __version__, auth, catalog, orders, receipts, returns, settings

SETTINGS = settings.from_environment()
ORDERS = orders.OrderBook()

if SETTINGS.sentry_dsn:
    sentry_sdk.init(
        dsn=SETTINGS.sentry_dsn,
        environment=SETTINGS.environment,
        release=f"bookshop@{__version__}",
    )

app = FastAPI(title="Bookshop", version=__version__)


@app.exception_handler(auth.NotSignedIn)
def not_signed_in(request: Request, error: auth.NotSignedIn) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=401)


def signed_in(authorization: Annotated[str, Header()] = "") -> auth.User:
    return auth.current_user(authorization, SETTINGS.token_key)


SignedIn = Annotated[auth.User, Depends(signed_in)]


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok", "version": __version__}


@app.get("/books")
def books(q: str = "") -> list[catalog.Book]:
    return catalog.search(q)


@app.post("/orders", status_code=201)
def place_order(new: orders.NewOrder, user: SignedIn) -> orders.Order:
    unknown = [isbn for isbn in new.isbns if catalog.find(isbn) is None]
    if unknown:
        raise HTTPException(422, f"not for sale here: {', '.join(unknown)}")
    return ORDERS.add(new, customer=user.name)


@app.get("/orders")
def my_orders(user: SignedIn) -> list[orders.Order]:
    return ORDERS.of(user.name)


@app.get("/orders/{number}/label", response_class=PlainTextResponse)
def order_label(number: int) -> str:
    order = ORDERS.get(number)
    if order is None:
        raise HTTPException(404, f"there is no order {number}")
    return orders.label_for(order)


@app.get("/orders/{number}/receipt", response_class=PlainTextResponse)
def order_receipt(number: int) -> str:
    order = ORDERS.get(number)
    if order is None:
        raise HTTPException(404, f"there is no order {number}")
    return receipts.receipt_for(number, order.address.model_dump())


@app.get("/orders/{number}/return", response_class=PlainTextResponse)
def return_slip(number: int) -> str:
    order = ORDERS.get(number)
    if order is None:
        raise HTTPException(404, f"there is no order {number}")
    return returns.slip_for(number, order.address.model_dump())
