// The menu of a resource, by mouse and keyboard.

import { el } from "./dom.js";

/** Open it below an element. items: [text, what to do]. The element has the focus again when it closes. */
export function openMenu(owner, label, items) {
  const entries = items.map(([text, act]) => el("li", { class: "@menu__list-item", role: "none" },
    el("button", { type: "button", class: "@menu__item", role: "menuitem", tabindex: "-1",
      onclick: () => close() || act() },
      el("span", { class: "@menu__item-main" }, el("span", { class: "@menu__item-text", text })))));
  const menu = el("div", { class: "@menu lk-menu" },
    el("div", { class: "@menu__content" },
      el("ul", { class: "@menu__list", role: "menu", "aria-label": label }, entries)));
  const buttons = entries.map(entry => entry.firstChild);

  function close() {
    menu.remove();
    document.removeEventListener("pointerdown", outside);
    owner.focus();
  }

  function outside(event) {
    if (!menu.contains(event.target))
      close();
  }

  menu.addEventListener("keydown", event => {
    const place = buttons.indexOf(document.activeElement);
    const next = {
      ArrowDown: (place + 1) % buttons.length,
      ArrowUp: (place + buttons.length - 1) % buttons.length,
      Home: 0,
      End: buttons.length - 1,
    }[event.key];
    if (event.key === "Escape" || event.key === "Tab")
      close();
    else if (next !== undefined)
      buttons[next].focus();
    else
      return;
    event.preventDefault();
  });
  const box = owner.getBoundingClientRect();
  document.querySelector("main").append(menu);
  menu.style.top = `${box.bottom + scrollY}px`;
  menu.style.insetInlineEnd = `${Math.max(document.documentElement.clientWidth - box.right, 8)}px`;
  document.addEventListener("pointerdown", outside);
  buttons[0].focus();
}
