// What lines and tickets come to. Integers in minor units; no float touches an amount.

/** "1", "0.5", "2.250" -> thousandths; NaN where it is no quantity above nothing. */
export function thousandths(text) {
  const found = /^(\d{1,6})(?:[.。](\d{1,3}))?$/.exec(String(text).trim());
  const whole = found ? Number(found[1]) * 1000 + Number((found[2] || "").padEnd(3, "0")) : NaN;
  return whole > 0 ? whole : NaN;
}

/** Thousandths as the API takes them: 1000 -> "1", 2250 -> "2.250". */
export function quantityText(milli) {
  return milli % 1000 ? `${Math.floor(milli / 1000)}.${String(milli % 1000).padStart(3, "0")}` : String(milli / 1000);
}

/** a x b / c, rounded half up, in whole numbers. */
export function part(a, b, c) {
  return Number((BigInt(a) * BigInt(b) * 2n + BigInt(c)) / (BigInt(c) * 2n));
}

export const regularAmount = (line) => part(line.price, line.milli, 1000);

/** What a line's discount takes off: money, or a share of its regular amount in hundredths of a per cent. */
export function discountAmount(line) {
  if (line.percent) return part(regularAmount(line), line.percent, 10000);
  return line.off || 0;
}

export const lineAmount = (line) => regularAmount(line) - discountAmount(line);

export const total = (lines) => lines.reduce((sum, line) => sum + lineAmount(line), 0);

/** Lines as POST /v1/tickets takes them. */
export function linesBody(lines, salesperson) {
  return lines.map((line, at) => {
    const off = discountAmount(line);
    const discount = { kind: line.promotion ? "markdown" : "manual", amount: off };
    if (line.promotion) discount.promotion = line.promotion;
    return {
      line: at + 1,
      quantity: quantityText(line.milli),
      amount: lineAmount(line),
      unit_price: line.price,
      regular_amount: regularAmount(line),
      ...(line.product ? { product: line.product } : {}),
      ...(line.promotion ? { promotion: line.promotion } : {}),
      ...(salesperson ? { salesperson } : {}),
      ...(off ? { discounts: [discount] } : {}),
    };
  });
}

/** A line of a recorded ticket as the basket has it; `name` is looked up by the caller. */
export function lineFrom(recorded) {
  const milli = thousandths(recorded.quantity);
  const regular = recorded.regular_amount ?? recorded.amount;
  const price = recorded.unit_price ?? part(regular, 1000, milli);
  return {
    product: recorded.product ?? null,
    name: null,
    price,
    milli,
    off: part(price, milli, 1000) - recorded.amount,
    percent: 0,
    promotion: recorded.promotion ?? null,
  };
}
