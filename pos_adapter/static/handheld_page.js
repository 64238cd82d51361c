// What every part of the handheld's page is built with: its facts and words, elements, sheets, money as people read it.

export const facts = JSON.parse(document.getElementById("facts").textContent);

/** The words of that name, with {places} filled in. */
export function words(name, places = {}) {
  return (facts.words[name] ?? name).replace(/\{(\w+)\}/g, (whole, place) => places[place] ?? whole);
}

/** What a bank or wallet app said, in the reader's language; words nobody knows stay as they are. */
export const said = (text) => facts.words[`said_${text}`] ?? text;

/** What a problem says to a person: our own words for its code, else those that came with it. */
export function problemWords(problem) {
  if (!problem) return words("problem");
  const own = facts.words[`problem_${problem.code}`];
  const faults = (problem.errors || []).map((fault) => fault.detail).filter((text) => text !== problem.detail);
  return own || [problem.detail || words("problem"), ...faults].join(" · ");
}

/** An element: h("button", {class: "x", onclick: f, disabled: true}, "words", other). False and null are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const place = (id) => document.getElementById(id);

export function show(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

export const say = (message) => window.regulars.say(message);

const ICONS = {
  cross: "M6 6l12 12M18 6 6 18",
  check: "M5 12.5 10 17.5 19.5 7",
  member: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.500 20c.8-4 3.800-6 7.500-6s6.700 2 7.500 6",
  tag: "M4 4.500h7.500L20 13l-7 7-8.500-8.500L4 4.500ZM8.200 8.500v.2",
  right: "M9.500 5.500 16 12l-6.500 6.500",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Minor units as people write them; at home there is one yen sign. */
export function money(amount, currency, exponent = 2) {
  const format = new Intl.NumberFormat(facts.language === "zh" ? "zh-CN" : "en", {
    style: "currency", currency, minimumFractionDigits: exponent, maximumFractionDigits: exponent,
  });
  const text = format.format(amount / 10 ** exponent);
  return currency === facts.currency ? text.replace("CN¥", "¥") : text;
}

/** Minor units as a person would type them: 1990 -> "19.90". */
export function typed(amount, exponent = 2) {
  if (amount === null || amount === undefined) return "";
  const digits = String(amount).padStart(exponent + 1, "0");
  return exponent ? `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}` : digits;
}

export function timeOfDay(moment, timezone) {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: timezone }).format(new Date(moment));
}

export const badge = (text, kind = "") => h("span", { class: `badge ${kind}` }, text);

export function emptyState(title, how) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", {}, how));
}

let labels = 0;
/** A labelled control with a place for its fault. */
export function field(label, control, hint = "") {
  const id = `c${labels += 1}`;
  control.id = id;
  const fault = h("p", { class: "fault", id: `${id}-fault` });
  control.setAttribute("aria-describedby", `${id}-fault`);
  const whole = h("div", { class: "field" }, h("label", { for: id }, label), control, hint ? h("p", { class: "hint" }, hint) : null, fault);
  whole.tell = (text) => {
    fault.textContent = text;
    if (text) { control.setAttribute("aria-invalid", "true"); control.focus(); } else control.removeAttribute("aria-invalid");
  };
  return whole;
}

const sheets = [];

/** A sheet from the bottom edge. Returns {body, close, title}; `onScan` takes what is scanned while it is open. */
export function sheet(title, { onScan = null, onClose = null } = {}) {
  const heading = h("h2", { tabindex: "-1" }, title);
  const body = h("div", { class: "hh-sheet-body" });
  const dialog = h("dialog", { class: "dialog hh-sheet" },
    h("div", { class: "dialog-head" }, heading,
      h("button", { class: "icon-button", type: "button", "aria-label": words("close"), onclick: () => dialog.close() }, icon("cross"))),
    body);
  dialog.setAttribute("aria-label", title);
  const opened = { body, dialog, onScan, close: () => dialog.close(), title: (text) => { heading.textContent = text; } };
  dialog.addEventListener("close", () => {
    sheets.splice(sheets.indexOf(opened), 1);
    dialog.remove();
    onClose?.();
  });
  place("sheets").append(dialog);
  sheets.push(opened);
  dialog.showModal();
  heading.focus();
  return opened;
}

/** The sheet that lies open; one that is just closing is none. */
export const topSheet = () => sheets.filter((each) => each.dialog.open).at(-1) ?? null;

/** A question with two answers; true for the first. */
export function ask(question, yes, no) {
  return new Promise((resolve) => {
    let answer = false;
    const opened = sheet(question, { onClose: () => resolve(answer) });
    show(opened.body, h("div", { class: "hh-actions" },
      h("button", { class: "button danger block", type: "button", onclick: () => { answer = true; opened.close(); } }, yes),
      h("button", { class: "button block", type: "button", onclick: opened.close }, no)));
  });
}
