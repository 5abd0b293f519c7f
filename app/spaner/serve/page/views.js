// Offers one list by probability, or a list a modality.

import { byId, element } from "./element.js";

const VIEWS = [["One list", false], ["By modality", true]];

export function offerViews(choose) {
  byId("views").replaceChildren(...VIEWS.map(([name, own]) =>
    element("button", { type: "button", onclick: () => choose(own) }, name)));
}

export function showViews(each, offered) {
  [...byId("views").children].forEach((button, place) =>
    button.setAttribute("aria-pressed", String(VIEWS[place][1] === each)));
  byId("views").hidden = !offered;
}
