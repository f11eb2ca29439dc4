// What lvmkit doctor finds on every server, the worst first.

import { _, alert, message } from "./dom.js";
import { inform } from "./dialogs.js";
import { run } from "./kit.js";

const ORDER = ["FATAL", "ERROR", "WARN", "INFO"];

function findings(ended) {
  if (!ended.answer)
    throw ended;
  const found = [...ended.answer.findings].sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
  const well = alert("success", _("Nothing that has to be done, on $0.", ended.answer.servers.join(", ")));
  return [
    ended.answer.well && well,
    ...found.map(each => message(each, [each.server || _("cluster"), each.about].filter(text => text).join(": "))),
  ];
}

/** The dialog. */
export function doctor() {
  return inform(_("Doctor"), dialog => {
    const asked = run(["doctor"]);
    dialog.left = () => asked.close();
    return asked;
  }, findings);
}
