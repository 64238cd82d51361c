"use strict";
// Printing a receipt from its page: the print is noted first, so that the next one is a copy.

document.querySelector("[data-print]")?.addEventListener("click", async (event) => {
  const button = event.currentTarget;
  const noted = await window.regulars
    .call("POST", `/v1/settlements/${button.dataset.print}/prints`, undefined, window.regulars.newKey())
    .catch(() => null);
  if (noted?.status !== 201) { window.regulars.say(noted?.body?.detail || document.body.dataset.wordsNetwork); return; }
  document.querySelector(".paper-copy")?.toggleAttribute("hidden", !noted.body.copy);
  window.addEventListener("afterprint", () => location.reload(), { once: true });
  window.print();
});
