"use strict";
// Printing the page with everything that is folded: a day, a statement, a slip. On a phone long tables begin folded.

const isPhone = window.matchMedia("(max-width: 640px)").matches;
for (const fold of isPhone ? document.querySelectorAll("[data-phone-closed]") : []) fold.open = false;

let unfolded = [];
window.addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details.day-fold:not([open])")];
  for (const fold of unfolded) fold.open = true;
});
window.addEventListener("afterprint", () => {
  for (const fold of unfolded) fold.open = false;
  unfolded = [];
});

document.querySelector("[data-print-page]")?.addEventListener("click", () => window.print());
