// Holds the hits that were selected, which together become one query.

import { button, byId, element, quiet } from "./element.js";
import { count } from "./words.js";

const selected = new Map();
const keyOf = ({ modality, id }) => JSON.stringify([modality, id]);

export const isSelected = (hit) => selected.has(keyOf(hit));

export function select(hit, yes, more) {
  if (yes) selected.set(keyOf(hit), hit);
  else selected.delete(keyOf(hit));
  showSelection(more);
}

export function clearSelection() {
  const some = selected.size > 0;
  selected.clear();
  for (const box of byId("found").querySelectorAll("input:checked")) box.checked = false;
  showSelection();
  return some;
}

function showSelection(more) {
  const bar = byId("selection");
  bar.hidden = !selected.size;
  if (!selected.size) return;
  bar.replaceChildren(
    element("p", { role: "status" }, `${count(selected.size, "hit")} selected`),
    button("More like these", () => more([...selected.values()]), { class: "main" }),
    quiet("Clear", clearSelection));
}
