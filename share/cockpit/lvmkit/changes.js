// The changes that the menu offers, each with what its dry run answers.

import { alert, el, select } from "./dom.js";
import { Change } from "./dialogs.js";
import { inService } from "./tree.js";

const _ = cockpit.gettext;

const steps = texts => texts.length ? el("ol", { class: "lk-steps" }, texts.map(text => el("li", { text }))) : null;
const heading = text => el("p", { class: "lk-heading", text });
const nothing = () => alert("info", _("There is nothing to do."));

/** What a move would do. */
function move(answer, words) {
  if (answer.resources.length === 0)
    return [[nothing()], null];
  const form = { restore: _("bring $0 in service on $1"), remove: _("take $0 out of service on $1") };
  const texts = answer.resources.map(each => cockpit.format(form[each.action], each.tag, each.server));
  return [[heading(_("What will be done:")), steps(texts)], words];
}

/** Bring in service, here or elsewhere. */
export function restore(status, resource) {
  const servers = Object.keys(resource.servers);
  let server = servers.find(each => each === status.server) || servers[0];
  if (inService(resource).length)
    server = servers.find(each => !inService(resource).includes(each)) || server;
  return new Change({
    title: cockpit.format(_("Bring $0 in service"), resource.tag),
    go: _("In service"),
    fields: again => select(_("On server"), servers.map(each => [each, each]), server, chosen => {
      server = chosen;
      again();
    }),
    words: () => ["in-service", resource.tag, ...(server === status.server ? [] : ["--on", server])],
    shown: move,
  });
}

/** Take out of service. */
export function remove(status, resource) {
  return new Change({
    title: cockpit.format(_("Take $0 out of service"), resource.tag),
    go: _("Out of service"),
    words: () => ["out-of-service", resource.tag],
    shown: move,
    danger: true,
  });
}

/** Let it run on one more server. */
export function extend(status, resource) {
  const servers = status.servers.map(each => each.name).filter(name => !resource.servers[name]);
  let server = servers[0];
  return new Change({
    title: cockpit.format(_("Extend $0"), resource.tag),
    go: _("Extend"),
    fields: again => select(_("To server"), servers.map(each => [each, each]), server, chosen => {
      server = chosen;
      again();
    }),
    words: () => ["extend", resource.tag, "--to", server],
    shown: (answer, words) => [
      [heading(_("What will be done:")), steps([...answer.steps, ...answer.foreseen])], answer.ready ? words : null],
  });
}

/** Let it run on a server no longer. */
export function unextend(status, resource) {
  const servers = Object.keys(resource.servers).filter(name => !inService(resource).includes(name));
  let server = servers[servers.length - 1];
  return new Change({
    title: cockpit.format(_("Unextend $0"), resource.tag),
    go: _("Unextend"),
    fields: again => select(_("From server"), servers.map(each => [each, each]), server, chosen => {
      server = chosen;
      again();
    }),
    words: () => ["unextend", resource.tag, "--from", server],
    shown: (answer, words) => [[heading(_("What will be done:")), steps(answer.steps)], words],
    danger: true,
  });
}

/** End the protection. */
export function end(status, resource) {
  return new Change({
    title: cockpit.format(_("Delete the protection of $0"), resource.tag),
    go: _("Delete"),
    words: () => ["delete", resource.tag, "--yes"],
    shown: (answer, words) => [[
      el("p", { text: _("Data, volumes and mounts stay as they are.") }),
      heading(_("What will no longer be protected:")), steps(answer.gone),
      answer.stays.length ? heading(_("What stays protected:")) : null,
      steps(answer.stays.map(each => each.tag))].filter(each => each), words],
    danger: true,
  });
}

/** Protect a mount point. candidates: the mounts that lvmkit unprotected lists. */
export function create(candidates) {
  let point = candidates[0].mount_point;
  return new Change({
    title: _("Protect a file system"),
    go: _("Create"),
    fields: again => select(_("Mount point"),
      candidates.map(each => [each.mount_point, `${each.mount_point} (${each.device})`]), point, chosen => {
        point = chosen;
        again();
      }),
    words: () => ["create", point],
    shown: (answer, words) => [[
      heading(_("What will be protected:")),
      steps(answer.resources.filter(each => each.new).map(each => `${each.tag} (${each.type})`)),
      heading(_("What will be done:")), steps(answer.steps)], words],
  });
}

/** Make a hierarchy follow its volume group: the detected changes, then Reconfigure. */
export function reconfigure(group) {
  return new Change({
    title: cockpit.format(_("Resource configuration of $0"), group.tag),
    go: _("Reconfigure"),
    words: () => ["reconfigure", group.tag],
    preview: words => words,
    shown: (answer, words) => {
      const found = differences(answer);
      const rest = answer.new_volumes.map(each => `${answer.vg}/${each.name}`).join(", ");
      const more = rest && el("p", { text: cockpit.format(_("Not protected: $0"), rest) });
      if (answer.nothing_to_do)
        return [[alert("success", _("No change was detected.")), more].filter(each => each), null];
      return [[heading(_("Detected changes:")), steps(found), more].filter(each => each),
        [...words, "--expect", answer.digest]];
    },
  });
}

function differences(answer) {
  const name = each => each.device || each.pv_uuid;
  const found = [
    ...answer.added.map(each => cockpit.format(_("disk $0 was added"), name(each))),
    ...answer.removed.map(each => cockpit.format(_("disk $0 was removed"), name(each))),
    ...answer.gone_volumes.map(each => cockpit.format(_("volume $0 is gone"), `${answer.vg}/${each.name}`)),
    ...answer.renamed.map(each => each.old === each.new
      ? cockpit.format(_("the volumes of $0 are not noted yet"), each.tag)
      : cockpit.format(_("$0 is now $1"), each.old, each.new)),
  ];
  if (!answer.listed)
    found.push(cockpit.format(_("$0 is missing in /etc/lkvgs"), answer.vg));
  if (!answer.watched)
    found.push(_("the checks expect the volume group as it was"));
  return found;
}
