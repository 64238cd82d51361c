// What every page must keep, run in the page itself by tests/foundation/page_checks.py. Returns a list of complaints.
(phone) => {
  const shown = (element) => element.getClientRects().length > 0 && !element.closest("[aria-hidden=true], .visually-hidden");
  const brief = (element) => element.outerHTML.slice(0, 100);
  const complaints = [];

  const wider = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wider > 0) complaints.push(`the page is ${wider} px wider than the window`);
  const headings = document.querySelectorAll("h1").length;
  if (headings !== 1) complaints.push(`the page has ${headings} main headings`);

  for (const element of document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a")) {
    const named = element.labels?.length || element.ariaLabel || element.textContent.trim() || element.querySelector("[aria-label]");
    if (shown(element) && !named) complaints.push(`without a name: ${brief(element)}`);
  }

  if (phone) {
    const touched = "button, .button, input:not([type=checkbox], [type=radio], [type=hidden]), select, .side a, .bottom a";
    for (const element of document.querySelectorAll(touched)) {
      const { width, height } = element.getBoundingClientRect();
      if (shown(element) && (width < 43.5 || height < 43.5)) complaints.push(`${width} x ${height} px is too small for a thumb: ${brief(element)}`);
    }
  }

  // WCAG 2.2, 1.4.3: at least 4.5 to 1 (relative luminance of sRGB).
  const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const colour = (text) => text.match(/[\d.]+/g).map(Number);
  const ground = (element) => {
    for (let here = element; here; here = here.parentElement) {
      const found = colour(getComputedStyle(here).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  for (const element of document.querySelectorAll("main *, header *, nav *")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!hasText || !shown(element) || element.matches(":disabled")) continue;
    const [high, low] = [luminance(colour(getComputedStyle(element).color)), luminance(ground(element))].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) complaints.push(`contrast ${ratio.toFixed(2)}: ${brief(element)}`);
  }
  return complaints;
};
