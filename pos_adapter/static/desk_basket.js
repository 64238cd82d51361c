"use strict";
// What is settled and how: values in, values out. No page, no network; amounts are whole minor units.

/** What somebody typed or scanned at the desk: {kind, text, ...}. */
function readEntry(text) {
  const said = text.trim();
  if (said === "") return { kind: "confirm" };
  if (/^\d{1,5}$/.test(said)) return { kind: "ticket", number: Number(said) };
  if (isPaymentCode(said)) return { kind: "payment_code", text: said };
  if (/^(\+?86)?1[3-9]\d{9}$/.test(said) || isMemberCode(said)) return { kind: "member", text: said };
  if (/^\d{4}-\d{1,6}$/.test(said)) return { kind: "label", text: said };
  if (/^\d+[.,]\d{1,3}( \S{1,64})?$/.test(said)) return { kind: "price", text: said };
  const times = /^(\d{1,4})\s*[*×xX]\s*(\S+)$/.exec(said);
  if (times) return { kind: "product", text: times[2], quantity: Number(times[1]) };
  if (/^(\d{8}|\d{12,14})$/.test(said)) return { kind: "product", text: said, quantity: 1 };
  return { kind: "anything", text: said };
}

/** The code on a member's own phone, scanned or typed with blanks. */
const isMemberCode = (text) => /^RG[\d\s-]{16,24}$/i.test(text);

/** A code on a payer's phone: Alipay 16-24 digits from 25 to 30, WeChat 18 digits from 10 to 15. */
function isPaymentCode(text) {
  return /^(2[5-9]|30)\d{14,22}$/.test(text) || /^1[0-5]\d{16}$/.test(text);
}

/** A text that is no amount in any currency, however slowly it came. */
const isCode = (text) => /^\d{12,}$/.test(text);

/** Whether a scanner typed it: long, without a decimal point, faster than hands (milliseconds a character). */
function wasScanned(text, tookMs) {
  return text.length >= 8 && !/[.,]/.test(text) && tookMs / text.length < 40;
}

const sum = (items) => items.reduce((total, item) => total + item.amount, 0);
const chosenTickets = (desk) => desk.tickets.filter((ticket) => ticket.chosen);

/** What tickets and loose goods come to. */
const goodsAmount = (desk) => sum(chosenTickets(desk)) + sum(desk.loose);
/** What is to be paid: goods less coupons. */
const owed = (desk) => goodsAmount(desk) - sum(desk.coupons);
/** What no tender covers yet. */
const left = (desk) => owed(desk) - sum(desk.tenders);
const hasGoods = (desk) => chosenTickets(desk).length + desk.loose.length > 0;

/** The lines of the basket under numbers of their own, as a quote reads them. */
function quotedLines(desk) {
  const lines = [];
  for (const ticket of chosenTickets(desk)) for (const line of ticket.lines) lines.push({ ...line, counter: ticket.counter });
  for (const line of looseLines(desk)) lines.push(line);
  return lines.map((line, at) => ({ ...plain(line), line: at + 1 }));
}

/** Loose goods as lines of a settlement. */
function looseLines(desk) {
  return desk.loose.map((each, at) => plain({
    line: at + 1, quantity: String(each.quantity), amount: each.amount, product: each.product, counter: each.counter,
    unit_price: each.unitPrice, regular_amount: each.regularAmount,
  }));
}

/** A line without what is not known. */
function plain(line) {
  return Object.fromEntries(Object.entries(line).filter(([, value]) => value !== null && value !== undefined && !(Array.isArray(value) && !value.length)));
}

/** The body of POST /v1/settlements. A member is named only where no ticket names one. */
function settlementBody(desk) {
  const tickets = chosenTickets(desk);
  const body = {
    store: desk.store,
    terminal: desk.terminal,
    tickets: tickets.map((ticket) => ticket.id),
    tenders: desk.tenders.map(({ kind, amount, payment }) => (payment ? { kind, amount, payment } : { kind, amount })),
  };
  if (desk.loose.length) body.lines = looseLines(desk);
  if (desk.coupons.length) body.coupons = desk.coupons.map(({ code, amount }) => ({ code, amount }));
  if (desk.member && !tickets.some((ticket) => ticket.member)) body.member = desk.member.id;
  if (desk.cashier) body.cashier = desk.cashier;
  return body;
}

/** The most that a way of paying can cover of what is left: {most, whyNot}; `most` null is without a limit. */
function usable(desk, kind) {
  const quote = desk.quote;
  const used = sum(desk.tenders.filter((tender) => tender.kind === kind));
  const within = (amount) => Math.max(Math.min(amount - used, left(desk)), 0);
  if (kind === "points") return { most: quote?.points ? within(quote.points.money_value) : 0, whyNot: whyNotPoints(quote) };
  if (kind === "ecoin") return { most: quote?.member ? within(quote.ecoins_usable) : 0, whyNot: quote?.ecoins.find((lot) => !lot.usable)?.why_not || "" };
  if (kind === "stored_value") return { most: quote?.stored_value ? within(quote.stored_value.usable) : 0, whyNot: quote?.stored_value?.why_not || "" };
  return { most: null, whyNot: "" };
}

function whyNotPoints(quote) {
  if (!quote?.member) return "";
  if (!quote.member.may_spend) return "member_frozen";
  return quote.points.usable && !quote.points.money_value ? "no_eligible_lines" : "";
}

/** Coupons that can still be added. */
function freeCoupons(desk) {
  return (desk.quote?.coupons || []).filter((coupon) => coupon.usable && !desk.coupons.some((used) => used.code === coupon.code));
}

window.deskBasket = {
  readEntry, isCode, isPaymentCode, wasScanned, chosenTickets, goodsAmount, owed, left, hasGoods, quotedLines, settlementBody, usable, freeCoupons,
};
