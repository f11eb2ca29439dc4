// Elements of the page. No text is ever parsed as HTML.

/** A text in the administrator's language; given: what stands in it for $0, $1 and so on. */
export const _ = (text, ...given) => cockpit.format(cockpit.gettext(text), ...given);

const PARTS = ["td", "th", "tr", "thead", "tbody"];

/**
 * A new element. attributes: `onclick` and others that begin with "on" are listeners, `text` is its text; in `class` @
 * begins the name of one of PatternFly's components, and parts of tables have theirs; what is null or false is left out.
 * children: elements, texts; null and false are left out.
 */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  if (PARTS.includes(name))
    attributes = { ...attributes, class: `@table__${name} ${attributes.class || ""}` };
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false)
      continue;
    if (key === "text")
      element.textContent = value;
    else if (key.startsWith("on"))
      element.addEventListener(key.slice(2), value);
    else
      element.setAttribute(key, value === true ? "" : key === "class" ? value.replaceAll("@", "pf-v6-c-") : value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

/** A button. kind: primary, secondary, link, danger or plain; more: further attributes. */
export function button(text, kind, onclick, more = {}) {
  return el("button", { type: "button", class: `@button pf-m-${kind}`, onclick, ...more },
    el("span", { class: "@button__text", text }));
}

const SIGNS = { danger: "✖", warning: "⚠", info: "ℹ", success: "✔" };

/** A message in a box. kind: danger, warning, info or success; it is read aloud when it comes. */
export function alert(kind, title, ...children) {
  return el("div", { class: `@alert pf-m-inline pf-m-${kind}`, role: kind === "danger" ? "alert" : "status" },
    el("div", { class: "@alert__icon", "aria-hidden": "true", text: SIGNS[kind] }),
    el("p", { class: "@alert__title", text: title }),
    el("div", { class: "@alert__description" }, children));
}

const KINDS = { INFO: "info", WARN: "warning", ERROR: "danger", FATAL: "danger" };

/** A numbered message of the kit: what is the case, its number, and what to do. about: what it is about. */
export function message(said, about = "") {
  return alert(KINDS[said.level] || "info", said.text,
    about && el("p", { text: about }),
    said.advice && el("p", { text: said.advice }),
    el("p", { class: "lk-number", text: said.number }));
}

/** Terms with what they are; pairs: [term, text or element], those with nothing left out. */
export function terms(pairs) {
  return el("dl", { class: "@description-list pf-m-horizontal" },
    pairs.filter(([, value]) => value && value.length !== 0).map(([term, value]) =>
      el("div", { class: "@description-list__group" },
        el("dt", { class: "@description-list__term" },
          el("span", { class: "@description-list__text", text: term })),
        el("dd", { class: "@description-list__description" },
          el("div", { class: "@description-list__text" }, value)))));
}

/** A table. heads: texts of its head; rows: of each row the cells, texts or elements; label: what it is. */
export function table(label, heads, rows) {
  return el("table", { class: "@table pf-m-compact lk-plain", "aria-label": label },
    el("thead", {}, el("tr", {}, heads.map(text => el("th", { scope: "col", text })))),
    el("tbody", {}, rows.map(cells => el("tr", {}, cells.map(cell => el("td", {}, cell))))));
}

/** A choice from a list, with its label. options: [value, text]. */
export function select(label, options, chosen, onchange) {
  const id = `lk-${Math.random().toString(36).slice(2)}`;
  return el("div", { class: "@form__group" },
    el("div", { class: "@form__group-label" },
      el("label", { class: "@form__label", for: id },
        el("span", { class: "@form__label-text", text: label }))),
    el("div", { class: "@form__group-control" },
      el("span", { class: "@form-control" },
        el("select", { id, onchange: event => onchange(event.target.value) },
          options.map(([value, text]) =>
            el("option", { value, text, selected: value === chosen }))))));
}

/** That something is being done. */
export function busy(text) {
  return el("p", { class: "lk-busy", role: "status" }, el("span", { class: "lk-spinner", "aria-hidden": "true" }), text);
}
