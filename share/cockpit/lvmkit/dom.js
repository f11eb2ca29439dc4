// Elements of the page. No text is ever parsed as HTML.

/**
 * A new element. attributes: `onclick` and others that begin with "on" are listeners, `text` is its text; what is null
 * or false is left out. children: elements, texts; null and false are left out.
 */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false)
      continue;
    if (key === "text")
      element.textContent = value;
    else if (key.startsWith("on"))
      element.addEventListener(key.slice(2), value);
    else
      element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

/** A button. kind: primary, secondary, link, danger or plain; more: further attributes. */
export function button(text, kind, onclick, more = {}) {
  return el("button", { type: "button", class: `pf-v6-c-button pf-m-${kind}`, onclick, ...more },
    el("span", { class: "pf-v6-c-button__text", text }));
}

const SIGNS = { danger: "✖", warning: "⚠", info: "ℹ", success: "✔" };

/** A message in a box. kind: danger, warning, info or success; it is read aloud when it comes. */
export function alert(kind, title, ...children) {
  return el("div", { class: `pf-v6-c-alert pf-m-inline pf-m-${kind}`, role: kind === "danger" ? "alert" : "status" },
    el("div", { class: "pf-v6-c-alert__icon", "aria-hidden": "true", text: SIGNS[kind] }),
    el("p", { class: "pf-v6-c-alert__title", text: title }),
    el("div", { class: "pf-v6-c-alert__description" }, children));
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
  return el("dl", { class: "pf-v6-c-description-list pf-m-horizontal" },
    pairs.filter(([, value]) => value && value.length !== 0).map(([term, value]) =>
      el("div", { class: "pf-v6-c-description-list__group" },
        el("dt", { class: "pf-v6-c-description-list__term" },
          el("span", { class: "pf-v6-c-description-list__text", text: term })),
        el("dd", { class: "pf-v6-c-description-list__description" },
          el("div", { class: "pf-v6-c-description-list__text" }, value)))));
}

/** A choice from a list, with its label. options: [value, text]. */
export function select(label, options, chosen, onchange) {
  const id = `lk-${Math.random().toString(36).slice(2)}`;
  return el("div", { class: "pf-v6-c-form__group" },
    el("div", { class: "pf-v6-c-form__group-label" },
      el("label", { class: "pf-v6-c-form__label", for: id },
        el("span", { class: "pf-v6-c-form__label-text", text: label }))),
    el("div", { class: "pf-v6-c-form__group-control" },
      el("span", { class: "pf-v6-c-form-control" },
        el("select", { id, onchange: event => onchange(event.target.value) },
          options.map(([value, text]) =>
            el("option", { value, text, selected: value === chosen }))))));
}

/** That something is being done. */
export function busy(text) {
  return el("p", { class: "lk-busy", role: "status" }, el("span", { class: "lk-spinner", "aria-hidden": "true" }), text);
}
