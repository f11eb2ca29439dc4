// What is recorded of a resource, with Resource Configuration at the bottom.

import { _, button, el, message, table, terms } from "./dom.js";
import { Dialog } from "./dialogs.js";
import { reconfigure } from "./changes.js";
import { groupOf } from "./tree.js";

/** The words for a state. */
export function stateWords(state) {
  return {
    ISP: _("in service"),
    ISU: _("in service, unprotected"),
    OSU: _("out of service"),
    OSF: _("failed"),
    ILLSTATE: _("unknown"),
  }[state] || state;
}

function places({ servers }) {
  return table(_("Servers"), [_("Server"), _("State"), _("Priority"), _("Reason")],
    Object.entries(servers).map(([server, place]) =>
      [server, `${place.state} (${stateWords(place.state)})`, place.priority, place.reason]));
}

/** The dialog; mayChange: whether Resource Configuration is offered. */
export function properties(status, resource, mayChange) {
  const dialog = new Dialog(_("Properties of $0", resource.tag));
  const group = groupOf(status, resource);
  const info = Object.entries(resource.info);
  const buttons = [button(_("Close"), "primary", () => dialog.close())];
  if (group && mayChange) {
    buttons.push(button(_("Resource configuration"), "secondary", () => {
      dialog.close();
      reconfigure(group);
    }));
  }
  dialog.show([
    ...resource.faults.map(fault => message(fault)),
    terms([
      [_("Tag"), resource.tag],
      [_("ID"), resource.id],
      [_("Type"), `${resource.app}/${resource.type}`],
      [_("State"), `${resource.state} (${stateWords(resource.state)})`],
      [_("Reason"), resource.reason],
      [_("Switchback"), resource.switchback],
      [_("After a boot"), resource.initialisation],
      [_("Required by"), resource.parents.join(", ")],
      [_("Requires"), resource.children.join(", ")],
    ]),
    places(resource),
    info.length > 0 && el("details", {}, el("summary", { text: _("What it is recognised by") }), terms(info)),
  ], buttons);
}
