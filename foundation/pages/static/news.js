"use strict";
// A page looks again when its stream tells of something that it does not show.
//
//   <div hidden data-news="/v1/stores/S01/events?last_event_id=41" data-topics="parcel.lying parcel.collected"></div>
//
// The address names the position up to which the page was read, so that nothing is missed before the stream opens. What
// stands on the page says so with data-shown="id state". Where there is data-about="id id", only news of these count.

const STREAM_AGAIN_MS = 15000;
const LOOK_MS = 500;
const FIELDS = "input:not([type=hidden]), textarea, select";
const place = document.querySelector("[data-news]");
const about = place?.dataset.about?.split(" ");
let outdated = false;

const changed = (field) => field.matches("select")
  ? field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected))
  : field.checked !== field.defaultChecked || field.value !== field.defaultValue;

/** Whether somebody is leaving, or in the middle of something that a reload would lose. */
const busy = () => window.regulars.isLeaving() || document.querySelector("dialog[open], form[aria-busy]") !== null
  || document.activeElement?.matches(FIELDS)
  || [...document.querySelectorAll("main form")].some((form) => [...form.querySelectorAll(FIELDS)].some(changed));

function lookAgain() {
  if (outdated && !busy()) location.reload();
}

function heard(event) {
  const [told] = Object.values(JSON.parse(event.data));
  const isShown = document.querySelector(`[data-shown="${told.id} ${told.state}"]`) !== null;
  outdated ||= !isShown && (!about || about.includes(told.id));
  lookAgain();
}

function listen() {
  const stream = new EventSource(place.dataset.news);
  for (const topic of place.dataset.topics.split(" ")) stream.addEventListener(topic, heard);
  stream.addEventListener("reset", () => { outdated = true; lookAgain(); });
  // A browser gives up for ever on an answer that is no stream (503): we come back.
  stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) setTimeout(listen, STREAM_AGAIN_MS); });
  window.addEventListener("pagehide", () => stream.close(), { once: true });
}

if (place && window.EventSource) {
  listen();
  setInterval(lookAgain, LOOK_MS);
}
