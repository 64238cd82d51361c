// The counter's tickets of today: what is paid stands first and is green; hand over with one tap.

import { ask, badge, emptyState, h, icon, money, place as at, problemWords, say, sheet, show, timeOfDay, words } from "./handheld_page.js";
import { drawRefused, editTicket, reopen } from "./handheld_issue.js";
import { byCode } from "./handheld_goods.js";
import * as live from "./handheld_live.js";
import { call, isDone } from "./handheld_network.js";
import * as outbox from "./handheld_outbox.js";

const KINDS = { issued: "info", settling: "warn", paid: "good", released: "", cancelled: "", expired: "", waiting: "warn", refused: "danger" };
const DONE_SHOWN_MAX = 50;

let here = null;
let go = () => {};
let pay = () => {};
const arrived = new Set();
const cash = (ticket) => money(ticket.amount, ticket.currency, here.sheet.store.exponent);

/** Begins to show and to tell. `view(name)` goes to a view, `toPay(id)` opens the checkout. */
export function begin(place, view, toPay) {
  here = place;
  go = view;
  pay = toPay;
  live.live.addEventListener("change", (event) => { told(event.detail); draw(); });
  outbox.outbox.addEventListener("change", (event) => {
    if (event.detail.issued) live.learn({ ...event.detail.issued, counter: here.counter, store: here.store, business_date: here.sheet.store.business_date });
    draw();
  });
  draw();
}

const inState = (...states) => [...live.tickets.values()].filter((ticket) => states.includes(ticket.state)).sort((a, b) => b.number - a.number);

export function draw() {
  const paid = inState("paid").filter((ticket) => !ticket.at_desk);
  const atDesk = inState("paid").filter((ticket) => ticket.at_desk);
  const open = inState("issued", "settling");
  const done = inState("released", "cancelled", "expired");
  const unsent = [...outbox.waiting.values()].sort((a, b) => (a.at < b.at ? 1 : -1));
  at("paid-count").hidden = paid.length === 0;
  at("paid-count").textContent = String(paid.length);
  const asOf = live.status.asOf ? words("as_of", { time: timeOfDay(live.status.asOf, here.sheet.store.timezone) }) : "";
  show(at("live"), h("span", { class: `hh-dot ${live.status.mode}` }),
    live.status.mode === "live" ? words("live") : [live.status.mode === "polling" ? words("polling") : words("no_network"), asOf].filter(Boolean).join(" · "));
  const groups = [
    group("group_paid", paid.map(paidRow), "good"),
    group("group_unsent", unsent.map(unsentRow), "warn"),
    group("group_open", open.map(row)),
    group("group_at_desk", atDesk.map(row)),
    group("group_done", done.slice(0, DONE_SHOWN_MAX).map(row)),
  ].filter(Boolean);
  show(at("tickets"), groups.length ? groups : emptyState(words("tickets_none"), words("tickets_none_how")));
}

const group = (name, rows, kind = "") => (rows.length
  ? h("section", { class: `hh-group ${kind}` }, h("h2", {}, `${words(name)} · ${rows.length}`), h("ul", { class: "hh-list" }, rows))
  : null);

const moment = (ticket) => (ticket.issued_at ? timeOfDay(ticket.issued_at, here.sheet.store.timezone) : "");

function row(ticket) {
  return h("li", {}, h("button", { class: "hh-row", type: "button", "data-ticket": ticket.number, onclick: () => openTicket(ticket.id) },
    h("span", { class: "hh-number" }, String(ticket.number)),
    h("span", { class: "hh-row-main" }, h("span", { class: "hh-name hh-cash" }, cash(ticket)), h("small", {}, moment(ticket))),
    ticket.at_desk ? badge(words("at_desk", { label: ticket.at_desk }), "info") : badge(words(`state_${ticket.state}`), KINDS[ticket.state]), icon("right")));
}

function paidRow(ticket) {
  return h("li", { class: arrived.delete(ticket.id) ? "hh-paid arrived" : "hh-paid", "data-paid": ticket.number },
    h("button", { class: "hh-row", type: "button", onclick: () => openTicket(ticket.id) },
      h("span", { class: "hh-number" }, String(ticket.number)),
      h("span", { class: "hh-row-main" }, h("span", { class: "hh-name hh-cash" }, cash(ticket)), h("small", {}, moment(ticket))),
      badge(words("state_paid"), "good")),
    h("button", { class: "button primary block", type: "button", "data-release": ticket.number, onclick: (event) => release(ticket, event.currentTarget) },
      icon("check"), words("release")));
}

function unsentRow(entry) {
  return h("li", {}, h("button", { class: "hh-row", type: "button", "data-unsent": entry.id, onclick: () => openUnsent(entry) },
    h("span", { class: "hh-number" }, "–"),
    h("span", { class: "hh-row-main" }, h("span", { class: "hh-name hh-cash" }, cash(entry)), h("small", {}, timeOfDay(entry.at, here.sheet.store.timezone))),
    badge(words(`state_${entry.state}`), KINDS[entry.state]), icon("right")));
}

// ---------------------------------------------------------------------------------------------- telling "paid"

let sounds = null;
/** Browsers allow sound after the first touch only. */
export const allowSound = () => { sounds ??= window.AudioContext ? new AudioContext() : null; sounds?.resume?.(); };

function ring() {
  navigator.vibrate?.([180, 90, 180, 90, 320]);
  if (!sounds || sounds.state !== "running") return;
  [880, 1175, 1568].forEach((pitch, n) => {
    const tone = sounds.createOscillator();
    const volume = sounds.createGain();
    const from = sounds.currentTime + n * 0.14;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.25, from);
    volume.gain.exponentialRampToValueAtTime(0.001, from + 0.3);
    tone.connect(volume).connect(sounds.destination);
    tone.start(from);
    tone.stop(from + 0.3);
  });
}

function told({ ticket, before }) {
  if (!ticket || ticket.state !== "paid" || before === "paid") return;
  // What was paid while the page was closed is listed, not rung.
  if (before === null) return;
  arrived.add(ticket.id);
  ring();
  const banner = h("div", { class: "hh-banner", role: "alert", "data-banner": ticket.number },
    h("p", {}, icon("check"), h("strong", {}, words("paid_title", { number: ticket.number })), h("span", {}, cash(ticket))),
    h("button", { class: "button block", type: "button", onclick: (event) => release(ticket, event.currentTarget) }, words("release")));
  at("notice").prepend(banner);
  while (at("notice").children.length > 3) at("notice").lastChild.remove();
}

const unring = (number) => document.querySelector(`[data-banner="${number}"]`)?.remove();

// ---------------------------------------------------------------------------------------------- deeds

async function release(ticket, button) {
  if (button) button.disabled = true;
  const answer = await call("POST", `/v1/tickets/${ticket.id}/release`, undefined, `${ticket.id}:release`);
  if (button) button.disabled = false;
  if (!isDone(answer)) { say(answer.status ? problemWords(answer.body) : words("needs_network")); return; }
  unring(ticket.number);
  await live.learn({ ...live.tickets.get(ticket.id), ...answer.body });
  say(words("released", { number: ticket.number }));
}

async function cancel(ticket) {
  if (!(await ask(words("cancel_sure", { number: ticket.number }), words("cancel"), words("close")))) return;
  const answer = await call("POST", `/v1/tickets/${ticket.id}/cancel`, undefined, `${ticket.id}:cancel`);
  if (!isDone(answer)) { say(answer.status ? problemWords(answer.body) : words("needs_network")); return; }
  await live.learn({ ...live.tickets.get(ticket.id), ...answer.body });
  say(words("cancelled", { number: ticket.number }));
}

function openUnsent(entry) {
  const opened = sheet(words(entry.state === "refused" ? "was_refused" : "ticket_unsent"));
  if (entry.state === "refused") { drawRefused(opened, entry); return; }
  const change = async () => { opened.close(); if (await reopen(entry.id)) go("issue"); };
  const discard = async () => {
    opened.close();
    if (!(await ask(words("discard_sure"), words("discard"), words("close")))) return;
    if (!(await outbox.takeBack(entry.id))) say(words("sent_elsewhere"));
  };
  show(opened.body, h("p", { class: "hh-amount" }, cash(entry)), h("p", { class: "alert warn" }, words(entry.tries ? "sent_elsewhere" : "saved_here_how")),
    entry.tries ? null : h("div", { class: "hh-actions" },
      h("button", { class: "button block", type: "button", onclick: change }, words("change_it")),
      h("button", { class: "button danger block", type: "button", onclick: discard }, words("discard"))));
}

async function openTicket(id) {
  let ticket = live.tickets.get(id);
  const opened = sheet(words("ticket", { number: ticket.number }));
  const names = new Map();
  const drawn = () => show(opened.body, ...ticketParts(ticket, opened, names));
  const named = async () => {
    for (const { product } of ticket.lines ?? []) if (product) names.set(product, (await byCode(product))?.name ?? product);
    drawn();
  };
  drawn();
  await named();
  const answer = await call("GET", `/v1/tickets/${id}`);
  if (!isDone(answer)) return;
  await live.learn(answer.body);
  ticket = { ...live.tickets.get(id), history: answer.body.history };
  await named();
}

function ticketParts(ticket, opened, names) {
  const button = (text, kind, act) => h("button", { class: `button ${kind} block`, type: "button", onclick: () => { opened.close(); act(); } }, text);
  const isOpen = ticket.state === "issued";
  return [
    h("p", { class: "hh-state" }, badge(words(`state_${ticket.state}`), KINDS[ticket.state]), h("strong", {}, cash(ticket))),
    h("ul", { class: "hh-lines" }, (ticket.lines ?? []).map((line) => h("li", {},
      h("span", {}, `${names.get(line.product) ?? line.product ?? words("typed_price")} × ${Number(line.quantity)}`),
      h("span", {}, money(line.amount, ticket.currency, here.sheet.store.exponent))))),
    ticket.lines ? null : h("p", { class: "hint" }, words("loading")),
    h("div", { class: "hh-actions" },
      ticket.at_desk ? h("p", { class: "alert info" }, words("at_desk_how", { label: ticket.at_desk })) : null,
      ticket.state === "paid" && !ticket.at_desk ? button(words("release"), "primary", () => release(ticket, null)) : null,
      isOpen || ticket.state === "settling" ? button(words("pay_here"), "primary", () => pay(ticket.id)) : null,
      isOpen && ticket.lines ? button(words("edit"), "", async () => { await editTicket(ticket); go("issue"); }) : null,
      isOpen ? button(words("cancel"), "danger", () => cancel(ticket)) : null),
    ticket.history ? h("details", { class: "hh-history" }, h("summary", {}, words("history")), h("ol", {}, ticket.history.map((step) =>
      h("li", {}, `${timeOfDay(step.at, here.sheet.store.timezone)} · ${words(`state_${step.state}`)}`)))) : null,
  ];
}
