// The changes that the menu offers, each with what its dry run answers.

import { _, alert, el, select } from "./dom.js";
import { Change } from "./dialogs.js";
import { inService } from "./tree.js";

const steps = texts => texts.length ? el("ol", { class: "lk-steps" }, texts.map(text => el("li", { text }))) : null;
const heading = text => el("p", { class: "lk-heading", text });
const nothing = () => alert("info", _("There is nothing to do."));

/** What a move would do. */
function move(answer, words) {
  if (answer.resources.length === 0)
    return [[nothing()], null];
  const texts = answer.resources.map(each => each.action === "restore"
    ? _("bring $0 in service on $1", each.tag, each.server)
    : _("take $0 out of service on $1", each.tag, each.server));
  return [[heading(_("What will be done:")), steps(texts)], words];
}

/** What a change of servers would do. */
const listed = (answer, words) => [
  [heading(_("What will be done:")), steps([...answer.steps, ...answer.foreseen || []])],
  answer.ready === false ? null : words];

/** A change of a resource for which a server is chosen. words(server): the command. */
function withServer({ label, servers, server, words, ...more }) {
  return new Change({
    ...more,
    fields: again => select(label, servers.map(each => [each, each]), server, chosen => {
      server = chosen;
      again();
    }),
    words: () => words(server),
  });
}

/** Bring in service, here or elsewhere. */
export function restore(status, resource) {
  const servers = Object.keys(resource.servers);
  const free = servers.filter(each => !inService(resource).includes(each));
  const server = [status.server, ...free].find(each => free.includes(each)) || servers[0];
  return withServer({
    title: _("Bring $0 in service", resource.tag), go: _("In service"), label: _("On server"),
    servers, server, shown: move,
    words: chosen => ["in-service", resource.tag, ...(chosen === status.server ? [] : ["--on", chosen])],
  });
}

/** Take out of service. */
export function remove(status, resource) {
  return new Change({
    title: _("Take $0 out of service", resource.tag), go: _("Out of service"), danger: true,
    words: () => ["out-of-service", resource.tag], shown: move,
  });
}

/** Let it run on one more server. */
export function extend(status, resource) {
  const servers = status.servers.map(each => each.name).filter(name => !resource.servers[name]);
  return withServer({
    title: _("Extend $0", resource.tag), go: _("Extend"), label: _("To server"),
    servers, server: servers[0], shown: listed, words: chosen => ["extend", resource.tag, "--to", chosen],
  });
}

/** Let it run on a server no longer. */
export function unextend(status, resource) {
  const servers = Object.keys(resource.servers).filter(name => !inService(resource).includes(name));
  return withServer({
    title: _("Unextend $0", resource.tag), go: _("Unextend"), label: _("From server"), danger: true,
    servers, server: servers[servers.length - 1], shown: listed,
    words: chosen => ["unextend", resource.tag, "--from", chosen],
  });
}

/** End the protection. */
export function end(status, resource) {
  return new Change({
    title: _("Delete the protection of $0", resource.tag),
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
    title: _("Resource configuration of $0", group.tag),
    go: _("Reconfigure"),
    words: () => ["reconfigure", group.tag],
    preview: words => words,
    known: "110106",
    shown: (answer, words) => {
      const found = differences(answer);
      const rest = answer.new_volumes.map(each => `${answer.vg}/${each.name}`).join(", ");
      const more = rest && el("p", { text: _("Not protected: $0", rest) });
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
    ...answer.added.map(each => _("disk $0 was added", name(each))),
    ...answer.removed.map(each => _("disk $0 was removed", name(each))),
    ...answer.gone_volumes.map(each => _("volume $0 is gone", `${answer.vg}/${each.name}`)),
    ...answer.renamed.map(each => each.old === each.new
      ? _("the volumes of $0 are not noted yet", each.tag)
      : _("$0 is now $1", each.old, each.new)),
    ...answer.carried.map(each => _("$0 stands on $1", each.tag, each.carrier)),
  ];
  if (!answer.listed)
    found.push(_("$0 is missing in /etc/lkvgs", answer.vg));
  if (!answer.watched)
    found.push(_("the checks expect the volume group as it was"));
  return found;
}
