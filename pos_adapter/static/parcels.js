"use strict";
// Pages about left goods: which tickets, which desk this is, printing.

// The tickets that are ticked travel as one list; where none is, nothing is sent.
const joined = document.querySelector("[data-joined]");
const ticks = [...document.querySelectorAll("[data-join]")];
function join() {
  joined.value = ticks.filter((tick) => tick.checked && !tick.disabled).map((tick) => tick.value).join(" ");
  joined.form.querySelector("button[type=submit], button:not([type])").disabled = joined.value === "";
}
if (joined) {
  for (const tick of ticks) tick.addEventListener("change", join);
  join();
}

// The desk that this browser opened last in the store, or that was typed here.
const opened = JSON.parse(localStorage.getItem("regulars.desk") || "null");
for (const field of document.querySelectorAll("[data-desk]")) {
  if (!field.value && opened?.store === field.dataset.desk) field.defaultValue = opened.terminal;
  field.addEventListener("change", () => {
    if (!opened) localStorage.setItem("regulars.desk", JSON.stringify({ store: field.dataset.desk, terminal: field.value.trim() }));
  });
}

document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
