// The last move as the journals of all servers have it: what was done, and how long each step took.

import { _, el, message, table } from "./dom.js";
import { failed, inform } from "./dialogs.js";
import { run } from "./kit.js";

function picture(begun, steps) {
  if (!begun)
    return el("p", { text: _("No move is known.") });
  const whole = Math.max(steps.at(-1).end, 0.001);
  const seconds = value => _("$0 s", value.toFixed(1));
  const rows = steps.map(step => {
    const bar = el("div", { class: "lk-bar" });
    bar.style.marginInlineStart = `${100 * step.start / whole}%`;
    bar.style.width = `${Math.max(100 * (step.end - step.start) / whole, 0.5)}%`;
    return [step.text, step.server, bar, seconds(step.end - step.start)];
  });
  return [
    el("p", { text: _("Begun $0, $1 in all.", new Date(begun).toLocaleString(), seconds(whole)) }),
    table(_("The last move"), [_("Step"), _("Server"), _("When"), _("Took")], rows),
  ];
}

/** The dialog. */
export function timeline() {
  return inform(_("The last move"), dialog => {
    const asked = run(["timeline"]);
    dialog.left = () => asked.close();
    return asked;
  }, ({ answer, messages }) => answer
    ? [...answer.missing.map(each => message(each)), picture(answer.begun, answer.steps)].flat()
    : failed({ messages }));
}
