// Keeps the question in the address, behind the #, which is sent to nobody; so Back works.

import { rowPart } from "./query.js";

const files = []; // an address can name a file only while the page is open

export function addressOf({ parts, text }, { switched, each, where }) {
  const kept = new URLSearchParams();
  if (text.trim()) kept.set("q", text.trim());
  for (const part of parts) {
    if (part.kind === "row") kept.append("like", `${part.modality}/${part.id}`);
    else kept.append("file", files.includes(part) ? files.indexOf(part) : files.push(part) - 1);
  }
  for (const [name, on] of Object.entries(switched)) kept.append(on ? "on" : "off", name);
  if (each) kept.set("each", "1");
  for (const one of where) kept.append("where", one);
  return kept.size ? `#${kept}` : "";
}

// `typed` says that one goes on typing: one entry for all of it
export function remember(address, typed) {
  if (location.hash === address) return;
  const how = typed && history.state === "typed" ? "replaceState" : "pushState";
  history[how](typed ? "typed" : null, "", address || location.pathname);
}

export function keptQuestion() {
  const kept = new URLSearchParams(location.hash.slice(1));
  const rows = kept.getAll("like").map((one) => {
    const [modality, ...id] = one.split("/");
    return rowPart({ modality, id: id.join("/") });
  });
  return {
    text: kept.get("q") ?? "",
    parts: [...rows, ...kept.getAll("file").map((place) => files[place]).filter(Boolean)],
    lost: kept.getAll("file").some((place) => !files[place]),
    switched: Object.fromEntries(["off", "on"].flatMap((way, on) => kept.getAll(way).map((name) => [name, on > 0]))),
    each: kept.has("each"),
    where: kept.getAll("where"),
  };
}
