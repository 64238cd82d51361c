// The code on a member's phone: fetched anew before the one that is shown is over; and codes that count down.

const SECOND = 1000;

/** Counts a bar down; calls `over` at its end. Returns what begins it anew. */
function countdown(card, seconds, over) {
  const bar = card.querySelector("[data-left]");
  let ends = Date.now() + seconds * SECOND;
  setInterval(() => {
    const left = Math.max(0, (ends - Date.now()) / SECOND);
    bar.value = left;
    if (left === 0) over();
  }, 250);
  return () => { ends = Date.now() + seconds * SECOND; };
}

/** A member's code: a new one each time the last is over, and when the phone is looked at again. */
function rotate(box) {
  const card = box.closest(".phone-code");
  const note = card.querySelector("[data-note]");
  const words = note.textContent;
  const seconds = Number(box.dataset.seconds);
  let fetching = false;
  let again = () => {};

  async function next() {
    if (fetching || document.hidden) return;
    fetching = true;
    try {
      const answer = await fetch(box.dataset.rotating, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect" || answer.status === 401) { location.reload(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      box.innerHTML = await answer.text();
      card.classList.remove("is-over");
      note.textContent = words;
      again();
    } catch {
      card.classList.add("is-over");
      note.textContent = box.dataset.lost;
    } finally {
      // After a failure the next try is some seconds away: the network needs no hammering.
      setTimeout(() => { fetching = false; }, card.classList.contains("is-over") ? 5 * SECOND : 0);
    }
  }

  again = countdown(card, seconds, next);
  document.addEventListener("visibilitychange", next);
  navigator.wakeLock?.request("screen").catch(() => {});
}

for (const box of document.querySelectorAll("[data-rotating]")) rotate(box);
for (const card of document.querySelectorAll("[data-ends]")) {
  const note = card.querySelector("[data-note]");
  countdown(card, Number(card.dataset.ends), () => { card.classList.add("is-over"); note.textContent = note.dataset.over; });
}
for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => window.print());
