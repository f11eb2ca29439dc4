// Dialogs: a native <dialog> in PatternFly's clothes, and the one in which a change is shown, carried out and followed.

import { _, alert, busy, button, el, message } from "./dom.js";
import { run } from "./kit.js";

/** An open dialog with a title, a body and a footer; what had the focus gets it back. */
export class Dialog {
  constructor(title) {
    const id = `lk-${Math.random().toString(36).slice(2)}`;
    this.body = el("div", { class: "@modal-box__body", tabindex: "-1" });
    this.footer = el("footer", { class: "@modal-box__footer" });
    this.element = el("dialog", { class: "@modal-box lk-dialog", "aria-labelledby": id },
      el("header", { class: "@modal-box__header" },
        el("div", { class: "@modal-box__header-main" },
          el("h1", { class: "@modal-box__title", id },
            el("span", { class: "@modal-box__title-text", text: title })))),
      this.body, this.footer);
    this.isBusy = false;
    this.element.addEventListener("cancel", event => this.isBusy && event.preventDefault());
    this.element.addEventListener("close", () => this.isBusy ? this.element.showModal() : this.#leave());
    this.stay = event => event.preventDefault();
    this.left = () => {};
    document.body.append(this.element);
    this.element.showModal();
  }

  /** Show this; buttons: the footer's, the first of which has the focus. */
  show(content, buttons) {
    this.body.replaceChildren(...[content].flat().filter(each => each));
    this.footer.replaceChildren(...buttons);
    (buttons.find(each => !each.disabled) || this.body).focus();
  }

  /** Whether it must stay open, as something is being done. */
  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.element.setAttribute("aria-busy", String(isBusy));
    (isBusy ? addEventListener : removeEventListener)("beforeunload", this.stay);
  }

  close() {
    this.element.close();
  }

  #leave() {
    this.setBusy(false);
    this.element.remove();
    this.left();
    if (document.activeElement === document.body)
      document.querySelector("tr[tabindex='0']")?.focus();
  }
}

/** What a failure says: the kit's messages, or why the command could not run. */
export function failed(problem) {
  if (problem.messages && problem.messages.length)
    return problem.messages.map(said => message(said));
  return [alert("danger", problem.message || _("The command ended without saying why."))];
}

/**
 * A change: first what it would do, then what it does, step by step, then how it ended.
 *
 * title; go: the text of the button that does it.
 * fields(again): elements to choose with, which call again() when something else was chosen; may be left out.
 * words(): the command with the chosen words, without those for a dry run.
 * preview(words): the words that show what would be done; shown(answer): [elements, words that do it or null].
 * known: the number of a message that says the same as what is shown.
 */
export class Change {
  constructor({ title, go, words, shown, fields, preview, danger, known = "" }) {
    Object.assign(this, { go, words, shown, danger, known });
    this.preview = preview || (given => [...given, "--dry-run"]);
    this.dialog = new Dialog(title);
    this.look = 0;
    this.fields = fields ? el("form", { class: "@form" }, fields(() => this.ask())) : null;
    this.part = el("div", { class: "lk-preview" });
    this.fields?.addEventListener("submit", event => event.preventDefault());
    this.ask();
  }

  cancel() {
    return button(_("Cancel"), "link", () => this.dialog.close());
  }

  offer(content, words) {
    this.part.replaceChildren(...content);
    const kind = this.danger ? "danger" : "primary";
    const buttons = words ? [button(this.go, kind, () => this.carryOut(words))] : [];
    this.dialog.footer.replaceChildren(...buttons, this.cancel());
  }

  /** Show what it would do, with what is chosen now. */
  async ask() {
    const look = ++this.look;
    this.asked?.close();
    this.part.replaceChildren(busy(_("Looking at what would be done…")));
    this.dialog.show([this.fields, this.part].filter(each => each), [this.cancel()]);
    const words = this.words();
    let content, doing = null;
    try {
      this.asked = run(this.preview(words));
      this.dialog.left = () => this.asked.close();
      const ended = await this.asked;
      [content, doing] = ended.answer ? this.shown(ended.answer, words) : [[], null];
      const news = ended.messages.filter(said => said.number !== this.known);
      content = [...news.map(said => message(said)), ...content];
      if (ended.exit !== 0)
        [content, doing] = [failed(ended), null];
    } catch (problem) {
      content = failed(problem);
    }
    if (look === this.look)
      this.offer(content, doing);
  }

  /** Do it, and follow it. */
  async carryOut(words) {
    const bar = el("div", { class: "@progress__indicator" });
    const measure = el("div", { class: "@progress__bar", role: "progressbar", "aria-label": _("Progress"),
      "aria-valuemin": "0", "aria-valuemax": "100" }, bar);
    const progress = el("div", { class: "@progress pf-m-singleline" }, measure);
    const list = el("ol", { class: "lk-steps", "aria-live": "polite" });
    const waiting = busy(_("Working…"));
    const done = button(_("Done"), "primary", () => this.dialog.close(), { disabled: true });
    this.dialog.setBusy(true);
    this.dialog.show([progress, list, waiting], [done]);
    const heard = event => {
      if (event.event === "step" && event.depth === 0) {
        const share = Math.round(100 * event.position / event.count);
        bar.style.width = `${share}%`;
        measure.setAttribute("aria-valuenow", String(share));
      }
      const text = event.event === "step" ? event.step : event.text;
      list.append(el("li", { class: event.depth ? "lk-deeper" : null, text }));
      list.lastChild.scrollIntoView({ block: "nearest" });
    };
    let end;
    try {
      const ended = await run(words, heard);
      end = ended.exit === 0 ? [...ended.messages.map(said => message(said)), alert("success", _("Done."))] : failed(ended);
      if (ended.exit === 0)
        bar.style.width = "100%";
    } catch (problem) {
      end = failed(problem);
    }
    this.dialog.setBusy(false);
    waiting.replaceWith(...end);
    done.disabled = false;
    done.focus();
  }
}

/** A dialog that shows what a command answers, and nothing else. shown(answer): elements. */
export async function inform(title, look, shown) {
  const dialog = new Dialog(title);
  const close = button(_("Close"), "primary", () => dialog.close());
  dialog.show(busy(_("Looking…")), [close]);
  let content;
  try {
    content = shown(await look(dialog));
  } catch (problem) {
    content = failed(problem);
  }
  dialog.show(content, [close]);
}
