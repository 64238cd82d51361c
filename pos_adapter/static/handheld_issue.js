// Issuing: a basket of lines, who buys and who sells, one big button; then the number, huge, for the customer.

import { badge, emptyState, field, h, icon, money, place as at, problemWords, say, sheet, show, topSheet, typed, words } from "./handheld_page.js";
import { discountAmount, lineAmount, lineFrom, linesBody, quantityText, regularAmount, thousandths, total } from "./handheld_amounts.js";
import * as goods from "./handheld_goods.js";
import { chooseMember, memberBody, memberWords } from "./handheld_member.js";
import { call, isDone, state } from "./handheld_network.js";
import * as outbox from "./handheld_outbox.js";
import * as store from "./handheld_store.js";
import { learn, tickets } from "./handheld_live.js";

const SEARCH_AFTER_MS = 150;
const DRAFT = "basket";
const blank = () => ({ lines: [], member: null, editing: null, id: null });

let here = null;
let basket = blank();
let salesperson = null;
let pay = () => {};

const cash = (amount) => money(amount, here.sheet.store.currency, here.sheet.store.exponent);
const minor = (text) => window.regulars.minorUnits(text, here.sheet.store.exponent);

/** Begins with what was in the basket when the page was last closed. `toPay(ticket)` opens the checkout. */
export async function begin(place, toPay) {
  here = place;
  pay = toPay;
  basket = { ...blank(), ...((await store.get("kept", DRAFT)) ?? {}) };
  salesperson = (await store.get("kept", "salesperson")) ?? null;
  if (!here.sheet.salespeople.some((each) => each.code === salesperson)) salesperson = null;
  at("find").addEventListener("submit", (event) => { event.preventDefault(); scan(at("find-input").value); });
  at("find-input").addEventListener("input", searchSoon);
  at("type-price").addEventListener("click", () => openLine(null));
  at("member").addEventListener("click", pickMember);
  at("salesperson").addEventListener("click", pickSalesperson);
  at("issue").addEventListener("click", issue);
  outbox.outbox.addEventListener("change", (event) => answered(event.detail));
  goods.goods.addEventListener("progress", drawCache);
  draw();
}

function keepDraft() { store.put("kept", basket, DRAFT); draw(); }

// ---------------------------------------------------------------------------------------------- goods into the basket

/** What a scanner read, or somebody typed and ended with Enter. */
export async function scan(text) {
  const code = text.trim();
  if (!code) return;
  clearFound();
  const product = await goods.byCode(code);
  if (product) { addProduct(product); return; }
  const found = /\s/.test(code) || !/\d/.test(code) ? await goods.search(code) : [];
  if (found.length === 1) { addProduct(found[0]); return; }
  if (found.length) { drawFound(found, code); return; }
  if (/^[\w.-]{4,64}$/.test(code) && /\d/.test(code)) openLine({ ...newLine(code, null), fault: words("unknown_code", { code }) });
  else show(at("found"), h("li", { class: "hh-none" }, words("nothing_found", { words: code })));
}

const newLine = (product, price) => ({ product, name: null, price, milli: 1000, off: 0, percent: 0, promotion: null });

function addProduct(product) {
  clearFound();
  if (product.price === null || product.price === undefined) { openLine({ ...newLine(product.code, null), name: product.name }); return; }
  const same = basket.lines.find((line) => line.product === product.code && line.price === product.price && !discountAmount(line) && line.milli % 1000 === 0);
  if (same) same.milli += 1000;
  else basket.lines.push({ ...newLine(product.code, product.price), name: product.name });
  navigator.vibrate?.(30);
  keepDraft();
}

let searching = null;
function searchSoon() {
  clearTimeout(searching);
  const text = at("find-input").value.trim();
  if (text.length < 2) { show(at("found")); return; }
  searching = setTimeout(async () => {
    const found = await goods.search(text);
    if (at("find-input").value.trim() === text) drawFound(found, text);
  }, SEARCH_AFTER_MS);
}

function clearFound() {
  clearTimeout(searching);
  at("find-input").value = "";
  show(at("found"));
}

function drawFound(found, text) {
  if (!found.length) { show(at("found"), h("li", { class: "hh-none" }, words("nothing_found", { words: text }))); return; }
  show(at("found"), found.map((product) => h("li", {},
    h("button", { class: "hh-row", type: "button", onclick: () => addProduct(product) },
      h("span", { class: "hh-row-main" }, h("span", { class: "hh-name" }, product.name), h("small", {}, product.code)),
      h("span", { class: "hh-row-end" }, product.price === null ? words("no_price") : cash(product.price))))));
}

// ---------------------------------------------------------------------------------------------- one line

/** Opens a line to be typed: a new one (null or a draft that is not in the basket) or one of the basket. */
function openLine(line) {
  const isNew = !basket.lines.includes(line);
  const draft = { ...newLine(null, null), ...line };
  const opened = sheet(draft.name || draft.product || words("typed_price"));
  const price = h("input", { inputmode: "decimal", autocomplete: "off", value: typed(draft.price, here.sheet.store.exponent) });
  const quantity = h("input", { inputmode: "decimal", autocomplete: "off", value: quantityText(draft.milli) });
  const off = h("input", { inputmode: "decimal", autocomplete: "off", value: draft.percent ? typed(draft.percent, 2).replace(/\.00$/, "") : draft.off ? typed(draft.off, here.sheet.store.exponent) : "" });
  const kind = h("select", { "aria-label": words("discount") },
    h("option", { value: "money" }, words("discount_money")), h("option", { value: "percent" }, words("discount_percent")));
  kind.value = draft.percent ? "percent" : "money";
  const promotion = h("select", {}, h("option", { value: "" }, words("no_promotion")),
    here.sheet.promotions.map((each) => h("option", { value: each.code }, each.name)));
  promotion.value = draft.promotion ?? "";
  const fields = { price: field(words("price"), price, draft.fault ?? ""), quantity: field(words("quantity"), quantity), off: field(words("discount"), off) };

  function read() {
    for (const each of Object.values(fields)) each.tell("");
    const read = { ...draft, price: minor(price.value), milli: thousandths(quantity.value), off: 0, percent: 0, promotion: promotion.value || null };
    delete read.fault;
    if (!price.value.trim()) { fields.price.tell(words("price_missing")); return null; }
    if (!(read.price >= 0)) { fields.price.tell(words("not_an_amount")); return null; }
    if (!(read.milli > 0)) { fields.quantity.tell(words("not_a_quantity")); return null; }
    const given = off.value.trim() ? (kind.value === "percent" ? window.regulars.minorUnits(off.value.replace("%", ""), 2) : minor(off.value)) : 0;
    if (!(given >= 0)) { fields.off.tell(words("not_an_amount")); return null; }
    read[kind.value === "percent" ? "percent" : "off"] = given;
    if (discountAmount(read) > regularAmount(read)) { fields.off.tell(words("discount_too_large")); return null; }
    return read;
  }

  function done(event) {
    event.preventDefault();
    const line_ = read();
    if (!line_) return;
    if (isNew) basket.lines.push(line_); else basket.lines[basket.lines.indexOf(line)] = line_;
    opened.close();
    keepDraft();
  }

  show(opened.body, h("form", { novalidate: true, onsubmit: done },
    fields.price, fields.quantity,
    h("div", { class: "hh-pair" }, fields.off, h("div", { class: "field" }, kind)),
    here.sheet.promotions.length ? field(words("promotion"), promotion) : null,
    h("div", { class: "hh-actions" },
      h("button", { class: "button primary block", type: "submit" }, words("done")),
      isNew ? null : h("button", { class: "button danger block", type: "button", onclick: () => { basket.lines.splice(basket.lines.indexOf(line), 1); opened.close(); keepDraft(); } }, words("remove")))));
  price.focus();
}

function change(line, milli) {
  if (line.milli + milli > 0) line.milli += milli; else basket.lines.splice(basket.lines.indexOf(line), 1);
  keepDraft();
}

// ---------------------------------------------------------------------------------------------- who

async function pickMember() {
  const chosen = await chooseMember(here, basket.member);
  if (chosen === undefined) return;
  basket.member = chosen;
  keepDraft();
}

function pickSalesperson() {
  const opened = sheet(words("salesperson"));
  const choose = (code) => { salesperson = code; store.put("kept", code, "salesperson"); opened.close(); draw(); };
  show(opened.body, h("ul", { class: "hh-list" }, [{ code: null, name: words("nobody") }, ...here.sheet.salespeople].map((each) =>
    h("li", {}, h("button", { class: "hh-row", type: "button", "aria-current": each.code === salesperson, onclick: () => choose(each.code) },
      h("span", { class: "hh-row-main" }, h("span", { class: "hh-name" }, each.name), each.code ? h("small", {}, each.code) : null))))));
}

// ---------------------------------------------------------------------------------------------- drawing

export function draw() {
  const empty = basket.lines.length === 0;
  const owed = total(basket.lines);
  show(at("basket"), empty ? h("li", {}, emptyState(words("basket_empty"), words("basket_empty_how"))) : basket.lines.map(drawLine));
  show(at("member"), icon("member"), h("span", { class: "hh-row-main" }, h("small", {}, words("member")), h("span", { class: "hh-name" }, memberWords(basket.member))),
    basket.member?.tier ? badge(basket.member.tier, "info") : null, icon("right"));
  const seller = here.sheet.salespeople.find((each) => each.code === salesperson);
  show(at("salesperson"), icon("tag"), h("span", { class: "hh-row-main" }, h("small", {}, words("salesperson")), h("span", { class: "hh-name" }, seller?.name ?? words("nobody"))), icon("right"));
  at("member").disabled = Boolean(basket.editing);
  at("issue").textContent = basket.editing ? words("save_changes") : words("issue_amount", { amount: cash(owed) });
  at("issue").disabled = empty || owed <= 0;
  show(at("editing"), basket.editing ? h("div", { class: "alert info" }, h("span", {}, words("editing", { number: basket.editing.number })),
    h("button", { class: "button", type: "button", onclick: () => { basket = blank(); keepDraft(); } }, words("leave_changes"))) : null);
  drawCache();
}

function drawLine(line) {
  const off = discountAmount(line);
  const name = line.name || line.product || words("typed_price");
  return h("li", { class: "hh-line" },
    h("button", { class: "hh-row", type: "button", onclick: () => openLine(line) },
      h("span", { class: "hh-row-main" }, h("span", { class: "hh-name" }, name),
        h("small", {}, words("each", { quantity: quantityText(line.milli), price: cash(line.price) }), off ? ` · ${words("off", { amount: cash(off) })}` : "")),
      h("span", { class: "hh-row-end" }, cash(lineAmount(line)))),
    h("div", { class: "hh-steps" },
      h("button", { class: "button", type: "button", "aria-label": `${words("less")}: ${name}`, onclick: () => change(line, -1000) }, "−"),
      h("output", {}, quantityText(line.milli)),
      h("button", { class: "button", type: "button", "aria-label": `${words("more")}: ${name}`, onclick: () => change(line, 1000) }, "+")));
}

function drawCache() {
  const { count, isWhole } = goods.cache;
  at("cache-note").textContent = count ? words(isWhole ? "cache_ready" : "cache_filling", { count }) : "";
}

// ---------------------------------------------------------------------------------------------- issuing

let saving = false;
async function issue() {
  if (saving || !basket.lines.length) return;
  saving = true;
  try {
    if (basket.editing) await saveChanges(); else await issueNew();
  } finally { saving = false; }
}

async function issueNew() {
  const { store: shop } = here.sheet;
  const body = {
    store: here.store,
    counter: here.counter,
    member: memberBody(basket.member),
    currency: shop.currency,
    issued_at: new Date().toISOString(),
    lines: linesBody(basket.lines, salesperson),
  };
  const draft = { lines: basket.lines, member: basket.member };
  const id = await outbox.add(body, { id: basket.id ?? undefined, amount: total(basket.lines), currency: shop.currency, draft });
  basket = blank();
  keepDraft();
  showIssued(id);
}

async function saveChanges(approval = null) {
  const { id, version, number } = basket.editing;
  const body = { lines: linesBody(basket.lines, salesperson), version, ...(approval ? { approval } : {}) };
  const answer = await call("PUT", `/v1/tickets/${id}`, body);
  if (needsApproval(answer.body)) {
    const opened = sheet(words("approval"));
    show(opened.body, h("p", { class: "alert danger", role: "alert" }, problemWords(answer.body)), approvalForm((given) => { opened.close(); saveChanges(given); }));
    return;
  }
  if (!isDone(answer)) { say(problemWords(answer.body)); return; }
  await learn({ ...tickets.get(id), ...answer.body, lines: null });
  basket = blank();
  keepDraft();
  say(words("was_sent", { number }));
}

/** Puts a recorded ticket's lines into the basket, to be changed. */
export async function editTicket(ticket) {
  const lines = ticket.lines.map(lineFrom);
  for (const line of lines) if (line.product) line.name = (await goods.byCode(line.product))?.name ?? null;
  basket = { ...blank(), lines, editing: { id: ticket.id, version: ticket.version, number: ticket.number } };
  keepDraft();
}

/** Puts a ticket that was never issued back into the basket. */
export async function reopen(id) {
  const entry = await outbox.takeBack(id);
  if (!entry) { say(words("sent_elsewhere")); return false; }
  basket = { ...blank(), lines: entry.draft?.lines ?? entry.body.lines.map(lineFrom), member: entry.draft?.member ?? null, id: entry.id };
  keepDraft();
  return true;
}

// ---------------------------------------------------------------------------------------------- the number

let shown = null;

/** The sheet that follows an issue: its number as soon as there is one, huge. */
function showIssued(id) {
  const opened = sheet(words("ticket_number"), { onClose: () => { shown = null; } });
  shown = { id, opened, issued: null };
  drawIssued(null);
}

function drawIssued(issued) {
  const { id, opened } = shown;
  const entry = outbox.waiting.get(id);
  const next = h("button", { class: "button block", type: "button", onclick: opened.close }, words("next_ticket"));
  if (issued) {
    show(opened.body, h("p", { class: "hh-huge", "data-number": issued.number }, String(issued.number)),
      h("p", { class: "hh-amount" }, money(issued.amount, issued.currency, here.sheet.store.exponent)),
      h("p", { class: "hint hh-centre" }, words("tell_number")),
      h("div", { class: "hh-actions" },
        h("button", { class: "button primary block", type: "button", onclick: opened.close }, words("next_ticket")),
        h("button", { class: "button block", type: "button", onclick: () => { opened.close(); pay(id); } }, words("pay_here"))));
  } else if (entry?.state === "refused") {
    opened.title(words("was_refused"));
    drawRefused(opened, entry);
  } else if (outbox.activity.sending && state.online) {
    show(opened.body, h("p", { class: "hh-huge hh-pending" }, "…"), h("p", { class: "hint hh-centre" }, words("sending")), next);
  } else {
    opened.title(words("saved_here"));
    show(opened.body, h("p", { class: "hh-huge hh-unsent" }, cash(entry?.amount ?? 0)),
      h("p", { class: "alert warn" }, words("saved_here_how")), h("div", { class: "hh-actions" }, next));
  }
}

const needsApproval = (problem) => problem?.code === "discount_needs_approval" || problem?.code === "approval_refused";

/** Where a manager types number and code; `take` gets them once both are there. */
function approvalForm(take) {
  const staff = h("input", { autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  const code = h("input", { type: "password", inputmode: "numeric", autocomplete: "off", maxlength: "6" });
  const fields = [field(words("approval_staff"), staff), field(words("approval"), code, words("approval_hint"))];
  const send = (event) => {
    event.preventDefault();
    for (const each of fields) each.tell("");
    if (!/^\d{6}$/.test(code.value.trim())) fields[1].tell(words("approval_hint"));
    if (!staff.value.trim()) fields[0].tell(words("approval_staff"));
    if (staff.value.trim() && /^\d{6}$/.test(code.value.trim())) take({ staff: staff.value.trim(), code: code.value.trim() });
  };
  return h("form", { novalidate: true, onsubmit: send }, fields, h("button", { class: "button primary block", type: "submit" }, words("approve")));
}

/** A refused ticket: why, and what can be done: change it, type a manager's code, or discard it. */
export function drawRefused(opened, entry) {
  const withApproval = async (approval) => {
    opened.close();
    await outbox.approve(entry.id, approval);
    showIssued(entry.id);
  };
  show(opened.body,
    h("p", { class: "alert danger", role: "alert" }, problemWords(entry.problem)),
    needsApproval(entry.problem) ? approvalForm(withApproval) : null,
    h("div", { class: "hh-actions" },
      h("button", { class: "button block", type: "button", onclick: () => { opened.close(); reopen(entry.id); } }, words("change_it")),
      h("button", { class: "button block", type: "button", onclick: () => { opened.close(); outbox.again(entry.id); } }, words("pay_again")),
      h("button", { class: "button danger block", type: "button", onclick: () => { opened.close(); outbox.takeBack(entry.id); } }, words("discard"))));
}

function answered({ issued }) {
  if (!shown) {
    if (issued && !topSheet()) say(words("was_sent", { number: issued.number }));
    return;
  }
  if (issued?.id === shown.id) shown.issued = issued;
  drawIssued(shown.issued);
}
