"use strict";
// Printing the page as it stands: a day, a statement, a slip.

document.querySelector("[data-print-page]")?.addEventListener("click", () => window.print());
