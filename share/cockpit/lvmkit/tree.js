// The tree of resources as rows; pure, so that it can be tried without a browser.

/**
 * Rows in the order in which they are shown. closed: a set of the keys of rows whose children are not.
 * Each has key, level (from 1), resource, hasChildren, isClosed; where a resource hangs below several, it has its
 * children at its first place only.
 */
export function rows(status, closed) {
  const byTag = new Map(status.resources.map(resource => [resource.tag, resource]));
  const seen = new Set();
  const found = [];
  function add(tag, level, path) {
    const resource = byTag.get(tag);
    if (!resource)
      return;
    const key = `${path}>${tag}`;
    const isFirst = !seen.has(tag);
    seen.add(tag);
    const hasChildren = isFirst && resource.children.length > 0;
    const isClosed = closed.has(key);
    found.push({ key, level, resource, hasChildren, isClosed });
    if (hasChildren && !isClosed)
      resource.children.forEach(child => add(child, level + 1, key));
  }
  status.roots.forEach(root => add(root, 1, ""));
  return found;
}

/** What is wrong, each message once: [{message, about}], about: the tags, in order. */
export function troubles(status) {
  const found = new Map();
  const note = (message, tag) => {
    const key = `${message.number} ${message.text}`;
    if (!found.has(key))
      found.set(key, { message, about: [] });
    if (tag)
      found.get(key).about.push(tag);
  };
  status.warnings.forEach(warning => note(warning, ""));
  for (const resource of status.resources)
    resource.faults.forEach(fault => note(fault, resource.tag));
  return [...found.values()];
}

/** What the engine stored about a state, each reason once: [{reason, server, tags}]. */
export function reasons(status) {
  const found = new Map();
  for (const resource of status.resources) {
    for (const [server, place] of Object.entries(resource.servers)) {
      const key = `${server} ${place.reason}`;
      if (place.reason && !found.has(key))
        found.set(key, { reason: place.reason, server, tags: [] });
      if (place.reason)
        found.get(key).tags.push(resource.tag);
    }
  }
  return [...found.values()];
}

/** The servers on which a resource is in service. */
export function inService(resource) {
  return Object.keys(resource.servers).filter(server => ["ISP", "ISU"].includes(resource.servers[server].state));
}

/** The volume group that a resource belongs to: itself, or the one that it stands on; null for none. */
export function groupOf(status, resource) {
  const byTag = new Map(status.resources.map(each => [each.tag, each]));
  const waiting = [resource];
  for (const each of waiting) {
    if (each.type === "lvmvg")
      return each;
    waiting.push(...each.children.map(tag => byTag.get(tag)).filter(child => child));
  }
  return null;
}

/** What can be done to a resource: names of actions, in the order of the menu. */
export function actions(status, resource) {
  const here = inService(resource);
  const servers = Object.keys(resource.servers);
  const isDevice = resource.app === "scsi" && !["lvmlv", "lvmvg"].includes(resource.type);
  const able = {
    restore: !isDevice,
    remove: !isDevice && here.length > 0,
    extend: !isDevice && servers.length < status.servers.length,
    unextend: !isDevice && servers.some(server => !here.includes(server)) && servers.length > 1,
    delete: status.roots.includes(resource.tag),
    properties: true,
  };
  return Object.keys(able).filter(name => able[name]);
}
