// Who buys: by card, phone or the code on the phone; or by the last four digits, with one masked choice.

import { badge, field, h, icon, problemWords, sheet, show, words } from "./handheld_page.js";
import { call, isDone, state } from "./handheld_network.js";

const PHONE = /^(?:\+?86)?1[3-9]\d{9}$/;
const ROTATING = /^(?:RG|https?:|[A-Za-z]+:)/;

const masked = (value) => (value.length > 7 ? `${value.slice(0, 3)}****${value.slice(-4)}` : value);

/** What the ticket is sent with. */
export const memberBody = (member) => (member === null ? null : member.id ?? { kind: member.kind, value: member.value });

/** How the member is called on the page. */
export const memberWords = (member) => (member === null ? words("no_member") : member.name || member.value_masked || member.id);

async function scanned(text, place) {
  const asked = { basket: { store: place.store, lines: [] }, scan: text };
  const answer = await call("POST", "/v1/sales/quote", asked);
  if (isDone(answer)) return answer.body.member ? { ...answer.body.member, points: answer.body.points?.usable } : null;
  return answer.status === 0 ? undefined : { problem: problemWords(answer.body) };
}

/** A member nobody can look up now: the number travels with the ticket. */
function unseen(text) {
  const plain = text.replace(/[\s-]/g, "");
  if (ROTATING.test(plain)) return { problem: words("member_code_offline") };
  const kind = PHONE.test(plain) ? "phone" : "card";
  return { kind, value: plain, value_masked: masked(plain), name: null, tier: null };
}

async function byLastFour(digits) {
  const answer = await call("POST", "/v1/members/search", { last_four: digits });
  if (answer.status === 409) return { problem: words("member_several") };
  if (!isDone(answer)) return { problem: problemWords(answer.body) };
  const found = answer.body.items[0];
  if (!found) return { problem: words("member_unknown") };
  return { id: found.id, name: [found.name, found.phone].filter(Boolean).join(" · "), tier: found.tier?.name ?? null };
}

/** Opens the choice of a member; resolves with the chosen one, null for none, undefined where nothing changed. */
export function chooseMember(place, present) {
  return new Promise((resolve) => {
    let chosen;
    const opened = sheet(words("member"), { onScan: (text) => look(text), onClose: () => resolve(chosen) });
    const input = h("input", { type: "search", autocomplete: "off", autocapitalize: "none", enterkeyhint: "search" });
    const asked = field(words("member_scan"), input, state.online ? "" : words("member_offline"));
    const digits = h("input", { inputmode: "numeric", autocomplete: "off", maxlength: "4", pattern: "\\d{4}" });
    const four = field(words("member_last_four"), digits);
    const answer = h("div", { class: "hh-answer", "aria-live": "polite" });

    const take = (member) => { chosen = member; opened.close(); };
    const offer = (member) => show(answer,
      h("div", { class: "hh-card" },
        h("p", { class: "hh-strong" }, memberWords(member), member.tier ? badge(member.tier, "info") : null),
        member.points === undefined ? null : h("p", { class: "hint" }, words("member_points", { points: member.points })),
        h("button", { class: "button primary block", type: "button", onclick: () => take(member) }, words("member_use"))));

    async function look(text) {
      const value = text.trim();
      if (!value) return;
      asked.tell("");
      show(answer, h("p", { class: "hint" }, words("searching")));
      let found = state.online ? await scanned(value, place) : undefined;
      found = found === undefined ? unseen(value) : found;
      if (found === null || found.problem) { show(answer); asked.tell(found?.problem ?? words("member_unknown")); return; }
      if (found.id) take(found); else offer(found);
    }

    async function lookFour() {
      four.tell("");
      if (!/^\d{4}$/.test(digits.value)) { four.tell(words("member_last_four")); return; }
      if (!state.online) { four.tell(words("needs_network")); return; }
      const found = await byLastFour(digits.value);
      if (found.problem) { show(answer); four.tell(found.problem); } else offer(found);
    }

    const form = (content, act) => h("form", { class: "hh-inline", novalidate: true, onsubmit: (event) => { event.preventDefault(); act(); } },
      content, h("button", { class: "button", type: "submit" }, words("member_find")));
    show(opened.body, form(asked, () => look(input.value)), form(four, lookFour), answer,
      present ? h("button", { class: "button block", type: "button", onclick: () => take(null) }, icon("cross"), words("member_take_off")) : null);
  });
}
