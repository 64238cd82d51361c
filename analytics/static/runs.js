// The run under way: asks how far it is every second, and shows the page again when it begins and when it is over.
"use strict";

const LOOK_MS = 1000;
const card = document.querySelector("[data-run]");

async function look() {
  let run = null;
  try {
    const answer = await fetch(`/v1/scoring-runs/${card.dataset.run}`, { headers: { Accept: "application/json" } });
    if (answer.ok) run = await answer.json();
  } catch { /* the network comes back */ }
  if (run) {
    card.querySelector("progress").value = run.progress;
    card.querySelector("[data-percent]").textContent = `${run.progress} %`;
    const words = card.querySelector(`template[data-step="${run.step}"]`);
    if (words) card.querySelector("[data-words]").textContent = words.content.textContent;
    const shown = run.state === card.dataset.state && String(run.waiting) === card.dataset.waiting;
    if (!shown && !window.regulars.isLeaving()) { location.reload(); return; }
  }
  setTimeout(look, LOOK_MS);
}

if (card) setTimeout(look, LOOK_MS);
