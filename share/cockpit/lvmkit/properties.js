// What is recorded of a resource, with Resource Configuration at the bottom.

import { button, el, message, terms } from "./dom.js";
import { Dialog } from "./dialogs.js";
import { reconfigure } from "./changes.js";
import { groupOf } from "./tree.js";

const _ = cockpit.gettext;

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

function places(resource) {
  const head = [_("Server"), _("State"), _("Priority"), _("Reason")];
  return el("table", { class: "pf-v6-c-table pf-m-compact", "aria-label": _("Servers") },
    el("thead", { class: "pf-v6-c-table__thead" }, el("tr", { class: "pf-v6-c-table__tr" },
      head.map(text => el("th", { class: "pf-v6-c-table__th", scope: "col", text })))),
    el("tbody", { class: "pf-v6-c-table__tbody" }, Object.entries(resource.servers).map(([server, place]) =>
      el("tr", { class: "pf-v6-c-table__tr" },
        [server, `${place.state} (${stateWords(place.state)})`, place.priority ?? "", place.reason].map(text =>
          el("td", { class: "pf-v6-c-table__td", text: String(text) }))))));
}

/** The dialog; mayChange: whether Resource Configuration is offered. */
export function properties(status, resource, mayChange) {
  const dialog = new Dialog(cockpit.format(_("Properties of $0"), resource.tag));
  const group = groupOf(status, resource);
  const info = Object.entries(resource.info).filter(([, value]) => value).map(([key, value]) => [key, value]);
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
