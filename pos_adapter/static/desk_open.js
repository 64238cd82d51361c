"use strict";
// Which desk this browser is: remembered, and opened at once the next time.

const opening = document.querySelector("[data-open-desk]");
const REMEMBERED = "regulars.desk";
const another = new URLSearchParams(location.search).has("terminal");

if (opening) {
  const known = JSON.parse(localStorage.getItem(REMEMBERED) || "null");
  if (known && !another) location.replace(`/desk?${new URLSearchParams(known)}`);
  opening.addEventListener("submit", () => {
    const chosen = { store: opening.elements.store.value, terminal: opening.elements.terminal.value.trim() };
    localStorage.setItem(REMEMBERED, JSON.stringify(chosen));
  });
}
