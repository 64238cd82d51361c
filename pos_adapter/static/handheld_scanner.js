// Scanners that act as a keyboard: they type faster than a person and end with Enter. What they type goes where it
// belongs, wherever the focus is, and never into a field that somebody is filling in.

// Nobody types quicker than that by hand; outside of every field nobody types at all.
const GAP_IN_FIELD_MS = 80;
const GAP_MS = 1000;
const LENGTH_MIN = 4;

/** Calls `take(text)` for every scan. */
export function listen(take) {
  let burst = null;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const now = event.timeStamp;
    if (burst && now - burst.last > (burst.field ? GAP_IN_FIELD_MS : GAP_MS)) burst = null;
    if (event.key === "Enter") {
      const scanned = burst;
      burst = null;
      if (!scanned || scanned.text.length < LENGTH_MIN) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (scanned.field) {
        scanned.field.value = scanned.before;
        scanned.field.dispatchEvent(new Event("input", { bubbles: true }));
      }
      take(scanned.text);
      return;
    }
    if (event.key.length !== 1) return;
    if (!burst) {
      if (event.target instanceof HTMLInputElement && event.target.type === "password") return;
      const field = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement ? event.target : null;
      burst = { text: "", last: now, field, before: field?.value ?? "" };
    }
    burst.text += event.key;
    burst.last = now;
  }, true);
}
