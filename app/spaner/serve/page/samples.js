// Offers a few rows of each modality as queries, so that an empty page is no dead end.

import { button, byId, element } from "./element.js";
import { rowPreview } from "./previews.js";

export function showSamples(space, pick) {
  const lanes = space.modalities.filter((one) => one.samples.length).map((one) =>
    element("li", {}, element("h3", {}, one.name),
      element("div", { class: "row" }, one.samples.map((row) => sample(row, pick)))));
  byId("samples").replaceChildren(
    element("h2", { id: "samples-title" }, "Or start from one of these"),
    element("ul", {}, lanes));
}

const sample = (row, pick) => button(rowPreview(row), () => pick(row), {
  class: "sample",
  "aria-label": `Search by ${row.modality} ${row.id}${row.concept ? `, ${row.concept}` : ""}`,
});
