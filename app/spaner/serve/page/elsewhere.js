// Says the same question as a command line, as curl and in Python.

import { element } from "./element.js";

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const literal = (value) => JSON.stringify(value);

export function elsewhere(query, { to, k, each, where, query: sent }, hits) {
  const ids = query.all.filter(({ kind }) => kind === "row").map(({ id }) => id);
  const inputs = query.all.filter(({ kind }) => kind !== "row");
  const given = inputs.map((part) => part.text ?? part.name), from = inputs.map(({ modality }) => modality);
  const command = ["spaner search", ...given.map(quoted), from.length && `--from ${from}`,
    ...ids.map((id) => `--like ${quoted(id)}`), `--to ${to} -k ${k}`, each && "--each",
    ...where.map((one) => `--where ${quoted(one)}`)].filter(Boolean).join(" ");
  const body = { query: sent.map((part) => (part.data ? { ...part, data: "BASE64" } : part)), to, k, each, where };
  const python = `spaner.Project("plugins.yaml").search(${literal(given)}, source=${literal(from)}, `
    + `like=${literal(ids)}, targets=${literal(to)}, k=${k}, each=${each ? "True" : "False"}, where=${literal(where)})`;
  return element("details", { class: "elsewhere" }, element("summary", {}, "Use this elsewhere"),
    [command, `curl --json ${quoted(literal(body))} ${location.origin}/search`, python]
      .map((text) => element("pre", { tabindex: "0" }, text)));
}
