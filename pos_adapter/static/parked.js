"use strict";
// Says while somebody corrects a receipt whether lines less coupons and tenders agree.

const form = document.getElementById("repost");
const place = form?.querySelector("[data-sums]");

/** The sum of a group's amounts in minor units, without what is taken away; NaN if one cannot be read. */
function sumOf(group) {
  let sum = 0;
  for (const input of form.querySelectorAll(`[data-total="${group}"] [data-sum]`)) {
    const removed = input.closest(".line-card").querySelector('[name$=".remove"]')?.checked;
    if (!removed) sum += window.regulars.minorUnits(input.value.trim(), Number(input.dataset.exponent));
  }
  return sum;
}

function shown(amount) {
  const digits = Number(place.dataset.exponent);
  const text = String(Math.abs(amount)).padStart(digits + 1, "0");
  const whole = digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
  return amount < 0 ? `-${whole}` : whole;
}

function tell() {
  const lines = sumOf("lines") - sumOf("coupons");
  const tenders = sumOf("tenders");
  if (Number.isNaN(lines) || Number.isNaN(tenders)) { place.textContent = ""; return; }
  const words = lines === tenders ? place.dataset.agree : place.dataset.differ;
  place.textContent = words
    .replace("{lines}", shown(lines)).replace("{tenders}", shown(tenders)).replace("{difference}", shown(Math.abs(lines - tenders)));
  place.classList.toggle("negative", lines !== tenders);
}

if (place) {
  form.addEventListener("input", tell);
  tell();
}
