"use strict";
// The builder of target lists: nested groups of conditions, counted live. The catalogue of measures comes from
// /v1/filters/measures, so that a measure that a package adds appears here by itself.

(() => {
  const root = document.getElementById("builder");
  if (!root) return;
  const { call, minorUnits, say } = window.regulars;
  const texts = JSON.parse(document.getElementById("builder-words").textContent);
  const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
  const exponent = Number(root.dataset.exponent);
  const currency = root.dataset.currency;
  const DEPTH_MAX = 6;
  const DEBOUNCE_MS = 350;
  const LISTING = new Set(["in", "all", "not in"]);
  const DECIMAL = new Set(["quantity", "ratio", "score"]);

  let measures = new Map();
  let catalogue = null;
  let tree = null;
  let asked = 0;
  let timer = null;
  let nextId = 1;
  const labels = new Map(); // what people call codes: kind and code -> words

  const t = (words) => words?.[language] || words?.en || "";
  const say_ = (name, values = {}) =>
    Object.entries(values).reduce((text, [key, value]) => text.replace(`{${key}}`, value), texts[name] ?? name);

  /** An element with properties, attributes (on- are listeners) and children. */
  function el(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (key === "class") made.className = value;
      else if (key in made && key !== "list") made[key] = value;
      else made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return made;
  }

  const option = (value, words, chosen) => el("option", { value, selected: value === chosen }, words);
  const choose = (label, options, value, onchange, attributes = {}) =>
    el("select", { "aria-label": label, onchange: (event) => onchange(event.target.value), ...attributes },
      options.map(([key, words]) => option(key, words, value)));

  // ------------------------------------------------------------------------------------------------ the tree
  const group = (join = "all", parts = []) => ({ kind: "group", id: nextId++, join, parts });

  function condition(name) {
    const measure = measures.get(name);
    const made = {
      kind: "condition", id: nextId++, measure: name, op: measure.operators[0], value: "", until: "", codes: [],
      yes: true, span: "ever", days: "", first: "", last: "", where: [], currency: null,
    };
    if (measure.span_required) made.span = "days";
    if (measure.unit === "yes" || measure.unit === "date") made.op = "=";
    return made;
  }

  /** A filter as JSON -> the tree of the page. "not" of a group of alternatives is "none of these". */
  function read(body) {
    if (body.all) return group("all", body.all.map(read));
    if (body.any) return group("any", body.any.map(read));
    if (body.not) {
      if (body.not.any) return group("none", body.not.any.map(read));
      return group("none", [read(body.not)]);
    }
    return readCondition(body);
  }

  function readCondition(body) {
    const measure = measures.get(body.measure);
    if (!measure) return group("all");
    const made = condition(body.measure);
    made.op = body.op || made.op;
    made.currency = body.currency || null;
    if (measure.unit === "yes") made.yes = body.value !== false;
    else if (LISTING.has(made.op)) made.codes = codesOf(body.value, measure.unit === "path");
    else if (made.op === "between") [made.value, made.until] = (body.value || []).map((part) => typed(part, measure));
    else if (body.value !== undefined) made.value = typed(body.value, measure);
    if (body.within_days) { made.span = "days"; made.days = String(body.within_days); }
    else if (body.from || body.to) { made.span = "dates"; made.first = body.from || ""; made.last = body.to || ""; }
    made.where = Object.entries(body.where || {}).map(([by, values]) => (
      { id: nextId++, by, codes: codesOf(values, by === "category") }));
    return made;
  }

  /** Codes as the page keeps them: texts, a path as JSON. Names alone are shown as they were written. */
  function codesOf(values, paths) {
    const list = Array.isArray(values) ? values : [values];
    if (paths && list.every((value) => typeof value === "string")) return list.length ? [JSON.stringify(list)] : [];
    return list.map((value) => (Array.isArray(value) ? JSON.stringify(value) : String(value)));
  }

  /** A value of JSON as somebody types it. */
  function typed(value, measure) {
    if (measure.unit === "money") return fromMinor(value);
    if (measure.unit === "share") return String(Number((value * 100).toFixed(4)));
    return String(value);
  }

  function fromMinor(amount) {
    const digits = String(Math.abs(amount)).padStart(exponent + 1, "0");
    const whole = digits.slice(0, digits.length - exponent);
    const rest = exponent ? digits.slice(-exponent) : "";
    return (amount < 0 ? "-" : "") + whole + (/[1-9]/.test(rest) ? `.${rest}` : "");
  }

  /** The tree -> {filter, faults}: faults by the id of the condition that is not finished. `places` finds conditions by pointer. */
  function write() {
    const faults = new Map();
    const places = new Map();
    const filter = tree ? writeNode(tree, "/filter", faults, places) : { all: [] };
    return { filter, faults, places };
  }

  function writeNode(node, pointer, faults, places) {
    places.set(pointer, node.id);
    if (node.kind === "condition") return writeCondition(node, faults);
    const inner = node.join === "none" ? `${pointer}/not/any` : `${pointer}/${node.join}`;
    const parts = node.parts.map((part, n) => writeNode(part, `${inner}/${n}`, faults, places));
    if (node.join === "none") return parts.length ? { not: { any: parts } } : { all: [] };
    if (node.join === "any" && !parts.length) return { all: [] };
    return { [node.join]: parts };
  }

  function writeCondition(node, faults) {
    const measure = measures.get(node.measure);
    const body = { measure: node.measure };
    const fault = (name) => faults.set(node.id, say_(name));
    if (measure.unit === "yes") { body.op = "="; body.value = node.yes; }
    else if (measure.unit !== "date") {
      body.op = node.op;
      if (LISTING.has(node.op)) {
        body.value = jsonCodes(node.codes, measure.unit);
        if (!body.value.length) fault("choose");
      } else if (node.op === "between") {
        body.value = [number(node.value, measure), number(node.until, measure)];
        if (body.value.some(Number.isNaN)) fault("value");
        else if (body.value[0] > body.value[1]) fault("order");
      } else {
        body.value = number(node.value, measure);
        if (Number.isNaN(body.value)) fault("value");
      }
    }
    writeSpan(node, measure, body, fault);
    const where = node.where.filter((each) => each.codes.length);
    if (node.where.length !== where.length) fault("choose");
    if (where.length) {
      body.where = Object.fromEntries(where.map((each) => [each.by, jsonCodes(each.codes, each.by === "category" ? "path" : "code")]));
    }
    if (node.currency) body.currency = node.currency;
    return body;
  }

  function writeSpan(node, measure, body, fault) {
    if (measure.span === "never" || node.span === "ever") return;
    if (node.span === "days") {
      body.within_days = /^\d{1,4}$/.test(node.days.trim()) ? Number(node.days) : NaN;
      if (!(body.within_days >= 1)) fault("days");
    } else {
      if (node.first) body.from = node.first;
      if (node.last) body.to = node.last;
      if (!node.first && !node.last) fault("dates");
      if (node.first && node.last && node.first > node.last) fault("order");
    }
  }

  function jsonCodes(codes, unit) {
    if (unit === "path") {
      return codes.map((code) => JSON.parse(code));
    }
    return unit === "month" ? codes.map(Number) : codes;
  }

  function number(text, measure) {
    const plain = String(text).trim();
    if (plain === "") return NaN;
    if (measure.unit === "money") return minorUnits(plain, exponent);
    if (measure.unit === "share") return Number((Number(plain.replace("%", "")) / 100).toFixed(6));
    if (DECIMAL.has(measure.unit)) return Number(plain);
    return /^-?\d{1,15}$/.test(plain) ? Number(plain) : NaN;
  }

  // ------------------------------------------------------------------------------------------------ drawing the tree
  function draw(focus) {
    const place = root.querySelector(".tree");
    place.replaceChildren(drawGroup(tree, null, 1));
    if (focus) document.getElementById(focus)?.focus();
    changed();
  }

  function drawGroup(node, parent, depth) {
    const joins = ["all", "any", "none"].map((join) => [join, say_(`join_${join}`)]);
    const head = el("div", { class: "group-head" },
      choose(say_("join"), joins, node.join, (value) => { node.join = value; restyle(); changed(); }, { id: `n${node.id}`, class: "join" }),
      parent && el("button", { type: "button", class: "icon-button", "aria-label": say_("remove_group"), onclick: () => remove(parent, node) }, icon("cross")));
    const box = el("fieldset", { class: `group ${node.join}` },
      el("legend", { class: "visually-hidden" }, say_("group", { depth })), head);
    const restyle = () => { box.className = `group ${node.join}`; };
    const list = el("div", { class: "parts" }, node.parts.map((part) => (
      part.kind === "group" ? drawGroup(part, node, depth + 1) : drawCondition(part, node))));
    if (!node.parts.length) list.append(el("p", { class: "hint nothing" }, say_(parent ? "empty_group" : "everybody")));
    const foot = el("div", { class: "group-foot" },
      el("button", { type: "button", class: "button small", onclick: () => add(node, condition([...measures.keys()][0])) }, icon("plus"), say_("add_condition")),
      depth < DEPTH_MAX && el("button", { type: "button", class: "button small plain", onclick: () => add(node, group("any", [condition([...measures.keys()][0])])) }, icon("plus"), say_("add_group")));
    box.append(list, foot);
    return box;
  }

  function add(parent, node) {
    parent.parts.push(node);
    draw(`n${node.id}`);
  }

  function remove(parent, node) {
    parent.parts = parent.parts.filter((part) => part !== node);
    draw(`n${parent.id}`);
  }

  function drawCondition(node, parent) {
    const measure = measures.get(node.measure);
    const row = el("div", { class: "condition", "data-id": node.id, role: "group", "aria-label": t(measure.words) });
    const main = el("div", { class: "condition-main" }, measurePicker(node, parent), comparison(node, measure));
    row.append(main, el("button", { type: "button", class: "icon-button remove", "aria-label": say_("remove_condition"), onclick: () => remove(parent, node) }, icon("cross")));
    const more = el("div", { class: "condition-more" });
    if (measure.span !== "never") more.append(spanPicker(node, measure));
    for (const each of node.where) more.append(narrowing(node, each));
    const free = measure.where.filter((by) => !node.where.some((each) => each.by === by));
    if (free.length) {
      more.append(choose(say_("narrow"), [["", say_("narrow")], ...free.map((by) => [by, say_(`where_${by}`)])], "",
        (by) => { const made = { id: nextId++, by, codes: [] }; node.where.push(made); draw(`t${made.id}`); }, { class: "narrow" }));
    }
    if (more.children.length) row.append(more);
    if (t(measure.hint)) row.append(el("p", { class: "hint" }, t(measure.hint)));
    row.append(el("p", { class: "fault", role: "alert" }));
    return row;
  }

  function measurePicker(node, parent) {
    const groups = new Map();
    for (const measure of measures.values()) {
      const name = t(measure.group);
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(option(measure.name, t(measure.words), node.measure));
    }
    return el("select", {
      id: `n${node.id}`, class: "measure", "aria-label": say_("measure"),
      onchange: (event) => {
        const made = condition(event.target.value);
        const kept = measures.get(made.measure);
        if (kept.span !== "never" && node.span !== "ever") Object.assign(made, { span: node.span, days: node.days, first: node.first, last: node.last });
        made.where = node.where.filter((each) => kept.where.includes(each.by));
        parent.parts.splice(parent.parts.indexOf(node), 1, made);
        draw(`n${made.id}`);
      },
    }, [...groups].map(([label, options]) => el("optgroup", { label }, options)));
  }

  function comparison(node, measure) {
    if (measure.unit === "date") return [];
    if (measure.unit === "yes") {
      return [choose(say_("operator"), [["yes", say_("yes")], ["no", say_("no")]], node.yes ? "yes" : "no",
        (value) => { node.yes = value === "yes"; changed(); })];
    }
    const operators = choose(say_("operator"), measure.operators.map((op) => [op, say_(`op_${op}`)]), node.op,
      (value) => { node.op = value; draw(`o${node.id}`); }, { id: `o${node.id}`, class: "operator" });
    if (LISTING.has(node.op)) return [operators, codePicker(node, measure)];
    const parts = [operators, valueField(node, "value", measure)];
    if (node.op === "between") parts.push(el("span", { class: "and" }, say_("and")), valueField(node, "until", measure));
    return parts;
  }

  function valueField(node, key, measure) {
    const suffixes = { money: currency, share: "%", days: say_("unit_days"), years: say_("unit_years") };
    const suffix = suffixes[measure.unit];
    return el("span", { class: "value" },
      el("input", {
        inputMode: measure.unit === "count" || measure.unit === "days" ? "numeric" : "decimal", autocomplete: "off", value: node[key],
        "aria-label": say_(key === "until" ? "value_to" : "value_of", { measure: t(measure.words) }),
        oninput: (event) => { node[key] = event.target.value; changed(); },
      }), suffix && el("span", { class: "suffix" }, suffix));
  }

  function spanPicker(node, measure) {
    const ahead = measure.span === "ahead";
    const spans = [["days", say_(ahead ? "span_ahead" : "span_days")], ["dates", say_("span_dates")]];
    if (!measure.span_required) spans.unshift(["ever", say_("span_ever")]);
    const box = el("span", { class: "span" },
      choose(say_("span"), spans, node.span, (value) => { node.span = value; draw(`s${node.id}`); }, { id: `s${node.id}` }));
    if (node.span === "days") {
      box.append(el("span", { class: "value short" }, el("input", {
        inputMode: "numeric", value: node.days, "aria-label": say_("days_number"), autocomplete: "off",
        oninput: (event) => { node.days = event.target.value; changed(); },
      }), el("span", { class: "suffix" }, say_("unit_days"))));
    } else if (node.span === "dates") {
      for (const [key, label] of [["first", "from"], ["last", "to"]]) {
        box.append(el("input", { type: "date", value: node[key], "aria-label": say_(label), min: "1900-01-01", max: "2200-12-31",
          oninput: (event) => { node[key] = event.target.value; changed(); } }));
      }
    }
    return box;
  }

  function narrowing(node, each) {
    return el("span", { class: "narrowing" }, el("span", { class: "narrowing-name" }, say_(`where_${each.by}`)),
      tokens(each, each.by, `t${each.id}`, say_(`where_${each.by}`)),
      el("button", { type: "button", class: "icon-button", "aria-label": say_("remove_narrowing"),
        onclick: () => { node.where = node.where.filter((other) => other !== each); draw(`n${node.id}`); } }, icon("cross")));
  }

  function codePicker(node, measure) {
    if (measure.unit === "month") {
      const months = Array.from({ length: 12 }, (_, n) => [String(n + 1), new Intl.DateTimeFormat(document.documentElement.lang, { month: "long" }).format(new Date(2026, n, 1))]);
      return toggles(node, months);
    }
    if (measure.choices.length) return toggles(node, measure.choices.map((choice) => [choice.code, t(choice.words)]));
    return tokens(node, measure.options, `c${node.id}`, t(measure.words));
  }

  /** A few choices, each a button that is on or off. */
  function toggles(holder, choices) {
    return el("span", { class: "toggles" }, choices.map(([code, words]) => el("button", {
      type: "button", class: "toggle", "aria-pressed": String(holder.codes.includes(code)),
      onclick: (event) => {
        holder.codes = holder.codes.includes(code) ? holder.codes.filter((other) => other !== code) : [...holder.codes, code];
        event.target.setAttribute("aria-pressed", String(holder.codes.includes(code)));
        changed();
      },
    }, words)));
  }

  /** Many choices, found by typing: a combobox whose choices become tokens. */
  function tokens(holder, kind, id, label) {
    const box = el("span", { class: "tokens" });
    const list = el("ul", { class: "choices", role: "listbox", id: `${id}-list`, "aria-label": label, hidden: true });
    let found = [];
    let at = -1;
    let search = 0;
    let wait = null;
    let entered = false; // Enter was pressed before what was typed had been found
    const field = el("input", {
      id, role: "combobox", autocomplete: "off", "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list",
      "aria-label": say_("search_in", { what: label }), placeholder: say_("search"), spellcheck: false,
      oninput: () => { search += 1; found = []; at = -1; close(); clearTimeout(wait); wait = setTimeout(look, 180); },
      onfocus: () => look(),
      onblur: () => setTimeout(close, 150),
      onkeydown: (event) => {
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
          event.preventDefault();
          if (list.hidden) { look(); return; }
          at = (at + (event.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(found.length, 1);
          mark();
        } else if (event.key === "Enter") {
          event.preventDefault();
          if (found[at]) take(found[at]);
          else entered = field.value.trim() !== "";
        } else if (event.key === "Escape") close();
        else if (event.key === "Backspace" && !field.value && holder.codes.length) drop(holder.codes.at(-1));
      },
    });

    async function look() {
      const mine = ++search;
      const answer = await ask(`/v1/filters/options?${new URLSearchParams({ kind, search: field.value.trim(), limit: "20" })}`);
      if (mine !== search || !answer) return;
      found = answer.items.map((item) => ({ code: Array.isArray(item.code) ? JSON.stringify(item.code) : item.code, words: item.words }))
        .filter((item) => !holder.codes.includes(item.code));
      at = found.length ? 0 : -1;
      list.replaceChildren(...found.map((item, n) => el("li", { role: "option", id: `${id}-${n}`, onmousedown: (event) => { event.preventDefault(); take(item); } }, item.words)));
      if (!found.length) list.append(el("li", { class: "hint" }, say_("nothing_found")));
      list.hidden = false;
      field.setAttribute("aria-expanded", "true");
      mark();
      if (entered && found.length) take(found[0]);
      entered = false;
    }
    function mark() {
      [...list.children].forEach((item, n) => item.setAttribute("aria-selected", String(n === at)));
      if (at >= 0) { field.setAttribute("aria-activedescendant", `${id}-${at}`); list.children[at]?.scrollIntoView({ block: "nearest" }); }
    }
    function close() { list.hidden = true; field.setAttribute("aria-expanded", "false"); field.removeAttribute("aria-activedescendant"); }
    function take(item) {
      labels.set(`${kind}:${item.code}`, item.words);
      holder.codes = [...holder.codes, item.code];
      field.value = "";
      chips();
      close();
      field.focus();
      changed();
    }
    function drop(code) {
      holder.codes = holder.codes.filter((other) => other !== code);
      chips();
      field.focus();
      changed();
    }
    function chips() {
      box.replaceChildren(...holder.codes.map((code) => el("span", { class: "token" }, words(kind, code),
        el("button", { type: "button", "aria-label": say_("remove_choice", { what: words(kind, code) }), onclick: () => drop(code) }, "×"))), el("span", { class: "combo" }, field, list));
    }
    chips();
    return box;
  }

  function words(kind, code) {
    const known = labels.get(`${kind}:${code}`);
    if (known) return known;
    return code.startsWith("[") ? JSON.parse(code).join(" › ") : code;
  }

  const icon = (name) => document.getElementById(`icon-${name}`).content.firstElementChild.cloneNode(true);

  // ------------------------------------------------------------------------------------------------ counting live
  async function ask(address, body) {
    try {
      const answer = await call(body === undefined ? "GET" : "POST", address, body);
      if (answer.status === 401) { location.reload(); return null; }
      return answer.status < 400 ? answer.body : { problem: answer.body || {} };
    } catch { return { problem: { detail: document.body.dataset.wordsNetwork } }; }
  }

  function question(filter) {
    const leave_out = [...root.querySelectorAll("input[name=leave_out]:checked")].map((box) => box.value);
    const channel = root.querySelector("[name=channel]").value;
    return { filter, leave_out, ...(channel ? { channel } : {}) };
  }

  function showFaults(faults) {
    for (const row of root.querySelectorAll(".condition")) {
      const fault = faults.get(Number(row.dataset.id)) || "";
      row.querySelector(".fault").textContent = fault;
      row.classList.toggle("has-fault", Boolean(fault));
    }
  }

  function changed() {
    clearTimeout(timer);
    asked += 1;
    const { filter, faults } = write();
    root.querySelector(".freeze button").disabled = faults.size > 0;
    if (faults.size) { state("unfinished", say_("unfinished", { count: faults.size })); showFaults(new Map()); return; }
    showFaults(faults);
    state("counting", say_("counting"));
    timer = setTimeout(() => count(filter, asked), DEBOUNCE_MS);
  }

  async function count(filter, mine) {
    const body = question(filter);
    const first = await ask("/v1/target-lists/preview", { ...body, count_only: true });
    if (mine !== asked) return;
    if (!shown(first)) return;
    showCount(first);
    const whole = await ask("/v1/target-lists/preview", body);
    if (mine !== asked || !shown(whole)) return;
    showCount(whole);
    showDetails(whole);
    state("ready", sinceWords(whole));
  }

  function shown(answer) {
    if (!answer) return false;
    if (!answer.problem) return true;
    const { places } = write();
    const faults = new Map();
    const rest = [];
    for (const fault of answer.problem.errors || []) {
      const place = [...places.keys()].filter((pointer) => fault.pointer === pointer || fault.pointer.startsWith(`${pointer}/`)).sort((a, b) => b.length - a.length)[0];
      if (place && [...root.querySelectorAll(".condition")].some((row) => Number(row.dataset.id) === places.get(place))) faults.set(places.get(place), fault.detail);
      else rest.push(fault.detail);
    }
    showFaults(faults);
    state("failed", faults.size && !rest.length ? say_("unfinished", { count: faults.size }) : [answer.problem.detail, ...rest].filter(Boolean).join(" ") || say_("failed"));
    return false;
  }

  function state(name, text) {
    const panel = root.querySelector(".live");
    panel.dataset.state = name;
    root.querySelector(".live-pin").dataset.state = name;
    panel.querySelector(".live-words").textContent = text;
    panel.setAttribute("aria-busy", String(name === "counting"));
    panel.querySelector(".retry").hidden = name !== "failed";
  }

  const numberOf = new Intl.NumberFormat(document.documentElement.lang);

  function showCount(answer) {
    for (const place of root.querySelectorAll(".live-count")) place.textContent = numberOf.format(answer.count);
  }

  function sinceWords(answer) {
    const parts = [];
    if (answer.sales_until) parts.push(say_("sales_until", { at: moment(answer.sales_until) }));
    if (answer.scores_as_of) parts.push(say_("scores_as_of", { day: answer.scores_as_of }));
    parts.push(...answer.notes.map((note) => say_("unknown_name", { name: note.detail.replace("nothing is called ", "") })));
    return parts.join(" · ") || say_("counted");
  }

  function moment(text) {
    return new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone: root.dataset.timezone }).format(new Date(text));
  }

  function showDetails(answer) {
    const total = Math.max(answer.count, 1);
    root.querySelector(".breakdown").replaceChildren(...Object.entries(answer.breakdown).filter(([, parts]) => parts.length).map(([by, parts]) => (
      el("section", {}, el("h3", {}, say_(`by_${by}`)), el("ul", { class: "bars" }, parts.slice(0, 8).map((part) => el("li", {},
        el("span", { class: "bar-name" }, part.words || part.code), el("span", { class: "bar" }, el("span", { style: `width:${((100 * part.count) / total).toFixed(1)}%` })),
        el("span", { class: "bar-count" }, numberOf.format(part.count))))),
      parts.length > 8 ? el("p", { class: "hint" }, say_("more_parts", { count: parts.length - 8 })) : null))));
    showSample(answer.sample);
    showNear(answer.near_misses);
  }

  function showSample(sample) {
    root.querySelector(".sample").replaceChildren(...sample.map((member) => el("li", {},
      el("a", { href: `/members/${member.member}` }, member.name || say_("no_name")),
      el("ul", { class: "whys" }, member.why.map((why) => el("li", {}, why.words, why.shown ? el("strong", {}, ` ${why.shown}`) : null))))));
    root.querySelector(".sample-empty").hidden = sample.length > 0;
  }

  function showNear(misses) {
    for (const miss of misses) {
      const row = root.querySelector(`[data-near="${CSS.escape(miss.reason)}"]`);
      if (!row) continue;
      row.hidden = false;
      row.querySelector(".near-count").textContent = numberOf.format(miss.count);
      row.querySelector(".near-sample").textContent = miss.sample.map((member) => member.name || say_("no_name")).join(", ");
      if (miss.reason === "no_profiling") { const box = row.querySelector("input"); box.checked = miss.left_out; box.disabled = miss.left_out; }
    }
    for (const row of root.querySelectorAll("[data-near]")) {
      if (!misses.some((miss) => miss.reason === row.dataset.near)) { row.hidden = true; const box = row.querySelector("input"); if (box.disabled) { box.checked = false; box.disabled = false; } }
    }
  }

  // ------------------------------------------------------------------------------------------------ models, freezing
  async function drawModels() {
    const answer = await ask("/v1/filters/models");
    const place = root.querySelector(".models");
    if (!answer || answer.problem) { place.replaceChildren(el("p", { class: "hint" }, answer?.problem.detail || say_("failed"))); return; }
    place.replaceChildren(...answer.items.map((model) => el("button", { type: "button", class: "model", onclick: () => use(model) },
      el("strong", {}, t(model.words)), el("span", { class: "hint" }, t(model.hint)))));
  }

  function use(model) {
    if (!model.parameters.length) { take(model, new Map()); return; }
    const dialog = document.getElementById("model-dialog");
    const place = dialog.querySelector(".model-fields");
    dialog.querySelector("h2").textContent = t(model.words);
    const inputs = model.parameters.map((parameter) => {
      const money = parameter.unit === "money";
      const input = el("input", { id: `p-${parameter.name}`, inputMode: money ? "decimal" : "numeric", autocomplete: "off",
        value: money ? fromMinor(parameter.default) : String(parameter.default) });
      return { parameter, input, fault: el("p", { class: "fault" }) };
    });
    place.replaceChildren(el("p", { class: "hint" }, t(model.hint)), ...inputs.map(({ parameter, input, fault }) => el("div", { class: "field" },
      el("label", { htmlFor: input.id }, t(parameter.words)), el("div", { class: "control" }, input, parameter.unit === "money" ? el("span", { class: "suffix" }, currency) : null), fault)));
    dialog.querySelector("form").onsubmit = (event) => {
      event.preventDefault();
      const values = new Map();
      for (const { parameter, input, fault } of inputs) {
        const value = parameter.unit === "money" ? minorUnits(input.value.trim() || "x", exponent) : /^\d{1,12}$/.test(input.value.trim()) ? Number(input.value) : NaN;
        const good = value >= parameter.lowest && value <= parameter.highest;
        fault.textContent = good ? "" : say_("value");
        input.setAttribute("aria-invalid", String(!good));
        if (good) values.set(parameter, value);
      }
      if (values.size < inputs.length) return;
      dialog.close();
      take(model, values);
    };
    dialog.showModal();
    inputs[0].input.select();
  }

  function take(model, values) {
    const filter = structuredClone(model.filter);
    for (const [parameter, value] of values) {
      for (const pointer of parameter.pointers) {
        const steps = pointer.slice(1).split("/");
        const last = steps.pop();
        steps.reduce((here, step) => here[step], filter)[last] = value;
      }
    }
    load(filter);
    const name = root.querySelector("[name=list_name]");
    if (!name.value) name.value = t(model.words);
    root.querySelector(".tree").scrollIntoView({ block: "start", behavior: "smooth" });
  }

  function load(filter) {
    const read_ = read(filter);
    tree = read_.kind === "group" ? read_ : group("all", [read_]);
    draw();
  }

  async function freeze(event) {
    event.preventDefault();
    const form = event.target;
    const name = form.elements.list_name.value.trim();
    const fault = form.querySelector(".fault");
    const { filter, faults } = write();
    if (faults.size) { showFaults(faults); return; }
    fault.textContent = name ? "" : say_("name_needed");
    if (!name) { form.elements.list_name.focus(); return; }
    const button = form.querySelector("button[type=submit]");
    const body = { name, ...question(filter) };
    const content = JSON.stringify(body);
    if (form.dataset.keyFor !== content) { form.dataset.keyFor = content; form.dataset.key = window.regulars.newKey(); }
    button.disabled = true;
    try {
      const answer = await call("POST", "/v1/target-lists", body, form.dataset.key);
      if (answer.status >= 400) { fault.textContent = answer.body?.detail || say_("failed"); return; }
      say(say_("frozen"), true);
      location.assign(`/target-lists/${answer.body.id}`);
    } catch { fault.textContent = document.body.dataset.wordsNetwork; } finally { button.disabled = false; }
  }

  // ------------------------------------------------------------------------------------------------ beginning
  async function begin() {
    state("counting", say_("loading"));
    catalogue = await ask("/v1/filters/measures");
    if (!catalogue || catalogue.problem) { state("failed", catalogue?.problem.detail || say_("failed")); return; }
    measures = new Map(catalogue.items.map((measure) => [measure.name, measure]));
    for (const [key, value] of Object.entries(JSON.parse(root.dataset.names))) labels.set(key, value);
    root.querySelector("[name=channel]").addEventListener("change", changed);
    for (const box of root.querySelectorAll("input[name=leave_out]")) box.addEventListener("change", changed);
    root.querySelector(".freeze").addEventListener("submit", freeze);
    root.querySelector(".retry").addEventListener("click", changed);
    load(JSON.parse(root.dataset.filter));
    drawModels();
  }

  begin();
})();
