// Offers the modalities to find: those that the policy allows, and why the others are not.

import { byId, element } from "./element.js";
import { count } from "./words.js";

// What people switched on; null while they have switched nothing, and all others are searched.
let wanted = null;

export const wantedTargets = () => (wanted ? [...wanted] : null);

export function wantTargets(names) {
  wanted = names ? new Set(names) : null;
}

function hindrance(modality, sources, space) {
  if (modality.problem) return modality.problem;
  for (const source of sources) {
    const link = space.modalities.find(({ name }) => name === source)?.finds[modality.name];
    if (link && !link.allowed) return link.why;
  }
  return null;
}

export function chosenTargets(space, sources) {
  const open = space.modalities.filter((one) => !hindrance(one, sources, space));
  const names = open.map(({ name }) => name);
  if (wanted) return names.filter((name) => wanted.has(name));
  const others = names.filter((name) => sources.length !== 1 || name !== sources[0]);
  return others.length ? others : names;
}

export function showTargets(space, sources, changed) {
  const chosen = new Set(chosenTargets(space, sources));
  const toggles = space.modalities.map((modality, place) => {
    const why = hindrance(modality, sources, space);
    const name = modality.name, told = `target-${place}`;
    const flip = () => {
      if (why) return;
      wanted = new Set(chosen);
      if (!wanted.delete(name)) wanted.add(name);
      changed();
    };
    const button = element("button", {
      type: "button", "aria-pressed": String(chosen.has(name)), "aria-disabled": why ? "true" : null,
      "aria-describedby": told, "aria-keyshortcuts": place < 9 ? place + 1 : null, onclick: flip,
    }, name, element("small", {}, ` ${modality.rows.toLocaleString("en")}`));
    return element("li", { class: why ? "target closed" : "target" },
      button, element("p", { id: told }, why ?? expectation(modality, sources, space)));
  });
  const focused = document.activeElement?.closest("#targets li");
  const place = focused ? [...focused.parentElement.children].indexOf(focused) : -1;
  byId("targets").replaceChildren(
    element("h2", {}, "Find"), element("ul", {}, toggles));
  if (place >= 0) toggles[place].querySelector("button").focus();
}

// What to expect of a pair, by its calibration.
function expectation(modality, sources, space) {
  const rows = count(modality.rows, "row");
  if (sources.length !== 1) return rows;
  const pair = space.modalities.find(({ name }) => name === sources[0])?.finds[modality.name];
  if (!pair?.queries) return `${sources[0]} → ${modality.name}: not calibrated`;
  if (pair.answered === null || pair.answered === undefined) {
    return `${sources[0]} → ${modality.name}: too few of ${count(pair.queries, "validation row")} to tell`;
  }
  const share = Math.round(pair.answered * 100);
  return `${sources[0]} → ${modality.name}: answers ${share}% of what has a match, `
    + count(pair.queries, "validation row");
}
