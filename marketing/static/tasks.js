"use strict";
// Follow-up: steps are ticked as they are done, tasks chosen for bulk, rows added to a template.

/** Ticks are sent at once; if that fails the tick goes back and the reader is told. */
for (const list of document.querySelectorAll("[data-steps]")) {
  list.addEventListener("change", async (event) => {
    const boxes = [...list.querySelectorAll("input")];
    const done = boxes.filter((box) => box.checked).map((box) => Number(box.value));
    try {
      const answer = await window.regulars.call("PUT", list.dataset.steps, { done });
      if (answer.status >= 400) throw new Error(answer.body?.detail || "");
    } catch (error) {
      event.target.checked = !event.target.checked;
      window.regulars.say(error.message || document.body.dataset.wordsNetwork);
    }
  });
}

/** The hand-over dialog is told whose tasks it is about by the button that opened it. */
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog='hand-over']");
  if (!opener) return;
  const dialog = document.getElementById("hand-over");
  dialog.querySelector("[name=from]").value = opener.dataset.from;
  dialog.querySelector("[data-hand-over-name]").textContent = opener.dataset.name;
});

const picked = document.querySelector("[data-picked]");
if (picked) {
  const boxes = [...document.querySelectorAll("[data-pick]")];
  const count = () => {
    const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
    picked.hidden = chosen.length === 0;
    picked.querySelector("[data-picked-count]").textContent = chosen.length;
    document.querySelector("#give [name=tasks]").value = chosen.join(",");
  };
  for (const box of boxes) box.addEventListener("change", count);
  count();
}

/** Rows of a template are numbered in their names: steps.0.en, steps.1.en ... */
function renumber(rows) {
  const name = rows.dataset.rows;
  [...rows.querySelectorAll("[data-row]")].forEach((row, at) => {
    for (const control of row.querySelectorAll("[name]")) {
      control.name = control.name.replace(new RegExp(`^${name}\\.\\d+\\.`), `${name}.${at}.`);
    }
  });
}

document.addEventListener("click", (event) => {
  const adder = event.target.closest("[data-add-row]");
  if (adder) {
    const rows = document.querySelector(`[data-rows=${adder.dataset.addRow}]`);
    const row = rows.querySelector("[data-row]").cloneNode(true);
    for (const control of row.querySelectorAll("input")) {
      if (control.type === "checkbox") control.checked = false; else control.value = "";
    }
    rows.append(row);
    renumber(rows);
    row.querySelector("input").focus();
  }
  const remover = event.target.closest("[data-remove-row]");
  if (remover) {
    const rows = remover.closest("[data-rows]");
    if (rows.querySelectorAll("[data-row]").length > 1) { remover.closest("[data-row]").remove(); renumber(rows); }
  }
});
