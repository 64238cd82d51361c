"use strict";
// The page's small helpers: JSON forms with CSRF token and Idempotency-Key, dialogs, copying, confirmation, short messages.

const words = (name) => document.body.dataset[`words${name}`] || "";
const csrf = () => document.querySelector('meta[name="csrf-token"]')?.content || "";

/** A request to our own /v1. Returns {status, body}; throws TypeError when no answer came. */
async function call(method, address, body, key) {
  const headers = { Accept: "application/json", "X-CSRF-Token": csrf() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const answer = await fetch(address, {
    method,
    headers,
    credentials: "same-origin",
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  let parsed = null;
  try { parsed = text ? JSON.parse(text) : null; } catch { parsed = null; }
  return { status: answer.status, body: parsed };
}

/** A new key for one thing to be done. */
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // Outside of https (a store's own network) randomUUID is missing; random bytes are not.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** A short message that goes away by itself; `keep` shows it on the next page instead. */
function say(message, keep = false) {
  if (!message) return;
  if (keep) { sessionStorage.setItem("said", message); return; }
  const place = document.querySelector(".toasts");
  if (!place) return;
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.textContent = message;
  place.append(toast);
  setTimeout(() => toast.remove(), 5000);
}

/** "1,234.50" in a currency with two digits -> 123450; NaN if it is no amount. Done on the text: no float touches money. */
function minorUnits(text, exponent) {
  const found = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text.replace(/[\s,，]/g, "").replace(/。/g, "."));
  if (!found || (found[3] || "").length > exponent) return NaN;
  return Number(found[1] + found[2] + (found[3] || "").padEnd(exponent, "0"));
}

/** The value of one control as JSON; undefined if it is left out; NaN if it cannot be read. */
function valueOf(control) {
  const type = control.dataset.type || "";
  if (control.type === "checkbox" && type === "boolean") return control.checked;
  if (control.type === "radio" && !control.checked) return undefined;
  const text = control.value.trim();
  if (text === "") return control.dataset.empty === "null" ? null : undefined;
  if (type === "integer") return /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (type === "money") return minorUnits(text, Number(control.dataset.exponent || 2));
  if (type === "amount") {
    // Points are counted, e-coins and cash are typed as money: another field of the form says which it is.
    if (control.form.elements[control.dataset.kind].value === "points") return /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
    return minorUnits(text, Number(control.dataset.exponent || 2));
  }
  if (type === "list") return text.split(/[\s,，、]+/).filter(Boolean);
  if (type === "json") return JSON.parse(text);
  if (type === "moment") return new Date(text).toISOString();
  return text;
}

/** Sets `value` at a path such as joined.store or lines.0.amount. */
function put(target, path, value) {
  const steps = path.split(".");
  let here = target;
  steps.forEach((step, at) => {
    if (at === steps.length - 1) { here[step] = value; return; }
    here[step] ??= /^\d+$/.test(steps[at + 1]) ? [] : {};
    here = here[step];
  });
}

// A page that is being left is not shown anew for news of its own: that would take the place of where somebody goes.
// After so long it was not left after all (a download).
const LEAVING_MS = 20000;
let leftAt = -Infinity;
window.addEventListener("beforeunload", () => { leftAt = performance.now(); });
const isLeaving = () => performance.now() - leftAt < LEAVING_MS;

const controlsOf = (form) => [...form.elements].filter((c) => c.name && !c.disabled && c.type !== "submit");

function showFault(form, name, message) {
  const control = form.elements[name];
  const place = form.querySelector(`[data-fault="${CSS.escape(name)}"], #e-${CSS.escape(name)}`);
  if (!control || !place) return false;
  place.textContent = message;
  place.closest(".field")?.classList.add("has-fault");
  const first = control.length && !control.tagName ? control[0] : control;
  first.setAttribute("aria-invalid", "true");
  return first;
}

function clearFaults(form) {
  for (const field of form.querySelectorAll(".has-fault")) field.classList.remove("has-fault");
  for (const place of form.querySelectorAll(".fault")) place.textContent = "";
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  const top = form.querySelector(".form-fault");
  if (top) { top.hidden = true; top.textContent = ""; }
}

/** Shows a problem document: faults at their fields, the rest above the form. */
function showProblem(form, problem) {
  const rest = [];
  let first = null;
  for (const fault of problem?.errors || []) {
    const control = showFault(form, fault.pointer.slice(1).replaceAll("/", "."), fault.detail);
    if (control) first ||= control;
    else rest.push(fault.pointer ? `${fault.pointer.slice(1)}: ${fault.detail}` : fault.detail);
  }
  if (!first || rest.length) {
    const message = [problem?.detail || words("Failed"), ...rest].join(" ");
    const top = form.querySelector(".form-fault");
    if (top) { top.textContent = message; top.hidden = false; } else say(message);
  }
  first?.focus();
}

/** Reads a form into a JSON body; null (and faults shown) if something cannot be read. */
function bodyOf(form) {
  const body = {};
  let readable = true;
  for (const control of controlsOf(form)) {
    if (!control.checkValidity()) { showFault(form, control.name, control.validationMessage); readable = false; continue; }
    const value = valueOf(control);
    if (Number.isNaN(value)) { showFault(form, control.name, words("Amount")); readable = false; continue; }
    if (value !== undefined) put(body, control.name, value);
  }
  if (!readable) form.querySelector("[aria-invalid]")?.focus();
  return readable ? body : null;
}

const addressOf = (pattern, facts) => pattern.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(facts?.[name] ?? ""));

async function sendForm(form, submitter) {
  clearFaults(form);
  const body = bodyOf(form);
  if (body === null) return;
  if (submitter?.name) put(body, submitter.name, submitter.value);
  const asked = submitter?.dataset.confirm || form.dataset.confirm;
  if (asked && !window.confirm(asked)) return;
  // The same content keeps its key when it is sent again after a lost answer; other content is another thing to do.
  const content = JSON.stringify(body);
  if (form.dataset.keyFor !== content) { form.dataset.keyFor = content; form.dataset.key = newKey(); }
  const buttons = [...form.querySelectorAll("button")].filter((b) => !b.disabled);
  const label = submitter?.textContent;
  for (const button of buttons) button.disabled = true;
  if (submitter) submitter.textContent = words("Working");
  form.setAttribute("aria-busy", "true");
  // What is done stays "working" until the page that follows is here: a second press would do it a second time.
  let goes = false;
  try {
    const method = submitter?.dataset.method || form.dataset.method || "POST";
    const address = submitter?.dataset.action || form.dataset.action;
    const answer = await call(method, address, body, method === "POST" ? form.dataset.key : null);
    if (answer.status === 401) { goes = true; say(words("Session"), true); location.reload(); return; }
    if (answer.status >= 400) { showProblem(form, answer.body); return; }
    delete form.dataset.keyFor;
    // Pages that show the answer themselves (a new client's secret) listen for this and prevent the default.
    const event = new CustomEvent("answered", { detail: answer, bubbles: true, cancelable: true });
    if (!form.dispatchEvent(event)) return;
    goes = true;
    say(form.dataset.done, true);
    if (form.dataset.next) location.assign(addressOf(form.dataset.next, answer.body)); else location.reload();
  } catch (error) {
    goes = false;
    showProblem(form, { detail: error instanceof TypeError ? words("Network") : words("Failed") });
  } finally {
    if (!goes) {
      for (const button of buttons) button.disabled = false;
      if (submitter) submitter.textContent = label;
      form.removeAttribute("aria-busy");
    }
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-json]")) {
    event.preventDefault();
    sendForm(form, event.submitter);
  } else if (form.matches("[data-confirm]") && !window.confirm(form.dataset.confirm)) {
    event.preventDefault();
  } else if (form.matches("[data-once]")) {
    // A second tap on a slow link must not send the form twice.
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 5000);
  }
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
  const closer = event.target.closest("[data-close]");
  if (closer) closer.closest("dialog")?.close();
  const copier = event.target.closest("[data-copy]");
  if (copier) copy(copier.dataset.copy);
  if (event.target instanceof HTMLDialogElement) event.target.close();
});

async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
  } else {
    // Without https the clipboard interface is missing; the old way still works.
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say(words("Copied"));
}

// On a phone the row of tabs is wider than the screen: the current one comes into view.
document.querySelector('.tabs [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });

const said = sessionStorage.getItem("said");
if (said) { sessionStorage.removeItem("said"); say(said); }
// A page restored from the browser's memory would show a form that is still "working".
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

/** Entries of the menu that say how much waits: each address is asked once a page, and silence is no news. */
const counted = [...document.querySelectorAll("[data-count]")];
for (const address of new Set(counted.map((entry) => entry.dataset.count))) {
  call("GET", address).then((answer) => {
    const waiting = answer.status === 200 ? answer.body?.now : 0;
    for (const entry of waiting ? counted.filter((each) => each.dataset.count === address) : []) {
      const badge = document.createElement("b");
      badge.className = "waiting";
      badge.textContent = waiting > 99 ? "99+" : waiting;
      entry.append(badge);
    }
  }, () => {});
}

window.regulars = { call, isLeaving, newKey, say, showProblem, minorUnits };
