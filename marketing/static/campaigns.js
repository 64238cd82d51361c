"use strict";
// The editor of campaigns and triggers: the offer that was chosen, steps that come and go, texts as members will see
// them, and what to expect of it all. Reads and sends through the shell's forms (regulars.js).
{
  const editor = document.querySelector("[data-editor]");
  const wait = (work, pause) => { let timer; return () => { clearTimeout(timer); timer = setTimeout(work, pause); }; };

  // ---- what is shown, and what is sent
  const controls = (part) => part.querySelectorAll("input, select, textarea");
  function show(part, shown) {
    part.hidden = !shown;
    for (const control of controls(part)) control.disabled = !shown;
  }

  function chooseOffer(form) {
    const kind = form.querySelector("[data-offer-kind]:checked")?.value || "none";
    for (const part of form.querySelectorAll("[data-offer-part]")) show(part, part.dataset.offerPart === kind);
    for (const nothing of form.querySelectorAll("[data-offer-none]")) nothing.disabled = nothing.dataset.offerNone === kind;
    for (const part of form.querySelectorAll("[data-for-coupon]")) show(part, kind === "coupon" && !part.closest("[hidden]"));
    return kind;
  }

  function chooseChannel(step) {
    const channel = step.querySelector("select[name$='.channel']").value;
    for (const part of step.querySelectorAll("[data-for]")) {
      const outer = part.parentElement.closest("[data-for]");
      show(part, part.dataset.for.split(" ").includes(channel) && !(outer && outer.hidden));
    }
  }

  function number(form) {
    const steps = [...form.querySelectorAll("[data-step-list] > [data-step]")];
    steps.forEach((step, at) => {
      step.querySelector("[data-step-number]").textContent = at + 1;
      for (const named of step.querySelectorAll("[name], [id], [for], [data-fault], [aria-describedby]")) {
        for (const attribute of ["name", "id", "for", "data-fault", "aria-describedby"]) {
          const value = named.getAttribute(attribute);
          if (value) named.setAttribute(attribute, value.replace(/steps\.(\d+|__n__)\./g, `steps.${at}.`));
        }
      }
    });
    form.querySelector("[data-no-steps]").disabled = steps.length > 0;
    form.querySelector("[data-steps-empty]").hidden = steps.length > 0;
    form.querySelector("[data-add-step]").hidden = steps.length >= 5;
  }

  // ---- reading the form without showing faults
  function plan(form) {
    const body = {};
    for (const control of form.elements) {
      if (!control.name || control.disabled || control.type === "submit" || "notEstimated" in control.dataset) continue;
      if (control.type === "radio") continue;
      let value = control.value.trim();
      if (control.type === "checkbox") value = control.checked;
      else if (control.dataset.type === "json") value = JSON.parse(value);
      else if (value === "") continue;
      else if (control.dataset.type === "integer") value = Number(value);
      else if (control.dataset.type === "money") value = window.regulars.minorUnits(value, Number(control.dataset.exponent || 2));
      else if (control.dataset.type === "list") value = value.split(/[\s,，、]+/).filter(Boolean);
      if (Number.isNaN(value)) continue;
      const steps = control.name.split(".");
      let here = body;
      steps.forEach((step, at) => {
        if (at === steps.length - 1) here[step] = value;
        else here = here[step] ??= /^\d+$/.test(steps[at + 1]) ? [] : {};
      });
    }
    return body;
  }

  // ---- what to expect
  function expect(form) {
    const place = document.querySelector("[data-expected]");
    if (!place || !editor.dataset.estimate) return () => {};
    const locale = editor.dataset.locale.replace("_", "-");
    const exponent = Number(editor.dataset.exponent);
    const count = new Intl.NumberFormat(locale);
    const money = new Intl.NumberFormat(locale, { style: "currency", currency: editor.dataset.currency, currencyDisplay: "narrowSymbol" });
    const amount = (minor) => money.format(minor / 10 ** exponent);
    let asked = 0;
    return wait(async () => {
      const body = plan(form);
      delete body.version;
      if (!body.target_list) return;
      const mine = ++asked;
      const answer = await window.regulars.call("POST", editor.dataset.estimate, { ...body, name: body.name || "?" }).catch(() => null);
      // While somebody types, half a plan cannot be estimated: the last estimate stays.
      if (!answer || answer.status !== 200 || mine !== asked) return;
      const found = answer.body;
      place.querySelector("[data-expected-wait]").hidden = true;
      place.querySelector("[data-expected-facts]").hidden = false;
      for (const each of place.querySelectorAll("[data-e]")) each.textContent = count.format(found[each.dataset.e]);
      for (const each of place.querySelectorAll("[data-m]")) {
        const value = found[each.dataset.m];
        each.textContent = value === null ? each.dataset.none : amount(value);
      }
      const visible = place.querySelector("[data-visible]");
      visible.hidden = false;
      visible.textContent = found.smallest_visible === null
        ? visible.dataset.none
        : visible.dataset.words.replace("{mean}", amount(found.mean_sales)).replace("{visible}", amount(found.smallest_visible));
      place.querySelector("[data-over]").hidden = !found.over_budget;
    }, 350);
  }

  // ---- texts as members will see them
  async function preview(form, step) {
    const channel = step.querySelector("select[name$='.channel']").value;
    const offer = plan(form);
    const words = form.querySelector("[data-steps]").dataset.wordsParts;
    for (const figure of step.querySelectorAll("[data-preview]")) {
      const language = figure.dataset.preview;
      const text = step.querySelector(`[data-language="${language}"]`);
      const body = text.querySelector("textarea").value.trim();
      const subject = text.querySelector("input")?.value.trim() || null;
      figure.hidden = !body;
      if (!body) continue;
      const sent = { channel, language, body, coupon: offer.coupon ?? null, multiplier: offer.multiplier ?? null };
      if (channel === "inbox" && subject) sent.subject = subject;
      const answer = await window.regulars.call("POST", editor.dataset.preview, sent).catch(() => null);
      if (!answer || answer.status >= 500) continue;
      const faulty = answer.status !== 200;
      // An offer that is not complete yet is no fault of the text.
      const fault = (answer.body?.errors || []).find((each) => !each.pointer.startsWith("/coupon") && !each.pointer.startsWith("/multiplier"));
      figure.classList.toggle("faulty", faulty);
      figure.querySelector("[data-preview-subject]").textContent = faulty ? "" : answer.body.subject || "";
      figure.querySelector("[data-preview-body]").textContent = faulty ? fault?.detail || answer.body?.detail || "" : answer.body.body;
      figure.querySelector("[data-preview-note]").textContent = faulty || answer.body.parts === null
        ? ""
        : words.replace("{count}", answer.body.letters).replace("{parts}", answer.body.parts);
    }
  }

  function start(form) {
    const estimate = expect(form);
    const list = form.querySelector("[data-step-list]");
    const previews = new WeakMap();
    const previewSoon = (step) => {
      if (!previews.has(step)) previews.set(step, wait(() => preview(form, step), 300));
      previews.get(step)();
    };
    const all = () => list.querySelectorAll("[data-step]");
    const settle = () => {
      number(form);
      for (const step of all()) chooseChannel(step);
      chooseOffer(form);
      estimate();
      for (const step of all()) previewSoon(step);
    };
    let last = null;
    form.addEventListener("focusin", (event) => { if (event.target.matches("textarea, input[name$='.subject']")) last = event.target; });
    form.addEventListener("input", (event) => {
      estimate();
      const step = event.target.closest("[data-step]");
      if (step) previewSoon(step);
      if (event.target.matches("[data-offer-kind]") || event.target.name?.endsWith(".channel")) settle();
      else if (event.target.closest("[data-offer]")) for (const each of all()) previewSoon(each);
    });
    form.addEventListener("click", (event) => {
      if (event.target.closest("[data-add-step]")) {
        list.append(form.querySelector("[data-step-template]").content.cloneNode(true));
        settle();
        list.lastElementChild.querySelector("select").focus();
      }
      const remove = event.target.closest("[data-remove-step]");
      if (remove) { remove.closest("[data-step]").remove(); settle(); }
      const chip = event.target.closest("[data-put]");
      if (chip) {
        const step = chip.closest("[data-step]");
        const into = last && step.contains(last) && !last.disabled ? last : step.querySelector("textarea:not(:disabled)");
        into.setRangeText(chip.dataset.put, into.selectionStart, into.selectionEnd, "end");
        into.focus();
        into.dispatchEvent(new Event("input", { bubbles: true }));
      }
    });
    settle();
  }

  if (editor) start(editor.querySelector("form"));

  // ---- a launch that is under way: look again until it is through
  if (document.querySelector("[data-progress='live']")) {
    setInterval(() => {
      if (!document.querySelector("dialog[open], form[aria-busy]") && !window.regulars.isLeaving()) location.reload();
    }, 2000);
  }
}
