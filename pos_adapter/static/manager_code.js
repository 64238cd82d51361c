"use strict";
// The code is on this page only, and only as long as it is good.

const form = document.getElementById("code");
const left = document.querySelector("[data-left]");
let ticking = 0;

function show(told) {
  document.querySelector("[data-staff]").textContent = told.staff;
  document.querySelector("[data-digits]").textContent = told.code;
  document.querySelector("[data-code]").hidden = false;
  // Counted on this machine from now: its clock may be wrong.
  const until = performance.now() + 5 * 60 * 1000;
  clearInterval(ticking);
  const tick = () => {
    const seconds = Math.ceil((until - performance.now()) / 1000);
    if (seconds <= 0) {
      clearInterval(ticking);
      document.querySelector("[data-code]").hidden = true;
      left.textContent = left.dataset.over;
      return;
    }
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    left.textContent = left.dataset.words.replace("{time}", time);
  };
  tick();
  ticking = setInterval(tick, 1000);
}

form.addEventListener("answered", (event) => {
  if (!event.detail.body?.code) return;
  event.preventDefault();
  show(event.detail.body);
});
