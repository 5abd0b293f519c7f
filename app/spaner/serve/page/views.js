// Offers one list by probability, or a list a modality.

import { button, byId } from "./element.js";

const VIEWS = [["One list", false], ["By modality", true]];

export function offerViews(choose) {
  byId("views").replaceChildren(...VIEWS.map(([name, own]) => button(name, () => choose(own))));
}

export function showViews(each, offered) {
  [...byId("views").children].forEach((button, place) =>
    button.setAttribute("aria-pressed", String(VIEWS[place][1] === each)));
  byId("views").hidden = !offered;
}
