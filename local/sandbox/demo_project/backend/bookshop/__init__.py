"""The bookshop's API: books, orders, and the labels that go on the parcels."""

__version__ = "1.4.2"
