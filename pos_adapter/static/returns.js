"use strict";
// A page about red tickets looks again when one of them has moved; the desk's name is remembered on this machine.

const place = document.querySelector("[data-stream]");
const STEPS = ["issued", "approved", "refunding", "refunded", "exchanged", "refused"].map((step) => `return.${step}`);

/** Whether somebody is in the middle of something that a reload would lose. */
const busy = () => document.querySelector("dialog[open], form[aria-busy]") !== null
  || (document.activeElement?.matches("input:not([type=hidden]), textarea, select") && document.activeElement.value !== "");

if (place && window.EventSource) {
  const stream = new EventSource(place.dataset.stream);
  const heard = (event) => {
    const told = JSON.parse(event.data).return;
    if ((!place.dataset.red || told.id === place.dataset.red) && !busy()) location.reload();
  };
  for (const step of STEPS) stream.addEventListener(step, heard);
  window.addEventListener("pagehide", () => stream.close());
}

for (const field of document.querySelectorAll("[data-remember]")) {
  const name = `regulars.${field.dataset.remember}`;
  if (!field.value) field.value = localStorage.getItem(name) || "";
  field.addEventListener("change", () => localStorage.setItem(name, field.value.trim()));
}
