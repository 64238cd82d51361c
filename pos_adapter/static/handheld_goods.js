// Goods and prices on the device: filled page by page, kept fresh by asking what changed, searched without a network.

import { call, isDone, state } from "./handheld_network.js";
import * as store from "./handheld_store.js";

const PAGE = 1000;
const FOUND_MAX = 20;
const REFRESH_MS = 5 * 60 * 1000;
export const goods = new EventTarget();
export const cache = { count: 0, isWhole: false };

let filling = null;
let searchable = null;
let currency = null;

const progress = () => goods.dispatchEvent(new Event("progress"));

/** Begins keeping the goods of this counter on the device; goes on from where it stopped. */
export async function keep(place) {
  currency = place.sheet.store.currency;
  cache.count = await store.count("products");
  cache.isWhole = Boolean((await store.get("kept", "products"))?.since);
  progress();
  fill(place);
  setInterval(() => fill(place), REFRESH_MS);
}

export function fill(place) {
  filling ??= fillNow(place).finally(() => { filling = null; });
  return filling;
}

async function fillNow(place) {
  const whose = `${place.store}/${place.counter}`;
  let kept = await store.get("kept", "products");
  if (kept?.whose !== whose) {
    await store.clear("products");
    kept = { whose, cursor: null, since: null };
    cache.count = 0;
  }
  for (;;) {
    const query = new URLSearchParams({ store: place.store, counter: place.counter, limit: PAGE });
    if (kept.cursor) query.set("cursor", kept.cursor);
    else if (kept.since) query.set("since", kept.since);
    const answer = await call("GET", `/v1/handheld/products?${query}`);
    if (!isDone(answer)) return;
    const { items, next_cursor: cursor, since } = answer.body;
    const sold = items.filter((item) => item[3]).map(([code, name, price]) => ({ code, name, price }));
    await store.putAll("products", sold, items.filter((item) => !item[3]).map(([code]) => code));
    kept = { whose, cursor, since: cursor ? kept.since : since };
    await store.put("kept", kept, "products");
    if (items.length) { searchable = null; cache.count = await store.count("products"); }
    cache.isWhole = !cursor;
    progress();
    if (!cursor) return;
  }
}

/** A product of the server's list as the device keeps it; a price in another currency is none here. */
const asKept = (found) => ({
  code: found.code, name: found.name, price: found.currency && found.currency !== currency ? null : found.regular_price ?? null,
});

/** The product with this code: from the device, else from the server; null where there is none, undefined unknown. */
export async function byCode(code) {
  const here = await store.get("products", code);
  if (here) return here;
  if (!state.online) return cache.isWhole ? null : undefined;
  const answer = await call("GET", `/v1/products?${new URLSearchParams({ code, limit: 1 })}`);
  if (!isDone(answer)) return undefined;
  const found = answer.body.items[0];
  return found && found.status === "active" ? asKept(found) : null;
}

/** Goods whose name has all these words, or whose code begins with them; at most twenty. */
export async function search(text) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  searchable ??= (await store.all("products")).map((product) => ({ product, name: product.name.toLowerCase() }));
  const found = [];
  for (const { product, name } of searchable) {
    if (!product.code.toLowerCase().startsWith(wanted[0]) && !wanted.every((word) => name.includes(word))) continue;
    found.push(product);
    if (found.length === FOUND_MAX) break;
  }
  if (found.length || cache.isWhole || !state.online) return found;
  const answer = await call("GET", `/v1/products?${new URLSearchParams({ q: text.slice(0, 100), limit: FOUND_MAX })}`);
  if (!isDone(answer)) return found;
  return answer.body.items.filter((item) => item.status === "active").map(asKept);
}
