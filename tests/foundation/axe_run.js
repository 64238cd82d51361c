// Asks axe-core about the page it runs in, for tests/foundation/axe.py. Returns a sentence for each rule that is broken.
async (impacts) => {
  // What still fades in is looked at as it will be: half faded words have too little contrast.
  for (const moving of document.getAnimations()) {
    if (Number.isFinite(moving.effect.getComputedTiming().endTime)) moving.finish();
  }
  const found = await axe.run(document, { resultTypes: ["violations"], iframes: false });
  const places = (fault) => fault.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ");
  return found.violations
    .filter((fault) => impacts.includes(fault.impact))
    .map((fault) => `axe ${fault.impact} ${fault.id}: ${fault.help}: ${places(fault)}`);
}
