"use strict";
// How the desk looks: every part drawn anew from the desk's state.

const WORDS = JSON.parse(document.getElementById("desk-words").textContent);
const B = window.deskBasket;

const fill = (text, facts = {}) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name] ?? "");
/** Words of a group, filled: word("say", "not_found", {text}). */
const word = (group, name, facts) => fill(WORDS[group]?.[name] ?? WORDS[group]?.other ?? name, facts);

function element(name, className = "", ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

/** Minor units as the reader's language writes them; at home there is one yen sign. */
function moneyOf(desk) {
  const format = new Intl.NumberFormat(desk.language, { style: "currency", currency: desk.currency });
  return (amount) => {
    const text = format.format(amount / 10 ** desk.exponent);
    return desk.currency === desk.home ? text.replace("CN¥", "¥") : text;
  };
}

/** "12.34" of minor units, to be edited. */
function plainAmount(desk, amount) {
  const text = String(amount).padStart(desk.exponent + 1, "0");
  return desk.exponent ? `${text.slice(0, -desk.exponent)}.${text.slice(-desk.exponent)}` : text;
}

/** A counter as people call it, with its code. */
const counterOf = (desk, code) => (desk.counters[code] && desk.counters[code] !== code ? `${code} ${desk.counters[code]}` : code);

const badge = (words, kind) => element("span", `badge ${kind}`, words);
const STATE_KINDS = { pending: "warn", paid: "good", failed: "danger", settling: "warn", issued: "info", unknown: "danger", reversing: "warn", succeeded: "good", created: "info" };

function drawWho(desk, place) {
  const member = desk.member;
  place.replaceChildren(element("span", member ? "who-name" : "who-name muted", member ? member.name || "–" : word("label", "anonymous")));
  if (member?.tier) place.append(badge(member.tier, "info"));
  if (member && !member.maySpend) place.append(badge(word("why", "member_frozen"), "danger"));
}

function drawBasket(desk, place) {
  const money = moneyOf(desk);
  place.replaceChildren();
  desk.tickets.forEach((ticket, at) => place.append(ticketRow(desk, ticket, at, money)));
  desk.loose.forEach((each, at) => {
    const row = element("div", "basket-row chosen", element("span", "tick", "✓"), element("span", "row-what", each.name || word("label", "loose"), each.quantity > 1 ? ` × ${each.quantity}` : ""), element("span", "row-where", each.counter ? counterOf(desk, each.counter) : ""), element("strong", "number", money(each.amount)));
    mark(desk, row, desk.tickets.length + at);
    place.append(row);
  });
}

function ticketRow(desk, ticket, at, money) {
  const goods = ticket.lines.map((line) => desk.names.get(line.product) || line.product || "").filter(Boolean).slice(0, 4).join(", ");
  const what = element("span", "row-what", element("b", "", word("label", "ticket", { number: ticket.number })));
  if (ticket.isNew) what.append(" ", badge(word("label", "new"), "info"));
  if (goods) what.append(element("span", "hint", ` ${goods}`));
  const row = element("div", `basket-row${ticket.chosen ? " chosen" : ""}`, element("span", "tick", ticket.chosen ? "✓" : ""), what, element("span", "row-where", counterOf(desk, ticket.counter)), element("strong", "number", money(ticket.amount)));
  row.dataset.ticket = ticket.number;
  mark(desk, row, at);
  return row;
}

function mark(desk, row, at) {
  row.setAttribute("role", "listitem");
  row.dataset.at = at;
  if (desk.cursor === at) row.classList.add("at");
}

function drawSum(desk, parts) {
  const money = moneyOf(desk);
  parts.owed.textContent = money(B.goodsAmount(desk));
  parts.tenders.replaceChildren(
    ...desk.coupons.map((coupon) => tenderLine(`${word("tender", "coupon")} ${coupon.name}`, money(-coupon.amount))),
    ...desk.tenders.flatMap((tender) => tenderLines(tender, money)),
  );
  const rest = B.left(desk);
  parts.left.textContent = money(rest);
  parts.leftLine.classList.toggle("covered", rest === 0 && B.hasGoods(desk));
}

const tenderLine = (words, amount, soft = false) => element("div", `sum-line${soft ? " soft" : ""}`, element("span", "", words), element("span", "number", amount));

function tenderLines(tender, money) {
  const detail = tender.detail ? ` ${tender.detail}` : "";
  const lines = [tenderLine(word("tender", tender.kind) + detail, money(tender.amount))];
  if (tender.given > tender.amount) {
    lines.push(tenderLine(word("label", "given"), money(tender.given), true));
    const change = tenderLine(word("label", "change"), money(tender.given - tender.amount), true);
    change.classList.add("change");
    lines.push(change);
  }
  return lines;
}

function drawOffers(desk, place) {
  const quote = desk.quote;
  place.replaceChildren();
  if (!quote?.member || !B.hasGoods(desk)) return;
  const money = moneyOf(desk);
  const add = (key, name, value, kind = "") => place.append(element("div", `offer ${kind}`, element("kbd", "", key), element("span", "", name), element("span", "number", value)));
  const listing = desk.mode.name === "coupon" ? B.freeCoupons(desk) : [];
  for (const coupon of quote.coupons) {
    const n = listing.indexOf(coupon) + 1;
    const used = desk.coupons.some((each) => each.code === coupon.code);
    const name = `${n ? `${n}. ` : ""}${coupon.name}`;
    if (used) add("✓", name, money(coupon.amount), "used");
    else if (coupon.usable) add("F4", name, money(coupon.amount));
    else add("F4", name, word("label", "not_usable", { why: word("why", coupon.why_not) }), "no");
  }
  offerOf(desk, add, "F6", "points", quote.points.usable > 0, ` (${quote.points.usable.toLocaleString(desk.language)})`);
  offerOf(desk, add, "F7", "ecoin", quote.ecoins.length > 0, soonest(quote.ecoins));
  offerOf(desk, add, "F8", "stored_value", quote.stored_value?.usable > 0 || quote.stored_value?.why_not === "member_frozen", "");
  if (quote.points.to_come) add("", word("label", "to_come"), `+${quote.points.to_come.toLocaleString(desk.language)}`, "soft");
  for (const [name, amount] of Object.entries(quote.ecoins_to_come)) add("", `${word("label", "ecoins_to_come")}: ${name}`, `+${money(amount)}`, "soft");
}

function offerOf(desk, add, key, kind, there, detail) {
  if (!there) return;
  const { most, whyNot } = B.usable(desk, kind);
  const name = word("tender", kind) + detail;
  if (most > 0) add(key, name, word("label", "usable", { amount: moneyOf(desk)(most) }));
  else if (whyNot) add(key, name, word("label", "not_usable", { why: word("why", whyNot) }), "no");
}

function soonest(lots) {
  const day = lots.map((lot) => lot.expires_on).filter(Boolean).sort()[0];
  return day ? ` (${word("label", "expires", { day })})` : "";
}

function drawWaiting(desk, place, count, head) {
  const shown = [...desk.waiting.values()].filter((ticket) => !desk.tickets.some((each) => each.id === ticket.id)).sort((a, b) => a.number - b.number);
  head.hidden = !shown.length;
  count.textContent = shown.length ? `(${shown.length})` : "";
  const now = Date.now() + desk.clockOff;
  place.replaceChildren(...shown.slice(0, 60).map((ticket) => {
    const minutes = Math.max(0, Math.floor((now - Date.parse(ticket.issued_at)) / 60000));
    const chip = element("button", `waiting-ticket${minutes >= 15 ? " late" : ""}`, element("b", "", String(ticket.number)), element("span", "", counterOf(desk, ticket.counter)), element("span", "number", moneyOf(desk)(ticket.amount)), element("span", "hint", word("label", "minutes", { n: minutes })));
    chip.type = "button";
    chip.tabIndex = -1;
    chip.dataset.call = ticket.number;
    return chip;
  }));
}

function drawRecent(desk, place) {
  const money = moneyOf(desk);
  place.replaceChildren();
  if (!desk.recent.length) place.append(element("p", "hint", word("say", "none_settled")));
  desk.recent.forEach((settled, at) => {
    const head = element("div", "recent-head", badge(word("settlement", settled.state), STATE_KINDS[settled.state]), element("strong", "number", money(settled.amount)));
    const row = element("div", `recent-row ${settled.state}`, head);
    for (const payment of settled.payments.filter((each) => settled.state === "pending" || each.state !== "succeeded")) {
      const why = payment.why && payment.state !== "succeeded" ? ` ${word("said", payment.why)}` : "";
      row.append(element("div", "recent-payment", `${word("rail", payment.rail)} ${money(payment.amount)} `, badge(word("payment", payment.state), STATE_KINDS[payment.state] || ""), element("span", "hint", why)));
    }
    const marks = element("div", "recent-tickets");
    for (const ticket of settled.tickets) {
      const handed = ticket.state === "released";
      const each = element("span", `ticket-mark${handed ? " handed" : ""}`, `${ticket.number} ${ticket.counter}${handed ? " ✓" : ""}`);
      each.title = settled.state === "paid" ? word("label", handed ? "handed" : "waits") : word("ticket", ticket.state);
      marks.append(each);
    }
    row.append(marks);
    row.dataset.settlement = settled.id;
    if (desk.mode.name === "recent" && desk.mode.at === at) row.classList.add("at");
    place.append(row);
  });
}

function drawResult(desk, place) {
  const result = desk.result;
  place.hidden = !result;
  if (!result) return;
  const money = moneyOf(desk);
  place.className = `result ${result.state}`;
  place.replaceChildren(element("p", "result-state", `${word("settlement", result.state)} ${money(result.amount)}`));
  if (result.change > 0) place.append(element("p", "result-change", `${word("label", "change")} ${money(result.change)}`));
  if (result.points) place.append(tenderLine(word("label", "earned"), `+${result.points.earned.toLocaleString(desk.language)}`, true), tenderLine(word("label", "balance"), result.points.balance.toLocaleString(desk.language), true));
  if (result.ecoins?.earned) place.append(tenderLine(word("label", "ecoins"), `+${money(result.ecoins.earned)}`, true));
  for (const payment of result.payments || []) place.append(element("p", "result-payment", `${word("rail", payment.rail)} `, badge(word("payment", payment.state), STATE_KINDS[payment.state] || ""), payment.why && payment.state !== "succeeded" ? ` ${word("said", payment.why)}` : ""));
  if (result.failure) place.append(element("p", "result-failure", word("said", result.failure)));
}

window.deskViews = { word, moneyOf, plainAmount, drawWho, drawBasket, drawSum, drawOffers, drawWaiting, drawRecent, drawResult };
