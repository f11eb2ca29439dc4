// The last move as this server's journal has it: what was done, and how long each step took.

import { _, el, table } from "./dom.js";
import { inform } from "./dialogs.js";
import { journal } from "./kit.js";

const LONGEST_STEP = 120;
const WORDS = { start: "start", restore: "start", stop: "stop", remove: "stop" };

/** Milestones of the journal's entries: {at: seconds, what, isBegin}, oldest first. */
export function milestones(entries) {
  const found = [];
  for (const entry of entries) {
    const fact = name => entry[`LVMKIT_FACT_${name}`];
    const at = Number(entry.__REALTIME_TIMESTAMP) / 1e6;
    const isMove = entry.LVMKIT_NUMBER === "110170";
    const word = isMove ? "is" : WORDS[fact("ACTION_NAME")];
    if (!word || !fact("TAG"))
      continue;
    const what = isMove ? `${fact("TAG")}: ${fact("STATE")}` : `${word} ${fact("TAG")}`;
    found.push({ at, what, server: fact("SERVER"), isBegin: entry.LVMKIT_NUMBER === "110010" });
  }
  return found.sort((a, b) => a.at - b.at);
}

/** The steps of the last move: {what, server, from, to}, seconds since its begin; [] where there is none. */
export function lastMove(entries) {
  const all = milestones(entries);
  let first = all.length - 1;
  while (first > 0 && all[first].at - all[first - 1].at <= LONGEST_STEP)
    first -= 1;
  const those = all.slice(Math.max(first, 0));
  const steps = [];
  those.forEach((each, index) => {
    if (!each.isBegin) {
      const from = index ? those[index - 1].at : each.at;
      steps.push({ what: each.what, server: each.server, from: from - those[0].at, to: each.at - those[0].at });
    }
  });
  return { begun: those.length ? those[0].at : 0, steps };
}

function picture({ begun, steps }) {
  if (steps.length === 0)
    return el("p", { text: _("The journal of this server has no move.") });
  const whole = Math.max(steps[steps.length - 1].to, 0.001);
  const seconds = value => _("$0 s", value.toFixed(1));
  const rows = steps.map(step => {
    const bar = el("div", { class: "lk-bar" });
    bar.style.marginInlineStart = `${100 * step.from / whole}%`;
    bar.style.width = `${Math.max(100 * (step.to - step.from) / whole, 0.5)}%`;
    return [step.what, step.server, bar, seconds(step.to - step.from)];
  });
  return [
    el("p", { text: _("Begun $0, $1 in all.", new Date(begun * 1000).toLocaleString(), seconds(whole)) }),
    table(_("The last move"), [_("Step"), _("Server"), _("When"), _("Took")], rows),
  ];
}

/** The dialog. */
export function timeline() {
  return inform(_("The last move"), journal, entries => picture(lastMove(entries)));
}
