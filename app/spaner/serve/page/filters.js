// Offers columns of the manifest as conditions that rows must meet before the search.

import { byId, element, quiet } from "./element.js";

const OPERATORS = ["=", "!=", "<", "<=", ">", ">="];
let where = [];

export const conditions = () => where;

export function setConditions(given) {
  where = given;
}

export function openFilters() {
  byId("filters").open = true;
  byId("filter").querySelector("select")?.focus();
}

export function showFilters(space, changed) {
  const set = (given) => {
    where = given;
    changed();
  };
  byId("where").replaceChildren(...where.map((one) => element("li", {}, one,
    quiet("×", () => set(where.filter((other) => other !== one)), { "aria-label": `Remove ${one}` }))));
  const form = byId("filter");
  if (!form.children.length && space.columns.length) form.append(...fields(space.columns));
  form.onsubmit = (event) => {
    event.preventDefault();
    const { column, operator, value } = form.elements;
    const given = `${column.value} ${operator.value} ${value.value.trim()}`;
    value.value = "";
    set([...where.filter((one) => one !== given), given]);
  };
}

function fields(columns) {
  const values = element("datalist", { id: "values" });
  const column = choice("column", "Column", columns.map(({ name }) => name));
  const offer = () => values.replaceChildren(...columns.find(({ name }) => name === column.value).values
    .map(({ value, count }) => element("option", { value }, `${value} (${count})`)));
  column.onchange = offer;
  offer();
  return [column, choice("operator", "Comparison", OPERATORS),
    element("input", { name: "value", list: "values", required: true, "aria-label": "Value", autocomplete: "off" }),
    values, element("button", {}, "Add")];
}

const choice = (name, label, options) => element("select", { name, "aria-label": label },
  options.map((one) => element("option", {}, one)));
