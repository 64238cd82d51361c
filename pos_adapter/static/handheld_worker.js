// The service worker: keeps the shell, so that the page opens without a network. SHELL is put before this text.

const NAME = `handheld-${self.SHELL.version}`;
const PAGE_WAIT_MS = 4000;

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(NAME);
    await cache.addAll(self.SHELL.files);
    await keepPage(await fetch(self.SHELL.page, { credentials: "same-origin" }));
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("handheld-") && name !== NAME) await caches.delete(name);
    await self.clients.claim();
  })());
});

/** Only the page itself, never the log-in that stands in for it. */
async function keepPage(answer) {
  if (!answer.ok || answer.redirected || answer.type === "opaqueredirect") return;
  await (await caches.open(NAME)).put(self.SHELL.page, answer.clone());
}

/** From the network if it answers in time, for then its language and its session are right; else as it was kept. */
async function page(request) {
  const kept = await caches.match(self.SHELL.page, { cacheName: NAME });
  const fetched = fetch(request).then(async (answer) => { await keepPage(answer); return answer; });
  if (!kept) return fetched;
  const late = new Promise((resolve) => { setTimeout(() => resolve(kept), PAGE_WAIT_MS); });
  try {
    const answer = await Promise.race([fetched, late]);
    return answer.status >= 500 ? kept : answer;
  } catch { return kept; }
}

async function file(request) {
  return (await caches.match(request, { cacheName: NAME })) ?? fetch(request);
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin) return;
  if (request.mode === "navigate" && address.pathname === self.SHELL.page) event.respondWith(page(request));
  else if (address.pathname.startsWith("/static/")) event.respondWith(file(request));
});
