// The handheld's page: chooses its counter once, then issues tickets and shows what becomes of them.

import { facts, h, place as at, say, show, topSheet, words } from "./handheld_page.js";
import * as checkout from "./handheld_checkout.js";
import * as goods from "./handheld_goods.js";
import * as issuing from "./handheld_issue.js";
import * as live from "./handheld_live.js";
import { call, isDone, network, probe, state } from "./handheld_network.js";
import * as outbox from "./handheld_outbox.js";
import { listen } from "./handheld_scanner.js";
import * as store from "./handheld_store.js";
import * as ticketsView from "./handheld_tickets.js";

const PROBE_MS = 5000;
let here = null;

async function begin() {
  registerWorker();
  await store.keepForGood();
  const kept = await store.get("kept", "place");
  if (kept && facts.stores.some((each) => each.code === kept.store)) here = kept;
  await outbox.begin();
  for (const target of [network, outbox.outbox]) target.addEventListener("change", drawSent);
  setInterval(() => { if (!state.online) probe(); }, PROBE_MS);
  drawSent();
  at("place").addEventListener("click", () => choosePlace());
  at("sent").addEventListener("click", () => { if (here) go("tickets"); });
  const asked = askedPlace();
  if (asked) await goThere(asked); else if (here) await open(); else choosePlace();
}

/** The place that the address names (?store=...&counter=...), once: the device's own stays when it is that one. */
function askedPlace() {
  const query = new URLSearchParams(location.search);
  const [shop, counter] = [query.get("store"), query.get("counter") ?? ""];
  if (!shop) return null;
  history.replaceState(null, "", location.pathname);
  const same = here && here.store === shop && (!counter || here.counter === counter);
  return same ? null : { shop, counter };
}

/** Takes the place if it is one; else it is looked for among those of the store. */
async function goThere({ shop, counter }) {
  const sheet = counter ? await readSheet(shop, counter) : null;
  if (sheet) { await takePlace(shop, counter, sheet); return; }
  if (here) await open();
  await choosePlace(shop, counter);
}

function registerWorker() {
  // Without https there is none, and the page then needs the network to open; what is issued is kept all the same.
  navigator.serviceWorker?.register("/handheld/worker.js", { scope: "/handheld" }).catch(() => {});
}

// ---------------------------------------------------------------------------------------------- which counter

async function choosePlace(shop = "", counter = "") {
  go("place");
  const shops = at("place-store");
  show(shops, facts.stores.map((each) => h("option", { value: each.code }, `${each.code} · ${each.name}`)));
  if (facts.stores.some((each) => each.code === shop)) shops.value = shop;
  else if (here) shops.value = here.store;
  at("place-filter").value = counter;
  shops.onchange = listCounters;
  at("place-form").onsubmit = (event) => event.preventDefault();
  await listCounters();
}

async function listCounters() {
  const shop = at("place-store").value;
  const answer = await call("GET", `/v1/handheld/counters?${new URLSearchParams({ store: shop })}`);
  if (!isDone(answer)) { show(at("place-counters"), h("li", { class: "hh-none" }, words("needs_network"))); return; }
  const draw = () => {
    const wanted = at("place-filter").value.trim().toLowerCase();
    const shown = answer.body.items.filter((each) => `${each.code} ${each.name}`.toLowerCase().includes(wanted));
    show(at("place-counters"), shown.length ? shown.slice(0, 200).map((each) => h("li", {},
      h("button", { class: "hh-row", type: "button", "data-counter": each.code, onclick: () => takePlace(shop, each.code) },
        h("span", { class: "hh-row-main" }, h("span", { class: "hh-name" }, each.name), h("small", {}, [each.code, each.floor].filter(Boolean).join(" · "))))))
      : h("li", { class: "hh-none" }, words("nothing_found", { words: wanted || shop })));
  };
  at("place-filter").oninput = draw;
  draw();
}

async function takePlace(shop, counter, known = null) {
  const sheet = known ?? await readSheet(shop, counter);
  if (!sheet) { say(words("needs_network")); return; }
  const changed = here && (here.store !== shop || here.counter !== counter);
  await store.put("kept", { store: shop, counter, sheet }, "place");
  // Everything on the page belongs to the old counter: begin anew.
  if (changed) { await store.remove("kept", "basket"); location.reload(); return; }
  if (here) { go("issue"); return; }
  here = { store: shop, counter, sheet };
  await open();
}

async function readSheet(shop, counter) {
  const answer = await call("GET", `/v1/handheld/sheet?${new URLSearchParams({ store: shop, counter })}`);
  return isDone(answer) ? answer.body : null;
}

async function open() {
  const fresh = await readSheet(here.store, here.counter);
  if (fresh) { here.sheet = fresh; await store.put("kept", { store: here.store, counter: here.counter, sheet: fresh }, "place"); }
  show(at("place"), h("button", { class: "hh-place-name", type: "button" },
    h("span", {}, here.sheet.counter.name), h("small", {}, `${here.sheet.store.name} · ${here.counter}`)));
  document.title = `${here.sheet.counter.name} · Regulars`;
  checkout.begin(here);
  await issuing.begin(here, checkout.open);
  ticketsView.begin(here, go, checkout.open);
  listen(scanned);
  document.addEventListener("pointerdown", ticketsView.allowSound, { once: true });
  for (const tab of at("tabs").querySelectorAll("button")) tab.addEventListener("click", () => go(tab.dataset.view));
  go(sessionStorage.getItem("view") === "tickets" ? "tickets" : "issue");
  await live.begin(here, here.sheet.store.business_date);
  document.documentElement.dataset.ready = "true";
  goods.keep(here);
}

// ---------------------------------------------------------------------------------------------- views

function go(name) {
  for (const view of ["place", "issue", "tickets"]) at(`view-${view}`).hidden = view !== name;
  const inside = name !== "place";
  at("tabs").hidden = !here;
  at("issue-bar").hidden = name !== "issue";
  document.body.dataset.view = name;
  for (const tab of at("tabs").querySelectorAll("button")) {
    if (tab.dataset.view === name) tab.setAttribute("aria-current", "page"); else tab.removeAttribute("aria-current");
  }
  if (inside) sessionStorage.setItem("view", name);
  window.scrollTo(0, 0);
}

/** A scan goes to the sheet that lies open, else into the basket. */
function scanned(text) {
  const opened = topSheet();
  if (opened) { opened.onScan?.(text); return; }
  if (document.body.dataset.view !== "issue") go("issue");
  issuing.scan(text);
}

/** Always in the header: what is sent and what is not. */
function drawSent() {
  const entries = [...outbox.waiting.values()];
  const unsent = entries.filter((entry) => entry.state === "waiting").length;
  const refused = entries.length - unsent;
  const button = at("sent");
  const text = refused ? words("refused_count", { count: refused })
    : unsent ? (unsent === 1 ? words("not_sent_one") : words("not_sent", { count: unsent })) : words("all_sent");
  button.dataset.unsent = String(unsent);
  button.dataset.refused = String(refused);
  button.className = `hh-sent ${refused ? "danger" : unsent || !state.online ? "warn" : "good"}`;
  show(button, state.online ? null : h("small", {}, words("no_network")), h("span", {}, text));
  const note = state.signedOut
    ? h("div", { class: "alert warn", id: "signed-out" }, h("span", {}, words("log_in_to_send")), h("a", { class: "button", href: "/login?next=%2Fhandheld" }, words("log_in")))
    : null;
  at("signed-out")?.remove();
  if (note) at("notice").prepend(note);
}

begin();
