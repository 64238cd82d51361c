"use strict";
// Pages about left goods: which tickets, which desk this is, printing, and looking again when something has moved.

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
  if (!field.value && opened?.store === field.dataset.desk) field.value = opened.terminal;
  field.addEventListener("change", () => {
    if (!opened) localStorage.setItem("regulars.desk", JSON.stringify({ store: field.dataset.desk, terminal: field.value.trim() }));
  });
}

document.querySelector("[data-print]")?.addEventListener("click", () => window.print());

const place = document.querySelector("[data-parcels]");
/** Whether somebody is in the middle of something that a reload would lose. */
const busy = () => document.querySelector("dialog[open], form[aria-busy]") !== null
  || document.activeElement?.matches("input:not([type=hidden]), textarea, select");
if (place && window.EventSource) {
  const stream = new EventSource(place.dataset.parcels);
  const heard = (event) => {
    const told = JSON.parse(event.data).parcel;
    const isShown = document.querySelector(`[data-shown="${told.id} ${told.state}"]`) !== null;
    if (!isShown && (!place.dataset.parcel || told.id === place.dataset.parcel) && !busy()) location.reload();
  };
  for (const step of ["lying", "collected", "sent_back"]) stream.addEventListener(`parcel.${step}`, heard);
  window.addEventListener("pagehide", () => stream.close());
}
