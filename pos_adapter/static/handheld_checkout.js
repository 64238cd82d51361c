// One-stop checkout: a ticket is paid on the spot, by card, payment code or the member's wallet. Never cash.

import { badge, field, h, money, problemWords, said, sheet, show, words } from "./handheld_page.js";
import { learn, live, tickets } from "./handheld_live.js";
import { call, isDone, isUndecided, network, newId, state } from "./handheld_network.js";
import * as store from "./handheld_store.js";

const WATCH_MS = 2000;
const RESEND_MS = 2000;
const RESENDS_MAX = 5;
const TENDERS = { card: "card", code: "code", wallet: "stored_value" };
const ENDED = new Set(["paid", "failed"]);

let here = null;
let watched = null;
const asking = new Set();

export function begin(place) {
  here = place;
  live.addEventListener("change", (event) => heard(event.detail));
  network.addEventListener("change", () => { if (watched) draw(); });
}

const cash = (ticket) => money(ticket.amount, ticket.currency, here.sheet.store.exponent);

/** Opens the checkout of a ticket; one that is being paid already is watched. */
export async function open(id) {
  const kept = await store.get("payments", id);
  const opened = sheet(words("checkout"), { onScan: scanned, onClose: close });
  watched = { id, opened, payment: kept && !ENDED.has(kept.state) ? kept : null, rail: null, timer: null };
  draw();
  if (await refresh()) draw();
  if (watched?.payment?.settlement) watch();
}

function close() {
  clearTimeout(watched?.timer);
  watched = null;
}

/** Looks the ticket up, and what its settlement says; true if the server answered. */
async function refresh() {
  const mine = watched;
  const answer = await call("GET", `/v1/tickets/${mine.id}`);
  if (!isDone(answer)) return false;
  const { history, ...ticket } = answer.body;
  await learn(ticket);
  if (watched !== mine) return true;
  if (ticket.state === "settling") await note({ settlement: ticket.settlement, state: mine.payment?.state === "unknown" ? "unknown" : "pending" });
  // Asked for, never begun: the request did not arrive, and nothing was taken.
  if (ticket.state === "issued" && mine.payment && !mine.payment.settlement && !asking.has(ticket.id)) await note({ state: "failed", why: null });
  if (ticket.state === "paid" || ticket.state === "released") await note({ settlement: ticket.settlement, state: "paid" });
  return true;
}

/** Keeps what is known of the payment. An end stays the end, whatever is heard late, until another payment begins. */
async function note(facts) {
  if (!watched) return;
  if (ENDED.has(watched.payment?.state) && !ENDED.has(facts.state) && facts.state !== "sending") return;
  watched.payment = { ticket: watched.id, key: null, settlement: null, state: "pending", why: null, ...watched.payment, ...facts };
  await store.put("payments", watched.payment);
}

// ---------------------------------------------------------------------------------------------- taking it

async function start(rail, payment) {
  const ticket = tickets.get(watched.id);
  if (!state.online) { draw(); return; }
  const mine = watched;
  const body = {
    store: here.store,
    terminal: here.sheet.terminal,
    tickets: [ticket.id],
    tenders: [{ kind: TENDERS[rail], amount: ticket.amount, payment: { rail, ...payment } }],
  };
  const key = newId();
  // Noted before it leaves; what the payer showed or typed is never kept.
  await note({ key, settlement: null, state: "sending", why: null });
  asking.add(ticket.id);
  draw();
  let answer = await call("POST", "/v1/settlements", body, key);
  for (let again = 0; isUndecided(answer) && answer.status !== 401 && again < RESENDS_MAX; again += 1) {
    await new Promise((resolve) => { setTimeout(resolve, RESEND_MS); });
    answer = await call("POST", "/v1/settlements", body, key);
  }
  asking.delete(ticket.id);
  if (watched !== mine) return;
  if (isDone(answer)) {
    await note({ settlement: answer.body.id, state: answer.body.state, why: answer.body.failure ?? null, points: answer.body.points?.earned });
    watch();
  } else if (isUndecided(answer)) {
    await note({ state: "unknown" });
    watch();
  } else {
    await note({ state: "failed", why: problemWords(answer.body) });
  }
  draw();
}

/** Asks now and then, beside the stream, until the end is known. */
function watch() {
  if (!watched || ENDED.has(watched.payment?.state)) return;
  clearTimeout(watched.timer);
  watched.timer = setTimeout(async () => {
    await look();
    watch();
  }, WATCH_MS);
}

async function look() {
  const mine = watched;
  if (!mine || !state.online) return;
  if (!mine.payment?.settlement) { if (await refresh() && watched === mine) draw(); return; }
  const query = new URLSearchParams({ store: here.store, ticket: mine.id, limit: 10 });
  const answer = await call("GET", `/v1/settlements?${query}`);
  if (watched !== mine || !isDone(answer)) return;
  const found = answer.body.items.find((each) => each.id === mine.payment.settlement);
  // One that came to nothing has let go of its tickets: it is asked for by its own id.
  if (!found || ENDED.has(found.state)) { await end(mine); return; }
  const last = found.payments.at(-1);
  await note({ state: found.payments.some((each) => each.state === "unknown") ? "unknown" : "pending", why: last?.why ?? null });
  draw();
}

async function end(mine) {
  const answer = await call("GET", `/v1/settlements/${mine.payment.settlement}`);
  if (watched !== mine || !isDone(answer) || !ENDED.has(answer.body.state)) return;
  await note({ state: answer.body.state, why: answer.body.failure, points: answer.body.points?.earned });
  draw();
}

function heard({ settlement, payment, ticket }) {
  const mine = watched?.payment?.settlement;
  if (!mine) return;
  if (settlement?.id === mine) look();
  if (payment && payment.settlement === mine && (payment.state === "unknown" || payment.state === "pending")) note({ state: payment.state }).then(draw);
  if (ticket?.id === watched.id && ticket.state === "paid") look();
}

// ---------------------------------------------------------------------------------------------- the sheet

function scanned(text) {
  if (!watched || watched.payment && !ENDED.has(watched.payment.state)) return;
  if (/^\d{16,24}$/.test(text) && here.sheet.rails.includes("code")) start("code", { code: text });
}

function draw() {
  if (!watched) return;
  const ticket = tickets.get(watched.id);
  const { body } = watched.opened;
  if (!ticket) { show(body, h("p", { class: "hint" }, words(state.online ? "loading" : "paying_offline"))); return; }
  const { payment } = watched;
  const head = h("div", { class: "hh-owed" }, h("span", {}, words("ticket", { number: ticket.number })), h("strong", {}, cash(ticket)));
  if (payment && payment.state !== "failed") { show(body, head, progress(payment)); return; }
  const failed = payment ? h("div", { class: "hh-result danger", role: "alert", "data-payment": "failed" },
    h("strong", {}, words("payment_failed")), h("span", {}, payment.why ? words("payment_reason", { reason: said(payment.why) }) : ""), h("span", {}, words("payment_failed_how"))) : null;
  if (!state.online) { show(body, head, failed, h("p", { class: "alert danger", role: "alert", "data-payment": "offline" }, words("paying_offline"))); return; }
  show(body, head, failed, rails(ticket), h("p", { class: "hint" }, words("no_cash")));
}

function progress(payment) {
  const states = {
    sending: ["", "payment_sending", ""],
    pending: ["warn", "payment_pending", "payment_pending_how"],
    unknown: ["warn", "payment_unknown", "payment_unknown_how"],
    paid: ["good", "payment_paid", ""],
  };
  const [kind, title, how] = states[payment.state] ?? states.pending;
  return h("div", { class: `hh-result ${kind}`, role: "status", "data-payment": payment.state },
    payment.state === "paid" ? null : h("span", { class: "hh-spin", "aria-hidden": "true" }),
    h("strong", {}, words(title)),
    how ? h("span", {}, words(how)) : null,
    payment.why && payment.state !== "paid" ? h("span", {}, said(payment.why)) : null,
    payment.points ? h("span", {}, words("points_earned", { points: payment.points })) : null,
    payment.state === "paid" ? h("button", { class: "button primary block", type: "button", onclick: () => watched.opened.close() }, words("done")) : null);
}

function rails(ticket) {
  const offered = here.sheet.rails;
  const card = h("button", { class: "button primary block", type: "button", onclick: () => start("card", {}) }, words("start_card", { amount: cash(ticket) }));
  const code = h("input", { inputmode: "numeric", autocomplete: "off" });
  const codeField = field(words("payment_code"), code);
  const pin = h("input", { type: "password", inputmode: "numeric", autocomplete: "off", maxlength: "12" });
  const pinField = field(words("wallet_pin"), pin);
  const byCode = () => (/^\d{16,24}$/.test(code.value.trim()) ? start("code", { code: code.value.trim() }) : codeField.tell(words("problem_rail_unknown")));
  const proof = h("select", { "aria-label": words("wallet_pin") }, h("option", { value: "pin" }, words("wallet_by_pin")), h("option", { value: "code" }, words("wallet_by_code")));
  const byPin = () => (/^\d{4,12}$/.test(pin.value) ? start("wallet", { [proof.value]: pin.value }) : pinField.tell(words("wallet_pin")));
  const form = (content, act, text) => h("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); act(); } }, content, h("button", { class: "button block", type: "submit" }, text));
  const part = (name, ...content) => h("section", { class: "hh-rail" }, h("h3", {}, words(`rail_${name}`), offered.includes(name) ? null : badge(words("rail_missing"))),
    ...(offered.includes(name) ? [h("p", { class: "hint" }, words(`rail_${name}_how`)), ...content] : []));
  return h("div", { class: "hh-rails" },
    part("code", form(codeField, byCode, words("done"))),
    part("card", card),
    part("wallet", ticket.member === null || ticket.member === undefined ? h("p", { class: "hint" }, words("wallet_needs_member")) : form([proof, pinField], byPin, words("start_wallet", { amount: cash(ticket) }))));
}
