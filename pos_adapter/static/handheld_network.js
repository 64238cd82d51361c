// Requests, and whether there is a network. What the last request met is the truth; the browser's own word is a hint.

import { facts } from "./handheld_page.js";

const TIMEOUT_MS = 15000;
export const network = new EventTarget();
export const state = { online: navigator.onLine, signedOut: false };
let token = document.querySelector('meta[name="csrf-token"]')?.content || "";

function noted(online, signedOut = state.signedOut) {
  if (state.online === online && state.signedOut === signedOut) return;
  Object.assign(state, { online, signedOut });
  network.dispatchEvent(new Event("change"));
}

window.addEventListener("offline", () => noted(false));
window.addEventListener("online", () => probe());

/** Asks whether the server can be reached; tells whoever listens when that changed. */
export async function probe() {
  try {
    await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    noted(true);
  } catch { noted(false); }
  return state.online;
}

async function send(method, address, body, key) {
  const headers = { Accept: "application/json", "X-CSRF-Token": token };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const answer = await fetch(address, {
    method, headers, credentials: "same-origin", cache: "no-store",
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await answer.text();
  let parsed = null;
  try { parsed = text ? JSON.parse(text) : null; } catch { parsed = null; }
  return { status: answer.status, body: parsed, wait: Number(answer.headers.get("Retry-After")) || 0 };
}

/** The page may come from the device, older than the session: the token is read anew from the server's page. */
async function freshToken() {
  const answer = await fetch("/handheld", { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok || answer.redirected) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const found = page.querySelector('meta[name="csrf-token"]')?.content;
  const changed = Boolean(found) && found !== token;
  if (found) token = found;
  return changed;
}

/** A request to /v1: {status, body, wait}; status 0 where no answer came. */
export async function call(method, address, body, key) {
  try {
    let answer = await send(method, address, body, key);
    if (answer.status === 403 && answer.body?.code === "csrf_rejected" && (await freshToken())) {
      answer = await send(method, address, body, key);
    }
    noted(true, answer.status === 401);
    return answer;
  } catch {
    noted(false);
    return { status: 0, body: { code: "network", detail: facts.words.problem_network }, wait: 0 };
  }
}

export const isDone = (answer) => answer.status >= 200 && answer.status < 300;

/** Whether the same may be sent again and have another end: nothing was decided about it. */
export const isUndecided = (answer) =>
  answer.status === 0 || answer.status === 401 || answer.status === 408 || answer.status === 429 || answer.status >= 500
  || (answer.status === 403 && answer.body?.code === "csrf_rejected")
  || (answer.status === 409 && answer.body?.retryable === true);

/** A UUID of version 4; without https the browser has no function for it. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
