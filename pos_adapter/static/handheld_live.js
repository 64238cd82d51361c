// What becomes of tickets, as it happens: a stream of the store's events; where there is none, asking every few seconds.

import { call, isDone, network, state } from "./handheld_network.js";
import * as store from "./handheld_store.js";

const FAILURES_MAX = 3;
const POLL_MS = 5000;
const STREAM_AGAIN_MS = 30000;
const EVENTS = ["issued", "settling", "paid", "released", "cancelled", "expired"];
const PARCEL_EVENTS = ["lying", "sent_back"];

export const live = new EventTarget();
export const tickets = new Map();
export const status = { mode: "off", asOf: null };

let here = null;
let source = null;
let failures = 0;
let last = null;
let polling = null;
let again = null;

const changed = (detail = {}) => live.dispatchEvent(new CustomEvent("change", { detail }));

function mode(name) {
  if (status.mode === name) return;
  status.mode = name;
  changed();
}

/** Begins with what the device remembers of today; then listens. */
export async function begin(place, day) {
  here = { ...place, day };
  for (const ticket of await store.all("tickets")) {
    if (ticket.business_date && ticket.business_date !== day) await store.remove("tickets", ticket.id);
    else if (ticket.counter === place.counter && ticket.store === place.store) tickets.set(ticket.id, ticket);
  }
  status.asOf = (await store.get("kept", "as-of")) ?? null;
  changed();
  listen();
  network.addEventListener("change", () => { if (state.online) { failures = 0; listen(); list(); } else mode("off"); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) list(); });
}

function listen() {
  clearTimeout(again);
  source?.close();
  if (!state.online || state.signedOut) { poll(); return; }
  const query = last === null ? "" : `?last_event_id=${last}`;
  source = new EventSource(`/v1/stores/${encodeURIComponent(here.store)}/events${query}`);
  source.addEventListener("open", () => { failures = 0; stopPolling(); mode("live"); });
  for (const name of ["hello", "reset"]) source.addEventListener(name, (event) => { last = event.lastEventId; list(); });
  // Goods that go to the desk, or come back from it: which tickets that concerns is asked for.
  for (const name of PARCEL_EVENTS) source.addEventListener(`parcel.${name}`, (event) => { last = event.lastEventId; list(); });
  for (const name of EVENTS) source.addEventListener(`ticket.${name}`, (event) => heard(event));
  for (const kind of ["settlement", "payment"]) {
    for (const name of ["created", "pending", "succeeded", "paid", "failed", "reversing", "reversed", "unknown"]) {
      source.addEventListener(`${kind}.${name}`, (event) => {
        last = event.lastEventId;
        changed({ [kind]: JSON.parse(event.data)[kind] });
      });
    }
  }
  source.addEventListener("error", () => failed());
}

/** The browser comes back by itself with the last event's id, unless the server refused: then we do. */
function failed() {
  failures += 1;
  if (failures >= FAILURES_MAX || source.readyState === EventSource.CLOSED) poll();
  if (source.readyState !== EventSource.CLOSED) return;
  clearTimeout(again);
  again = setTimeout(listen, failures >= FAILURES_MAX ? STREAM_AGAIN_MS : 2000);
}

function poll() {
  mode(state.online ? "polling" : "off");
  if (polling) return;
  polling = setInterval(() => { if (state.online) list(); }, POLL_MS);
}

function stopPolling() {
  clearInterval(polling);
  polling = null;
}

async function heard(event) {
  last = event.lastEventId;
  const told = JSON.parse(event.data).ticket;
  if (told.counter !== here.counter) return;
  await learn({ ...told, store: here.store, business_date: here.day });
}

const RANK = { issued: 0, settling: 1, cancelled: 2, expired: 2, paid: 3, released: 4 };

/** Takes in what a ticket is. What came late never makes a paid ticket unpaid. */
export async function learn(told) {
  const before = tickets.get(told.id);
  if (before?.version && told.version && told.version < before.version) return;
  if (before && RANK[before.state] >= 2 && RANK[told.state] < RANK[before.state]) return;
  const now = { ...before, ...told };
  if (now.state !== "paid") now.at_desk = null; // events do not say: what is handed out lies nowhere
  tickets.set(told.id, now);
  await store.put("tickets", now);
  changed({ ticket: now, before: before?.state ?? null });
}

/** Lists the counter's tickets of today anew; true if the server answered. */
export async function list() {
  let cursor = null;
  do {
    const query = new URLSearchParams({ store: here.store, counter: here.counter, limit: 500 });
    if (cursor) query.set("cursor", cursor);
    const answer = await call("GET", `/v1/tickets?${query}`);
    if (!isDone(answer)) return false;
    for (const ticket of answer.body.items) {
      const before = tickets.get(ticket.id);
      if (before?.version !== ticket.version || before?.state !== ticket.state || before.at_desk !== ticket.at_desk || !before.lines) await learn(ticket);
    }
    cursor = answer.body.next_cursor;
  } while (cursor);
  status.asOf = new Date().toISOString();
  await store.put("kept", status.asOf, "as-of");
  changed();
  return true;
}
