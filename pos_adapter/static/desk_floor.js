"use strict";
// The supervisor's board, drawn anew when something happens in the store, and every fifteen seconds.

const board = document.getElementById("board");
const AT_MOST_EVERY_MS = 2000;
const ANYWAY_MS = 15000;
const STREAM_AGAIN_MS = 15000;
let drawnAt = Date.now();
let waiting = 0;

async function drawBoard() {
  waiting = 0;
  drawnAt = Date.now();
  const answer = await fetch(board.dataset.address, { credentials: "same-origin" }).catch(() => null);
  if (answer?.status === 401) location.reload();
  if (answer?.ok) board.innerHTML = await answer.text();
}

/** Many events of one moment cost one drawing. */
function soon() {
  waiting ||= setTimeout(drawBoard, Math.max(AT_MOST_EVERY_MS - (Date.now() - drawnAt), 100));
}

function listen() {
  const stream = new EventSource(`/v1/stores/${encodeURIComponent(board.dataset.store)}/events`);
  const names = ["issued", "settling", "paid", "released", "cancelled", "expired"].map((name) => `ticket.${name}`);
  for (const name of [...names, "settlement.paid", "settlement.failed", "parcel.lying", "parcel.collected", "parcel.sent_back", "reset"]) stream.addEventListener(name, soon);
  stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) setTimeout(listen, STREAM_AGAIN_MS); });
}

if (board) {
  listen();
  setInterval(drawBoard, ANYWAY_MS);
}
