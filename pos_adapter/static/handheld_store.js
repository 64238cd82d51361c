// What the device keeps (IndexedDB): tickets that are not sent, today's tickets as last seen, goods and prices, its place.

const NAME = "regulars-handheld";
const STORES = { kept: undefined, outbox: "id", tickets: "id", products: "code", payments: "ticket" };

let opening = null;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      for (const [name, keyPath] of Object.entries(STORES)) request.result.createObjectStore(name, keyPath ? { keyPath } : {});
    };
    request.onsuccess = () => {
      // Another tab with a newer page must not wait for this one.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => { opening = null; reject(request.error); };
  });
  return opening;
}

/** One transaction on one store; resolves when it is on the disk, with the result of the request that `work` made. */
async function within(name, mode, work) {
  const base = await open();
  return new Promise((resolve, reject) => {
    const transaction = base.transaction(name, mode, mode === "readwrite" ? { durability: "strict" } : undefined);
    const request = work(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export const get = (name, key) => within(name, "readonly", (store) => store.get(key));
export const all = (name) => within(name, "readonly", (store) => store.getAll());
export const count = (name) => within(name, "readonly", (store) => store.count());
export const remove = (name, key) => within(name, "readwrite", (store) => store.delete(key));
export const clear = (name) => within(name, "readwrite", (store) => store.clear());
export const put = (name, value, key) =>
  within(name, "readwrite", (store) => (key === undefined ? store.put(value) : store.put(value, key)));

/** Many values in one transaction; `gone` are keys that leave. */
export function putAll(name, values, gone = []) {
  return within(name, "readwrite", (store) => {
    for (const value of values) store.put(value);
    for (const key of gone) store.delete(key);
    return null;
  });
}

/** The device asks the browser not to throw away what it keeps. */
export async function keepForGood() {
  try { await navigator.storage?.persist?.(); } catch { /* it may say no */ }
}
