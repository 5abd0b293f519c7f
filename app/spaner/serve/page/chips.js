// Shows the parts of a query that are not typed: what they are, how they are read, how to change it.

import { button, byId, element, quiet } from "./element.js";
import { readFile } from "./query.js";
import { partPreview } from "./previews.js";
import { play } from "./sounds.js";

// `on` has: changed() after a part was read or removed, modalities to choose from.
export function showChips(query, on) {
  byId("chips").replaceChildren(...query.parts.map((part) => chip(part, query, on)));
}

function chip(part, query, on) {
  const name = part.kind === "row" ? part.id : part.name;
  const remove = quiet("×", () => {
    query.remove(part);
    on.changed();
    byId("text").focus();
  }, { "aria-label": `Remove ${name}` });
  const middle = element("div", { class: "about" }, element("b", {}, name), ...told(part, on));
  const parts = [part.modality && !part.problem ? partPreview(part) : null, middle, remove];
  return element("li", { class: part.problem ? "chip wrong" : "chip" }, parts);
}

function told(part, on) {
  if (part.kind === "row") return [element("p", {}, `${part.modality} row`)];
  if (part.problem) return [element("p", { role: "alert" }, part.problem.message), readAs(part, on)];
  if (part.candidates.length > 1 && !part.modality) return [question(part, on)];
  if (!part.modality) return [element("p", {}, "Reading …")];
  const length = (part.preview?.text ?? "").split("\n")[0];
  const measure = part.preview?.picture && length ? [element("p", {}, length)] : [];
  const listen = part.file.type.startsWith("audio/") ? [
    quiet("Play", (event) => play(event.currentTarget, part.file), { "aria-pressed": "false" })] : [];
  return [...measure, readAs(part, on), ...listen];
}

async function readAgain(part, modality, on) {
  await readFile(part, modality);
  on.changed();
}

function readAs(part, on) {
  const options = on.modalities.map((name) =>
    element("option", { value: name, selected: name === part.modality }, name));
  if (!part.modality) options.unshift(element("option", { selected: true, disabled: true }, "choose"));
  return element("label", {}, "read as ", element("select", {
    onchange: (event) => readAgain(part, event.target.value, on),
  }, options));
}

// two plugins could read it: ask once
function question(part, on) {
  return element("div", { class: "asked", role: "group", "aria-label": `What is ${part.name}?` },
    element("span", {}, "Read as"),
    part.candidates.map((name) => button(name, () => readAgain(part, name, on))));
}
