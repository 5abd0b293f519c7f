// Says in words what stands in the way of an answer.

import { button, element, line, quiet } from "./element.js";

const TITLES = {
  0: "The service is gone.",
  400: "This cannot be asked so.",
  403: "The policy does not allow this.",
  409: "Space and index do not fit together.",
  413: "This is too large.",
  422: "This cannot be read.",
  503: "The service cannot answer now.",
};

export function failureState(failure, again) {
  const lines = [failure.message];
  if (failure.status === 0) lines.push("Start it again with `spaner serve`; what you ask is kept here.");
  return state("failure", TITLES[failure.status] ?? "Something went wrong.", lines, button("Try again", again));
}

export function state(kind, title, lines, more = []) {
  return element("div", { class: `state ${kind}` },
    element("h2", {}, title), lines.map((one) => element("p", {}, line(one))), more);
}

// What stands where hits will be, once waiting is noticed; it can be ended when it is long.
export function skeleton(cancel) {
  const stop = quiet("Cancel", cancel, { hidden: true });
  setTimeout(() => { stop.hidden = false; }, 850); // 1 s after the question
  return element("div", { class: "skeleton" },
    element("p", {}, "Searching … ", stop),
    element("div", { class: "cards", "aria-hidden": "true" }, Array.from({ length: 8 }, () => element("i"))));
}
