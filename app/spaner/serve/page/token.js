// Asks for the token of a service that wants one.

import { useToken } from "./api.js";
import { byId, element } from "./element.js";

export function askToken(line) {
  const dialog = byId("token");
  const field = element("input", {
    type: "password", id: "token-field", autocomplete: "off", required: true, "aria-describedby": "token-said",
  });
  const form = element("form", { method: "dialog" },
    element("h2", { id: "token-title" }, "This service asks for a token"),
    element("p", { id: "token-said" }, line),
    element("label", { for: "token-field" }, "Token"), field,
    element("button", { class: "main" }, "Go on"),
    element("p", {}, "It is kept until this tab is closed."));
  dialog.replaceChildren(form);
  return new Promise((resolve) => {
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      useToken(field.value);
      dialog.close();
      resolve();
    });
    if (!dialog.open) dialog.showModal();
    field.focus();
  });
}
