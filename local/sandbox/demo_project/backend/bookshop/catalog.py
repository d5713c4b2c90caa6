"""The books that are for sale."""

from pydantic import BaseModel


class Book(BaseModel):
    isbn: str
    title: str
    author: str
    weight_in_grams: int


BOOKS = {
    book.isbn: book
    for book in [
        Book(isbn="9780141439518", title="Pride and Prejudice", author="Jane Austen", weight_in_grams=330),
        Book(isbn="9780141439600", title="A Tale of Two Cities", author="Charles Dickens", weight_in_grams=390),
        Book(isbn="9780142437230", title="Don Quixote", author="Miguel de Cervantes", weight_in_grams=780),
        Book(isbn="9780143039433", title="The Grapes of Wrath", author="John Steinbeck", weight_in_grams=410),
    ]
}


def find(isbn: str) -> Book | None:
    return BOOKS.get(isbn.replace("-", ""))


def search(words: str) -> list[Book]:
    """Books whose title or author has all of the words, by title."""
    wanted = words.lower().split()
    found = [
        book
        for book in BOOKS.values()
        if all(word in f"{book.title} {book.author}".lower() for word in wanted)
    ]
    return sorted(found, key=lambda book: book.title)
