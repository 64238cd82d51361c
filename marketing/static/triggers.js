"use strict";
// The editor of triggers: the numbers of the ready-made filter that was chosen, and how often it usually fires.
{
  const models = document.querySelector("[data-models]");
  const usual = { birthday: "yearly", points_expiring: "monthly", joined_lately: "once" };
  function choose() {
    for (const part of document.querySelectorAll("[data-model]")) {
      part.hidden = part.dataset.model !== models.value;
      for (const control of part.querySelectorAll("input")) control.disabled = part.hidden;
    }
  }
  if (models) {
    models.addEventListener("change", () => {
      choose();
      models.form.elements.occasion.value = usual[models.value] || "entered";
    });
    choose();
  }
}
