"use strict";
// Pages about red tickets: the desk's name is remembered on this machine.

for (const field of document.querySelectorAll("[data-remember]")) {
  const name = `regulars.${field.dataset.remember}`;
  if (!field.value) field.defaultValue = localStorage.getItem(name) || "";
  field.addEventListener("change", () => localStorage.setItem(name, field.value.trim()));
}
