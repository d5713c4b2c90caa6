const list = document.querySelector("#books");
const search = document.querySelector("#search");

function entry(book) {
  const item = document.createElement("li");
  item.textContent = `${book.title}, ${book.author}`;
  return item;
}

async function show(words) {
  const answer = await fetch(`/books?q=${encodeURIComponent(words)}`);
  const books = await answer.json();
  list.replaceChildren(...books.map(entry));
}

search.addEventListener("input", () => show(search.value));
show("");
