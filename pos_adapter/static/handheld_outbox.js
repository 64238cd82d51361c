// Tickets on their way. Each has its id and stands in the device's store before anything is sent; it is sent, with that
// id as its key too, until the server has said what became of it. Sending it again makes no second one.

import { call, isDone, isUndecided, network, newId, probe, state } from "./handheld_network.js";
import * as store from "./handheld_store.js";

const PAUSES_MS = [1000, 2000, 5000, 10000, 20000, 30000];
export const outbox = new EventTarget();
/** What waits here, by id: {id, body, draft, at, amount, currency, state: waiting|refused, problem, tries}. */
export const waiting = new Map();

const approvals = new Map();
let pausing = null;
let failures = 0;
export const activity = { sending: false };

const changed = (detail = {}) => outbox.dispatchEvent(new CustomEvent("change", { detail }));

/** Reads what waits, and begins to send it. */
export async function begin() {
  for (const entry of await store.all("outbox")) waiting.set(entry.id, entry);
  network.addEventListener("change", () => { failures = 0; flush(); });
  changed();
  flush();
}

/** Keeps a ticket on the device; then sends it. Returns its id. */
export async function add(body, { id = newId(), amount, currency, draft }) {
  const entry = { id, body: { ...body, id }, draft, at: body.issued_at, amount, currency, state: "waiting", problem: null, tries: 0 };
  await store.put("outbox", entry);
  waiting.set(id, entry);
  changed();
  flush();
  return id;
}

/** Takes back a ticket that the server cannot have: refused, or never sent. Returns it, or null. */
export async function takeBack(id) {
  const entry = waiting.get(id);
  if (!entry || (entry.state === "waiting" && entry.tries > 0)) return null;
  await store.remove("outbox", id);
  waiting.delete(id);
  changed();
  return entry;
}

/** Sends what waits, one after the other, one tab at a time. */
export async function flush() {
  clearTimeout(pausing);
  if (activity.sending || ![...waiting.values()].some((entry) => entry.state === "waiting")) return;
  activity.sending = true;
  changed();
  try {
    if (navigator.locks) await navigator.locks.request("handheld-outbox", { ifAvailable: true }, (lock) => (lock ? sendAll() : rereadLater()));
    else await sendAll();
  } finally {
    activity.sending = false;
    changed();
  }
}

async function rereadLater() {
  pausing = setTimeout(async () => {
    const stored = new Map((await store.all("outbox")).map((entry) => [entry.id, entry]));
    for (const id of [...waiting.keys()]) if (!stored.has(id)) waiting.delete(id);
    for (const [id, entry] of stored) waiting.set(id, entry);
    changed();
    flush();
  }, PAUSES_MS[1]);
}

async function sendAll() {
  if (!state.online && !(await probe())) { later(); return; }
  const queue = [...waiting.values()].filter((entry) => entry.state === "waiting").sort((a, b) => (a.at < b.at ? -1 : 1));
  for (const entry of queue) {
    if (!(await sendOne(entry))) { later(); return; }
    failures = 0;
  }
}

function later() {
  pausing = setTimeout(flush, PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)]);
  failures += 1;
}

/** Sends a refused ticket once more as it is: the reason may be gone. */
export async function again(id) {
  const entry = waiting.get(id);
  if (entry?.state !== "refused") return;
  entry.state = "waiting";
  await store.put("outbox", entry);
  flush();
}

/** True when the server has decided about the ticket. */
async function sendOne(entry) {
  // Noted before it leaves: from now on the server may have it, whatever becomes of the answer.
  entry.tries += 1;
  await store.put("outbox", entry);
  const approval = approvals.get(entry.id);
  approvals.delete(entry.id);
  const answer = await call("POST", "/v1/tickets", approval ? { ...entry.body, approval } : entry.body, entry.id);
  if (isUndecided(answer)) return false;
  if (isDone(answer)) {
    const { body } = entry;
    await store.put("tickets", {
      ...answer.body, counter: body.counter, store: body.store, lines: body.lines, issued_at: body.issued_at, member: null,
    });
    await store.remove("outbox", entry.id);
    waiting.delete(entry.id);
    changed({ issued: { ...answer.body, lines: body.lines, issued_at: body.issued_at } });
    return true;
  }
  Object.assign(entry, { state: "refused", problem: answer.body });
  await store.put("outbox", entry);
  changed({ refused: entry });
  return true;
}

/** Sends a refused ticket with a manager's approval {staff, code}, which is for this moment: it is never kept here. */
export async function approve(id, approval) {
  const entry = waiting.get(id);
  if (entry?.state !== "refused") return;
  entry.state = "waiting";
  approvals.set(id, approval);
  await store.put("outbox", entry);
  flush();
}
