"use strict";
// Sending a settlement so that it happens once: key and body are kept before the first try, and sent again with the
// same key until there is an answer, also after the page was closed in between.

const KEPT = "regulars.desk.sending";
const TRIES_MAX = 6;
const PAUSE_MS = 1500;
const GIVE_UP_MS = 20000;

const keptName = (desk) => `${KEPT}.${desk.store}.${desk.terminal}`;

/** What was sent and never answered: {key, body, facts}, or null. */
function unanswered(desk) {
  return JSON.parse(localStorage.getItem(keptName(desk)) || "null");
}

/** Keep a settlement before it is sent. `facts` are what the page wants to know when the answer comes. */
function keep(desk, body, facts) {
  const kept = { key: window.regulars.newKey(), body, facts };
  localStorage.setItem(keptName(desk), JSON.stringify(kept));
  return kept;
}

const forget = (desk) => localStorage.removeItem(keptName(desk));

/** Send what is kept until it is answered; null after six tries without one (it stays kept). */
async function sendKept(desk, kept, onTrouble) {
  for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
    const answer = await once(kept);
    if (answer && !(answer.status >= 500 || answer.status === 429 || isStillRunning(answer))) {
      // Logged out: the settlement may or may not have been made before. It is asked again after the next log-in.
      if (answer.status !== 401) forget(desk);
      return answer;
    }
    onTrouble();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
  }
  return null;
}

const isStillRunning = (answer) => answer.status === 409 && answer.body?.retryable;

async function once(kept) {
  const silence = new Promise((resolve) => setTimeout(() => resolve(null), GIVE_UP_MS));
  try {
    return await Promise.race([window.regulars.call("POST", "/v1/settlements", kept.body, kept.key), silence]);
  } catch {
    return null;
  }
}

window.deskSending = { keep, unanswered, sendKept };
