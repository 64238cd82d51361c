"use strict";
// Goods that a customer leaves at the desk, and gets back for the slip with the same label.

const call = (...request) => window.regulars.call(...request).catch(() => null);

/** "2 A3": pieces and the shelf, if there is one; nothing typed is one piece. Null if it cannot be read. */
function readPieces(text) {
  const [, pieces, place] = /^(?:(\d{1,3})(?:\s+(.{1,64}))?)?$/.exec(text.trim()) || [null, null];
  if (pieces === null) return null;
  const count = Number(pieces ?? 1);
  return count > 0 ? { pieces: count, ...(place ? { place } : {}) } : null;
}

/** Keep what of a settlement its counters have not handed over. The answer; null without one. */
function leave(desk, settlement, { pieces, place }) {
  const body = { store: desk.store, terminal: desk.terminal, settlement, pieces, ...(place ? { place } : {}) };
  return call("POST", "/v1/parcels", body, window.regulars.newKey());
}

/** What a label means in this store. The answer; null without one. */
const find = (desk, label) => call("GET", `/v1/parcels?${new URLSearchParams({ store: desk.store, label })}`);

/** Hand out against the slip. The same parcel keeps its key: pressed again after a lost answer it is the same deed. */
const handOut = (desk, parcel) => call("POST", `/v1/parcels/${parcel.id}/hand-out`, { terminal: desk.terminal, proof: "slip" }, `${parcel.id}:${desk.terminal}`);

/** The label and the slip as they are printed; null if they did not come. */
async function paper(parcel) {
  const part = await fetch(`/parcels/${parcel.id}/label?part=1`, { credentials: "same-origin" }).catch(() => null);
  return part?.ok ? part.text() : null;
}

window.deskParcels = { readPieces, leave, find, handOut, paper };
