"use strict";
// The cash desk: one line that is always ready for the keyboard and the scanner, and a key for everything.

const V = window.deskViews;
const B = window.deskBasket;
const S = window.deskSending;
const K = window.deskParcels;
const { word } = V;
const { call, minorUnits } = window.regulars;

const root = document.getElementById("desk");
const at = (id) => document.getElementById(id);
const entry = at("entry");
const POLL_MS = 5000;
const PENDING_MS = 2000;
const RESYNC_MS = 60000;
const STREAM_AGAIN_MS = 15000;
const RECENT = 8;
const WAITING_MAX = 500;
const AMOUNT_MODES = ["points", "ecoin", "stored_value", "card", "card_elsewhere", "cash"];

const desk = {
  ...Object.fromEntries(["store", "terminal", "currency", "home", "cashier", "language"].map((name) => [name, root.dataset[name]])),
  exponent: Number(root.dataset.exponent),
  rails: root.dataset.rails.split(" ").filter(Boolean),
  counters: JSON.parse(root.dataset.counters),
  clockOff: Date.parse(root.dataset.now) - Date.now(),
  names: new Map(), // names of products by code
  waiting: new Map(), // open tickets of the store by id
  recent: [],
  settledAt: new Map(), // terminal of settlements we heard of
  result: null,
  mode: { name: "main" },
  busy: false,
  ...nobody(),
};

/** A basket for the next customer. */
function nobody() {
  return { member: null, tickets: [], loose: [], coupons: [], tenders: [], quote: null, cursor: -1 };
}

// ------------------------------------------------------------------------------------------------ drawing and saying

function draw() {
  V.drawWho(desk, at("who"));
  V.drawBasket(desk, at("basket"));
  V.drawSum(desk, { owed: at("owed"), tenders: at("tenders"), left: at("left"), leftLine: at("left-line") });
  V.drawOffers(desk, at("offers"));
  V.drawWaiting(desk, at("waiting"), at("waiting-count"), at("waiting-head"));
  V.drawRecent(desk, at("recent"));
  V.drawResult(desk, at("result"));
  at("sum").hidden = Boolean(desk.result);
  root.classList.toggle("over", Boolean(desk.result)); // the goods are paid: an empty basket would say "nobody"
  at("entry-asks").textContent = word("ask", askName(), { name: desk.mode.product?.name });
  root.dataset.mode = desk.mode.name;
}

/** What is asked for now. */
function askName() {
  if (desk.busy) return "sending";
  return desk.mode.name === "result" && desk.result?.state === "pending" ? "waits" : desk.mode.name;
}

function tell(words, kind = "") {
  const place = at("said");
  place.textContent = words;
  place.className = `said ${kind}`;
}

const problemWords = (answer) => {
  const problem = answer?.body;
  const details = (problem?.errors || []).map((fault) => fault.detail).filter((detail) => detail && detail !== problem.detail);
  return [problem?.detail || word("say", "failed"), ...details].join(" · ");
};

function enter(name, more = {}, prefill = "") {
  desk.mode = { name, ...more };
  entry.value = prefill;
  if (prefill) entry.select();
  draw();
}

const toMain = () => enter("main");

/** GET, or what the desk should say instead. Null when there was no answer. */
async function get(address) {
  try {
    const answer = await call("GET", address);
    if (answer.status === 401) loggedOut();
    return answer;
  } catch {
    return null;
  }
}

function loggedOut() {
  window.regulars.say(word("say", "session"), true);
  location.reload();
}

const query = (facts) => new URLSearchParams({ store: desk.store, ...facts });

// ------------------------------------------------------------------------------------------------ tickets and goods

function nextCustomer() {
  Object.assign(desk, nobody(), { result: null });
  toMain();
}

/** Before something is added: a finished customer's result makes room. */
function begin() {
  if (desk.result) nextCustomer();
}

async function callTicket(number) {
  begin();
  if (desk.tickets.some((ticket) => ticket.number === number)) return select(number);
  const answer = await get(`/v1/tickets?${query({ number, limit: 1 })}`);
  const ticket = answer?.body?.items?.[0];
  if (!ticket) return tell(answer ? word("say", "no_ticket", { number }) : word("say", "no_answer"), "warn");
  if (ticket.state !== "issued") return tell(word("say", "ticket_closed", { number, state: word("ticket", ticket.state) }), "warn");
  if (ticket.member && desk.member && ticket.member !== desk.member.id) return tell(word("say", "other_member", { number }), "warn");
  add(ticket);
  if (ticket.member && !desk.member) await takeMember({ member: ticket.member });
  changed();
}

function select(number) {
  desk.cursor = desk.tickets.findIndex((ticket) => ticket.number === number);
  draw();
}

function add(ticket, isNew = false) {
  if (desk.tickets.some((each) => each.id === ticket.id)) return;
  desk.tickets.push({ ...ticket, chosen: true, isNew });
  desk.tickets.sort((a, b) => a.number - b.number);
  nameProducts(ticket.lines);
}

async function nameProducts(lines) {
  const unknown = [...new Set(lines.map((line) => line.product).filter((code) => code && !desk.names.has(code)))].slice(0, 10);
  for (const code of unknown) {
    const found = await product(code);
    desk.names.set(code, found?.name || code);
  }
  if (unknown.length) draw();
}

async function product(code) {
  const answer = await get(`/v1/products?${new URLSearchParams({ code, limit: 1 })}`);
  const found = answer?.body?.items?.[0];
  if (!found) return null;
  // A price in another currency is none here.
  return found.currency && found.currency !== desk.currency ? { ...found, regular_price: null } : found;
}

/** Recognise a member by what was scanned, or by id, and put all open tickets of that member on the list. */
async function takeMember(named) {
  const answer = await call("POST", "/v1/sales/quote", { basket: { store: desk.store, lines: [] }, ...named }).catch(() => null);
  if (answer?.status === 401) return loggedOut();
  if (answer?.status !== 200 || !answer.body.member) return false;
  const { id, name, tier, may_spend: maySpend } = answer.body.member;
  if (desk.tickets.some((ticket) => ticket.member && ticket.member !== id)) {
    tell(word("say", "other_member", { number: desk.tickets.find((ticket) => ticket.member).number }), "warn");
    return true;
  }
  desk.member = { id, name, tier, maySpend };
  const open = await get(`/v1/tickets?${query({ state: "issued", member: id, limit: 100 })}`);
  for (const ticket of open?.body?.items || []) add(ticket);
  tell(desk.tickets.length ? word("say", "member_set", { name: name || "" }) : word("say", "no_open", { name: name || "" }), desk.tickets.length ? "good" : "");
  changed();
  return true;
}

async function byLastFour(digits) {
  const answer = await call("POST", "/v1/members/search", { last_four: digits }).catch(() => null);
  const found = answer?.body?.items?.[0];
  if (!found) return tell(answer?.status === 200 ? word("say", "not_found", { text: digits }) : problemWords(answer), "warn");
  const quoted = await call("POST", "/v1/sales/quote", { basket: { store: desk.store, lines: [] }, member: found.id }).catch(() => null);
  const name = quoted?.body?.member?.name || "";
  tell(word("say", "one_member", { name }), "");
  enter("member", { confirm: found.id });
}

async function addProduct(code, quantity) {
  begin();
  const found = await product(code);
  if (!found) return false;
  desk.names.set(found.code, found.name);
  if (found.regular_price === null) {
    enter("product", { product: found, quantity });
    return true;
  }
  addLoose({ product: found.code, name: found.name, quantity, unitPrice: found.regular_price, regularAmount: found.regular_price * quantity, amount: found.regular_price * quantity });
  return true;
}

function addLoose(line) {
  const same = desk.loose.find((each) => each.product && each.product === line.product && each.unitPrice === line.unitPrice);
  if (same) {
    same.quantity += line.quantity;
    same.amount += line.amount;
    same.regularAmount += line.regularAmount;
  } else desk.loose.push(line);
  changed();
}

function typedPrice(text) {
  const [, amountText, counter] = /^(\S+)(?:\s+(\S+))?$/.exec(text.trim().replace(",", ".")) || [];
  const amount = minorUnits(amountText || "", desk.exponent);
  if (!(amount > 0)) return tell(word("say", "not_amount"), "warn");
  begin();
  addLoose({ name: "", quantity: 1, amount, unitPrice: amount, counter });
  toMain();
}

function productPrice(text) {
  const price = minorUnits(text, desk.exponent);
  if (!(price > 0)) return tell(word("say", "not_amount"), "warn");
  const { product: found, quantity } = desk.mode;
  addLoose({ product: found.code, name: found.name, quantity, unitPrice: price, amount: price * quantity, regularAmount: price * quantity });
  toMain();
}

/** What is to be paid has changed: payments are entered again, and what can pay is asked anew. */
function changed() {
  if (desk.tenders.length || desk.coupons.length) {
    desk.tenders = [];
    desk.coupons = [];
    tell(word("say", "payments_gone"), "warn");
  }
  draw();
  asking = askQuote();
}

let asking = Promise.resolve();
let quoting = 0;
async function askQuote() {
  const mine = (quoting += 1);
  if (!desk.member) { desk.quote = null; return null; }
  const body = { basket: { store: desk.store, lines: B.quotedLines(desk) }, member: desk.member.id };
  const answer = await call("POST", "/v1/sales/quote", body).catch(() => null);
  if (mine !== quoting) return asking;
  desk.quote = answer?.status === 200 ? answer.body : null;
  if (answer && answer.status !== 200) tell(problemWords(answer), "danger");
  draw();
  return answer;
}

/** Whether what the member's accounts can pay is known as it stands now. Without a network it is not, and that is said:
    what they held a minute ago may have been spent at another till. */
async function quotedNow() {
  await asking;
  asking = askQuote();
  const answer = await asking;
  if (!answer) tell(word("say", "accounts_offline"), "danger");
  return desk.quote;
}

// ------------------------------------------------------------------------------------------------ ways of paying

async function payBy(kind) {
  if (desk.busy) return tell(word("say", "busy"), "warn");
  if (!B.hasGoods(desk) || desk.result) return tell(word("say", "nothing"), "warn");
  const rest = B.left(desk);
  if (rest <= 0) return tell(word("say", "fully_paid"));
  if (["points", "ecoin", "stored_value", "coupon"].includes(kind)) {
    if (!desk.member) return tell(word("say", "needs_member"), "warn");
    if (!(await quotedNow())) return undefined;
  }
  if (kind === "coupon") return B.freeCoupons(desk).length ? enter("coupon") : tell(word("say", "none_usable"), "warn");
  if (kind === "code") return desk.rails.includes("code") ? enter("code") : tell(word("say", "no_rail"), "warn");
  const { most } = B.usable(desk, kind);
  if (most === 0) return tell(word("say", "none_usable"), "warn");
  tell("");
  enter(kind, {}, V.plainAmount(desk, most === null ? rest : Math.min(most, rest)));
}

function amountOf(text, kind) {
  const amount = minorUnits(text, desk.exponent);
  if (!(amount > 0)) { tell(word("say", "not_amount"), "warn"); return null; }
  const rest = B.left(desk);
  const { most } = B.usable(desk, kind);
  const limit = kind === "cash" ? null : Math.min(most ?? rest, rest);
  if (limit !== null && amount > limit) { tell(word("say", "too_much", { amount: V.moneyOf(desk)(limit) }), "warn"); return null; }
  return amount;
}

function takeAmount(text) {
  const name = desk.mode.name;
  const kind = name === "card_elsewhere" ? "card" : name;
  const amount = amountOf(text, kind);
  if (amount === null) return;
  if (kind === "cash") addTender({ kind, amount: Math.min(amount, B.left(desk)), given: amount });
  else if (kind === "card" && name === "card" && desk.rails.includes("card")) addTender({ kind, amount, payment: { rail: "card" } });
  else addTender({ kind, amount, detail: kind === "card" && desk.rails.includes("card") ? word("label", "elsewhere") : "" });
}

function addTender(tender) {
  desk.tenders.push(tender);
  toMain();
  const rest = B.left(desk);
  if (rest === 0) tell(word("say", "fully_paid"), "good");
  else tell(word("say", "left", { amount: V.moneyOf(desk)(rest) }));
}

async function takeCode(text) {
  if (!B.isPaymentCode(text)) return tell(word("say", "not_payment_code"), "warn");
  if (!desk.rails.includes("code")) return tell(word("say", "no_rail"), "warn");
  if (!B.hasGoods(desk) || desk.result) return tell(word("say", "nothing"), "warn");
  const rest = B.left(desk);
  if (rest <= 0) return tell(word("say", "fully_paid"));
  addTender({ kind: "code", amount: rest, payment: { rail: "code", code: text }, detail: `…${text.slice(-4)}` });
}

function takeCoupon(text) {
  const free = B.freeCoupons(desk);
  const coupon = /^\d{1,2}$/.test(text) ? free[Number(text) - 1] : free.find((each) => each.code.toUpperCase() === text.toUpperCase());
  if (!coupon) return tell(word("say", "no_such_coupon"), "warn");
  const amount = Math.min(coupon.amount, B.left(desk));
  if (amount > 0) desk.coupons.push({ code: coupon.code, name: coupon.name, amount });
  toMain();
}

// ------------------------------------------------------------------------------------------------ settling

async function settle() {
  if (desk.result) return printReceipt(desk.result.id, desk.result.given);
  if (!B.hasGoods(desk)) return tell(word("say", "nothing"), "warn");
  const rest = B.left(desk);
  if (rest !== 0) return tell(word("say", "left", { amount: V.moneyOf(desk)(rest) }), "warn");
  const cash = desk.tenders.find((tender) => tender.kind === "cash" && tender.given);
  const facts = { change: desk.tenders.reduce((all, tender) => all + Math.max((tender.given || 0) - tender.amount, 0), 0), given: cash?.given || null };
  await send(S.keep(desk, B.settlementBody(desk), facts));
}

async function send(kept) {
  desk.busy = true;
  draw();
  const answer = await S.sendKept(desk, kept, () => { ahead = []; tell(word("say", "no_answer"), "danger"); });
  desk.busy = false;
  if (answer === null) { draw(); return tell(word("say", "gave_up"), "danger"); }
  if (answer.status === 401) return loggedOut();
  if (answer.status >= 400) return refused(answer);
  for (const ticket of kept.body.tickets) desk.waiting.delete(ticket);
  Object.assign(desk, nobody());
  desk.result = { ...answer.body, ...kept.facts, payments: [] };
  tell("");
  enter("result");
  await listRecent();
}

async function refused(answer) {
  ahead = []; // what was pressed for a settlement that went well means nothing now
  toMain();
  if (answer.body?.code === "tickets_not_open") return takenElsewhere(answer.body.tickets || []);
  tell(problemWords(answer), "danger");
  asking = askQuote();
}

/** Another desk was faster: say which ticket and where, take it off the list, and ask for the payments again. */
async function takenElsewhere(closed) {
  const words = [];
  for (const ticket of closed) {
    const found = await get(`/v1/settlements?${query({ ticket: ticket.id, limit: 1 })}`);
    const terminal = found?.body?.items?.[0]?.terminal;
    words.push(goneWords(ticket, terminal));
    takeOff(ticket.id);
  }
  changed();
  tell([...words, word("say", "nothing_charged")].join(" "), "danger");
}

function goneWords({ number, state }, terminal) {
  if (terminal && state === "settling") return word("say", "taking_elsewhere", { number, terminal });
  if (terminal && ["paid", "released"].includes(state)) return word("say", "taken_elsewhere", { number, terminal });
  return word("say", "taken", { number, state: word("ticket", state) });
}

function takeOff(id) {
  desk.waiting.delete(id);
  desk.tickets = desk.tickets.filter((ticket) => ticket.id !== id);
  desk.cursor = -1;
}

/** What was sent and never answered is asked for again: the same key, so nothing is done twice. */
async function sendAgain() {
  const kept = S.unanswered(desk);
  if (kept && !desk.busy) await send(kept);
}

// ------------------------------------------------------------------------------------------------ settled here

async function listRecent() {
  const [latest, pending] = await Promise.all([
    get(`/v1/settlements?${query({ terminal: desk.terminal, limit: RECENT })}`),
    get(`/v1/settlements?${query({ terminal: desk.terminal, state: "pending", limit: 50 })}`),
  ]);
  if (latest?.status !== 200 || pending?.status !== 200) return;
  const before = new Map(desk.recent.map((settled) => [settled.id, settled.state]));
  const waits = new Set(pending.body.items.map((settled) => settled.id));
  desk.recent = [...pending.body.items, ...latest.body.items.filter((settled) => !waits.has(settled.id))];
  for (const settled of desk.recent) if (before.get(settled.id) === "pending" && settled.state !== "pending") resolved(settled);
  if (desk.result) {
    const shown = desk.recent.find((settled) => settled.id === desk.result.id);
    if (shown) Object.assign(desk.result, { payments: shown.payments });
  }
  draw();
}

/** A settlement that waited has ended: shown where it is looked at, told where the next customer is served. */
async function resolved(settled) {
  const amount = V.moneyOf(desk)(settled.amount);
  if (settled.state === "paid") tell(word("say", "resolved_paid", { amount }), "good");
  else tell(word("say", "resolved_failed", { amount, why: word("said", settled.failure || "") }), "danger");
  if (desk.result?.id !== settled.id) return;
  const answer = await get(`/v1/settlements/${settled.id}`);
  if (answer?.status === 200) Object.assign(desk.result, answer.body);
  if (settled.state === "failed") await bringBack(settled);
  draw();
}

/** A payment came to nothing: its tickets are open again, and on the list for another way of paying. */
async function bringBack(settled) {
  nextCustomer();
  for (const ticket of settled.tickets) {
    const answer = await get(`/v1/tickets/${ticket.id}`);
    if (answer?.body?.state === "issued") add(answer.body);
  }
  if (settled.member) await takeMember({ member: settled.member });
  changed();
  tell(word("say", "resolved_failed", { amount: V.moneyOf(desk)(settled.amount), why: word("said", settled.failure || "") }), "danger");
}

async function printReceipt(id, given) {
  if (desk.result?.id === id && desk.result.state !== "paid") return tell(word("settlement", desk.result.state), "warn");
  const part = await fetch(`/settlements/${id}/receipt?${new URLSearchParams({ part: 1, ...(given ? { given } : {}) })}`, { credentials: "same-origin" }).catch(() => null);
  if (!part?.ok) return tell(word("say", "failed"), "danger");
  const noted = await call("POST", `/v1/settlements/${id}/prints`, undefined, window.regulars.newKey()).catch(() => null);
  if (noted?.status !== 201) return tell(noted ? problemWords(noted) : word("say", "no_answer"), "danger");
  at("paper").innerHTML = await part.text();
  at("paper").querySelector(".paper-copy")?.toggleAttribute("hidden", !noted.body.copy);
  window.print();
  tell(word("say", noted.body.copy ? "copy_printed" : "printed"), "good");
  if (desk.result?.id === id) nextCustomer();
}

// ------------------------------------------------------------------------------------------------ left goods

/** Keep the goods of what was just settled here, or of the settlement that is chosen. */
function keepGoods() {
  const settled = desk.mode.name === "recent" ? desk.recent[desk.mode.at] : desk.result || desk.recent[0];
  if (settled?.state !== "paid") return tell(word("say", "nothing_to_keep"), "warn");
  tell("");
  enter("keep", { settlement: settled.id });
}

/** Back to what was just settled, else to the basket. */
const backToSettled = () => enter(desk.result ? "result" : "main");

async function keep(text) {
  const wish = K.readPieces(text);
  if (!wish) return tell(word("say", "not_pieces"), "warn");
  const answer = await K.leave(desk, desk.mode.settlement, wish);
  if (answer?.status === 401) return loggedOut();
  if (answer?.status !== 201) return tell(answer ? problemWords(answer) : word("say", "no_answer"), "danger");
  backToSettled();
  tell(word("say", "kept", { label: answer.body.label }), "good");
  const paper = await K.paper(answer.body);
  if (paper === null) return;
  at("paper").innerHTML = paper;
  window.print();
}

async function callParcel(label) {
  const answer = await K.find(desk, label);
  if (answer?.status === 401) return loggedOut();
  const parcel = answer?.body?.items?.[0];
  if (!parcel) return tell(answer ? word("say", "no_parcel", { label }) : word("say", "no_answer"), "warn");
  if (parcel.state !== "lying") return tell(word("say", `parcel_${parcel.state}`, { label }), "warn");
  enter("handout", { parcel });
  const { pieces, place, note } = parcel;
  tell([word("say", "parcel_lies", { label, pieces }), place && word("say", "parcel_place", { place }), note].filter(Boolean).join(" · "));
}

async function handOut() {
  const { parcel } = desk.mode;
  const answer = await K.handOut(desk, parcel);
  if (answer?.status === 401) return loggedOut();
  if (answer === null) return tell(word("say", "no_answer"), "danger");
  toMain();
  if (answer.status !== 200) return tell(problemWords(answer), "danger");
  tell(word("say", "handed_out", { label: parcel.label }), "good");
}

// ------------------------------------------------------------------------------------------------ live

function heard(event) {
  const facts = JSON.parse(event.data);
  if (facts.ticket) heardTicket(facts.ticket);
  else if (facts.settlement) desk.settledAt.set(facts.settlement.id, facts.settlement.terminal);
  if (facts.payment || facts.settlement || ["paid", "released", "settling"].includes(facts.ticket?.state)) recentSoon();
}

let recentTimer = 0;
/** Several events of one settlement cost one look. */
function recentSoon() {
  clearTimeout(recentTimer);
  recentTimer = setTimeout(listRecent, 200);
}

async function heardTicket(told) {
  const mine = desk.tickets.find((ticket) => ticket.id === told.id);
  if (told.state !== "issued") {
    desk.waiting.delete(told.id);
    if (mine && !desk.busy) {
      takeOff(told.id);
      changed();
      tell(goneWords(told, desk.settledAt.get(told.settlement)), "danger");
    } else draw();
    return;
  }
  const answer = await get(`/v1/tickets/${told.id}`);
  const ticket = answer?.body;
  if (ticket?.state !== "issued") return;
  desk.waiting.set(ticket.id, ticket);
  if (mine && ticket.version !== mine.version) {
    desk.tickets = desk.tickets.map((each) => (each.id === ticket.id ? { ...each, ...ticket } : each));
    changed();
    tell(word("say", "changed", { number: ticket.number }), "warn");
  } else if (!mine && desk.member?.id === ticket.member && !desk.result && !desk.busy) {
    add(ticket, true);
    changed();
    tell(word("say", "came", { number: ticket.number, counter: ticket.counter }), "good");
  } else draw();
}

/** All open tickets of the store, page by page. */
async function listWaiting() {
  const found = new Map();
  let cursor = "";
  do {
    const answer = await get(`/v1/tickets?${query({ state: "issued", limit: 200, ...(cursor ? { cursor } : {}) })}`);
    if (answer?.status !== 200) return false;
    for (const ticket of answer.body.items) found.set(ticket.id, ticket);
    cursor = answer.body.next_cursor;
  } while (cursor && found.size < WAITING_MAX);
  noticeGone(found);
  for (const ticket of found.values()) if (desk.member && ticket.member === desk.member.id && !desk.result && !desk.busy && !desk.tickets.some((each) => each.id === ticket.id)) { add(ticket, true); changed(); }
  desk.waiting = found;
  draw();
  return true;
}

/** Where live news was away: what is on the list and no longer open in the store is taken off, and said. */
function noticeGone(open) {
  if (desk.busy) return;
  for (const ticket of desk.tickets.filter((each) => !open.has(each.id) && desk.waiting.has(each.id))) heardGone(ticket);
}

async function heardGone(ticket) {
  const answer = await get(`/v1/tickets/${ticket.id}`);
  if (answer?.status === 200 && answer.body.state !== "issued") heardTicket({ ...answer.body });
}

let stream = null;
function listen() {
  if (!window.EventSource) return news(false);
  stream?.close();
  stream = new EventSource(`/v1/stores/${encodeURIComponent(desk.store)}/events`);
  for (const name of ["issued", "settling", "paid", "released", "cancelled", "expired"]) stream.addEventListener(`ticket.${name}`, heard);
  for (const name of ["paid", "failed"]) stream.addEventListener(`settlement.${name}`, heard);
  for (const name of ["pending", "succeeded", "failed", "reversing", "reversed", "unknown"]) stream.addEventListener(`payment.${name}`, heard);
  for (const name of ["hello", "reset"]) stream.addEventListener(name, () => { listWaiting(); listRecent(); });
  stream.addEventListener("open", () => news(true));
  stream.addEventListener("error", () => {
    news(false);
    // A browser gives up for ever on an answer that is no stream (503): we come back.
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, STREAM_AGAIN_MS);
  });
}

let isLive = false;
function news(live) {
  isLive = live;
  const place = at("news");
  place.textContent = word("say", live ? "live" : "polling");
  place.className = `badge ${live ? "good" : "warn"}`;
  place.title = live ? "" : word("say", "offline");
}

setInterval(() => { if (!isLive) { listWaiting(); listRecent(); } }, POLL_MS);
setInterval(() => { if (isLive) { listWaiting(); listRecent(); } }, RESYNC_MS);
setInterval(() => { if (desk.recent.some((settled) => settled.state === "pending")) listRecent(); }, PENDING_MS);

// ------------------------------------------------------------------------------------------------ keyboard and scanner

const scan = { began: 0, length: 0 };
/** How fast characters come tells a scanner from hands. */
function timed(moment) {
  if (entry.value === "" || entry.selectionStart !== entry.selectionEnd) Object.assign(scan, { began: moment, length: 0 });
  scan.length += 1;
  scan.last = moment;
}

// Keys that come while something is still being asked for are kept, and pressed when the answer is there: a clerk who
// knows the way by heart, and a scanner, never wait.
const AHEAD_MAX = 300;
let working = 0;
let ahead = [];
async function work(task) {
  working += 1;
  try {
    await task();
  } finally {
    working -= 1;
    pressAhead();
  }
}

function pressAhead() {
  while (ahead.length && !working) {
    const { action, key, moment } = ahead.shift();
    if (action) act(action);
    else if (isToggle(key)) act("toggle");
    else if (key === "Enter") submit();
    else if (key === "Backspace") entry.value = entry.selectionStart === entry.selectionEnd ? entry.value.slice(0, -1) : "";
    else {
      timed(moment);
      entry.setRangeText(key, entry.selectionStart, entry.selectionEnd, "end");
    }
  }
}

const isToggle = (key) => key === " " && entry.value === "" && desk.mode.name === "main";
const act = (action) => work(async () => ACTIONS[action]());

at("entry-form").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});

function submit() {
  const text = entry.value.trim();
  const scanned = scan.length === text.length && B.wasScanned(text, (scan.last || 0) - scan.began);
  Object.assign(scan, { began: 0, length: 0 });
  work(() => confirm(text, scanned));
}

async function confirm(text, scanned) {
  if (desk.busy) return;
  const mode = desk.mode.name;
  if ((scanned || B.isCode(text)) && (AMOUNT_MODES.includes(mode) || mode === "product" || mode === "price")) {
    entry.value = "";
    if (B.isPaymentCode(text)) return takeCode(text);
    draw();
    return tell(word("say", "code_scanned"), "warn");
  }
  entry.value = "";
  if (mode === "main" || mode === "result") return fromMain(text);
  if (mode === "recent") return text ? (toMain(), fromMain(text)) : reprint();
  if (mode === "member") return fromMember(text);
  if (mode === "price") return text ? typedPrice(text) : toMain();
  if (mode === "product") return productPrice(text);
  if (mode === "coupon") return takeCoupon(text || "1");
  if (mode === "code") return text ? takeCode(text) : toMain();
  if (mode === "keep") return keep(text);
  if (mode === "handout") return text ? (toMain(), fromMain(text)) : handOut();
  if (AMOUNT_MODES.includes(mode)) return takeAmount(text);
}

async function fromMain(text) {
  const read = B.readEntry(text);
  if (read.kind === "confirm") return settle();
  if (desk.result && !["payment_code", "label"].includes(read.kind)) nextCustomer();
  tell("");
  if (read.kind === "ticket") return callTicket(read.number);
  if (read.kind === "payment_code") return takeCode(read.text);
  if (read.kind === "label") return callParcel(read.text);
  if (read.kind === "price") return typedPrice(read.text);
  if (read.kind === "member" && (await takeMember({ scan: read.text }))) return;
  if (read.kind === "member") return tell(word("say", "not_found", { text: read.text }), "warn");
  if (await addProduct(read.text, read.quantity || 1)) return;
  if (await takeMember({ scan: read.text })) return;
  tell(word("say", "not_found", { text: read.text }), "warn");
}

async function fromMember(text) {
  if (desk.mode.confirm && !text) {
    const member = desk.mode.confirm;
    toMain();
    return takeMember({ member });
  }
  if (!text) return toMain();
  begin();
  if (/^\d{4}$/.test(text)) return byLastFour(text);
  if (await takeMember({ scan: text })) return toMain();
  tell(word("say", "not_found", { text }), "warn");
}

function reprint() {
  const settled = desk.recent[desk.mode.at];
  if (!settled) return toMain();
  const hangs = settled.payments.find((payment) => !["succeeded", "failed", "reversed"].includes(payment.state));
  if (settled.state === "pending" && hangs) return window.open(`/payments/${hangs.id}`);
  if (settled.state !== "paid") return tell(word("settlement", settled.state), "warn");
  toMain();
  return printReceipt(settled.id);
}

/** Up and Down: through settlements while one is chosen to be printed, else through the basket. */
function move(by) {
  if (desk.mode.name === "recent") {
    desk.mode.at = Math.min(Math.max(desk.mode.at + by, 0), desk.recent.length - 1);
    return draw();
  }
  const rows = desk.tickets.length + desk.loose.length;
  if (rows) desk.cursor = Math.min(Math.max(desk.cursor + by, 0), rows - 1);
  draw();
}

/** Space: a ticket is settled now or left for later; loose goods are taken off. */
function toggle() {
  const row = desk.cursor < 0 && desk.tickets.length + desk.loose.length === 1 ? 0 : desk.cursor;
  if (row < 0) return;
  if (row < desk.tickets.length) desk.tickets[row].chosen = !desk.tickets[row].chosen;
  else { desk.loose.splice(row - desk.tickets.length, 1); desk.cursor = -1; }
  changed();
}

function escape() {
  tell("");
  if (entry.value && desk.mode.name === "main") { entry.value = ""; return; }
  if (["keep", "recent"].includes(desk.mode.name)) return backToSettled();
  if (desk.result) return nextCustomer();
  if (desk.mode.name !== "main") return toMain();
  if (desk.tenders.length) desk.tenders.pop();
  else if (desk.coupons.length) desk.coupons.pop();
  else return nextCustomer();
  draw();
}

const ACTIONS = {
  member: () => { begin(); enter("member"); },
  price: () => { begin(); enter("price"); },
  recent: () => (desk.recent.length ? enter("recent", { at: 0 }) : tell(word("say", "none_settled"))),
  keep: keepGoods,
  again: async () => { await sendAgain(); await listWaiting(); await listRecent(); },
  escape,
  toggle,
  down: () => move(1),
  up: () => move(-1),
  enter: submit,
  ...Object.fromEntries(["coupon", "points", "ecoin", "stored_value", "card", "card_elsewhere", "cash", "code"].map((kind) => [kind, () => payBy(kind)])),
};
const KEYS = { F1: "recent", F2: "member", F3: "price", F4: "coupon", F5: "code", F6: "points", F7: "ecoin", F8: "stored_value", F9: "card", F10: "cash", F12: "again", Escape: "escape", ArrowDown: "down", ArrowUp: "up" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  let action = KEYS[event.key];
  if (event.key === "F9" && event.shiftKey) action = "card_elsewhere";
  if (event.key === "F1" && event.shiftKey) action = "keep";
  if (!working && isToggle(event.key)) action = "toggle";
  if (working && (action || event.key.length === 1 || ["Enter", "Backspace"].includes(event.key))) {
    event.preventDefault();
    if (ahead.length < AHEAD_MAX) ahead.push({ action, key: event.key, moment: event.timeStamp });
    return;
  }
  if (!action) {
    if (event.key.length === 1) { entry.focus(); timed(event.timeStamp); }
    return;
  }
  event.preventDefault();
  act(action);
}, true);

root.addEventListener("click", (event) => {
  const key = event.target.closest("[data-action]");
  const waiting = event.target.closest("[data-call]");
  const row = event.target.closest("[data-at]");
  const settled = event.target.closest("[data-settlement]");
  if (working) return;
  if (key) act(key.dataset.action);
  else if (waiting) work(() => callTicket(Number(waiting.dataset.call)));
  else if (row) { desk.cursor = Number(row.dataset.at); toggle(); }
  else if (settled) { enter("recent", { at: desk.recent.findIndex((each) => each.id === settled.dataset.settlement) }); }
  entry.focus({ preventScroll: true });
});

// The line never loses the focus: not by a click beside it, not after printing.
for (const name of ["focus", "afterprint"]) window.addEventListener(name, () => entry.focus({ preventScroll: true }));
entry.addEventListener("blur", () => setTimeout(() => {
  if (!document.activeElement || document.activeElement === document.body) entry.focus({ preventScroll: true });
}, 0));

document.querySelector("[data-other-desk]").addEventListener("click", () => localStorage.removeItem("regulars.desk"));
localStorage.setItem("regulars.desk", JSON.stringify({ store: desk.store, terminal: desk.terminal }));
news(false);
draw();
listen();
listWaiting();
listRecent().then(sendAgain);
