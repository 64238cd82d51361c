"use strict";
// While a template is written: how it looks to a member, by language, with parts and cost.

const template = document.getElementById("template");
const preview = document.getElementById("preview");
let asked = 0;
let waiting = null;

const valueIn = (name) => template.elements[name]?.value ?? "";

function draft() {
  const texts = {};
  for (const place of preview.querySelectorAll("[data-language]")) {
    const language = place.dataset.language;
    const body = valueIn(`texts.${language}.body`).trim();
    const subject = valueIn(`texts.${language}.subject`).trim();
    if (body) texts[language] = { body, subject: valueIn("channel") === "inbox" && subject ? subject : null };
  }
  return { channel: valueIn("channel"), message_class: valueIn("message_class"), texts };
}

function costOf(text) {
  // Thousandths of a minor unit; shown with as many digits as that needs.
  const digits = new Intl.NumberFormat("en", { style: "currency", currency: text.cost_currency }).resolvedOptions().maximumFractionDigits;
  const amount = text.cost_milli / 1000 / 10 ** digits;
  return new Intl.NumberFormat(document.documentElement.lang || "en", { style: "currency", currency: text.cost_currency, maximumFractionDigits: digits + 3 }).format(amount);
}

function show(place, text) {
  const set = (name, words) => { place.querySelector(`[data-shown="${name}"]`).textContent = words; };
  place.classList.toggle("faulty", Boolean(text?.fault));
  place.classList.toggle("nothing", !text);
  set("subject", text?.subject || "");
  set("text", text ? text.fault || text.text : preview.dataset.empty);
  set("size", text?.segments
    ? preview.dataset.parts.replace("{n}", text.segments).replace("{units}", text.units).replace("{cost}", costOf(text))
    : "");
}

async function look() {
  const turn = ++asked;
  const answer = await window.regulars.call("POST", "/v1/message-templates/preview", draft()).catch(() => null);
  if (turn !== asked || !answer || answer.status !== 200) return;
  for (const place of preview.querySelectorAll("[data-language]")) show(place, answer.body.texts[place.dataset.language]);
}

function follow() {
  for (const place of template.querySelectorAll("[data-subject]")) place.hidden = valueIn("channel") !== "inbox";
  for (const hint of template.querySelectorAll("[data-class]")) hint.hidden = hint.dataset.class !== valueIn("message_class");
  clearTimeout(waiting);
  waiting = setTimeout(look, 300);
}

if (template && preview) {
  template.addEventListener("input", follow);
  template.addEventListener("change", follow);
  follow();
}
