// The page: one long `lvmkit status --watch` says what there is, and each look draws the tree anew where it differs.

import { _, alert, busy, button, el, message } from "./dom.js";
import * as changes from "./changes.js";
import { failed, inform } from "./dialogs.js";
import { doctor } from "./doctor.js";
import { run } from "./kit.js";
import { openMenu } from "./menu.js";
import { properties, stateWords } from "./properties.js";
import { timeline } from "./timeline.js";
import { actions, reasons, rows, troubles } from "./tree.js";
import "./theme.js";

const SECONDS = 2;
const RETRY = 5000;
const COLOURS = { ISP: "green", ISU: "yellow", OSU: "grey", OSF: "red", ILLSTATE: "orange" };
const permission = cockpit.permission({ admin: true });

const page = document.getElementById("page");
const state = { status: null, shown: "", byId: false, closed: new Set(), current: "", watch: null, problem: null };

const mayChange = () => permission.allowed !== false && state.problem === null;

// -- what is looked at

function follow() {
  state.watch?.close();
  const watch = run(["status", "--watch", String(SECONDS)], event => {
    if (watch === state.watch && event.event === "answer") {
      state.status = event.answer;
      state.problem = null;
      draw();
    }
  });
  state.watch = watch;
  const end = ended => {
    if (watch !== state.watch)
      return;
    state.watch = null;
    state.problem = ended;
    draw();
    setTimeout(() => state.watch || follow(), RETRY);
  };
  watch.then(end, end);
}

// -- the tree

function stateCell(resource, server, isHere) {
  const place = resource.servers[server];
  if (!place)
    return el("td", { role: "gridcell" });
  const isWrong = isHere && resource.contradicted;
  return el("td", { role: "gridcell" },
    el("span", { class: `@label pf-m-compact pf-m-${COLOURS[place.state] || "grey"}` },
      el("span", { class: "@label__content" },
        el("span", { class: "@label__text", text: place.state }))),
    el("span", { class: "lk-word", text: stateWords(place.state) }),
    isWrong && el("strong", { class: "lk-wrong", text: _("the kernel disagrees") }));
}

function act(name, resource) {
  const does = { ...changes, delete: changes.end };
  if (name === "properties")
    properties(state.status, resource, mayChange());
  else
    does[name](state.status, resource);
}

function menuOf(resource, owner) {
  const words = {
    restore: _("In service…"),
    remove: _("Out of service…"),
    extend: _("Extend…"),
    unextend: _("Unextend…"),
    delete: _("Delete…"),
    properties: _("Properties"),
  };
  const able = mayChange() ? actions(state.status, resource) : ["properties"];
  openMenu(owner, resource.tag, able.map(name => [words[name], () => act(name, resource)]));
}

function toggle(row) {
  if (!state.closed.delete(row.key))
    state.closed.add(row.key);
  draw(true);
}

function pressed(event, row, shown) {
  const line = event.currentTarget;
  if (event.target !== line)
    return;
  const place = shown.indexOf(row);
  const to = {
    ArrowDown: place + 1,
    ArrowUp: place - 1,
    Home: 0,
    End: shown.length - 1,
  }[event.key];
  if (to !== undefined)
    line.parentElement.children[to]?.focus();
  else if (event.key === "Enter")
    act("properties", row.resource);
  else if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey) || event.key === " ")
    menuOf(row.resource, line);
  else if ((event.key === "ArrowLeft" && !row.isClosed || event.key === "ArrowRight" && row.isClosed) && row.hasChildren)
    toggle(row);
  else
    return;
  event.preventDefault();
}

function lineOf(row, shown, servers) {
  const { resource } = row;
  const name = state.byId ? resource.id : resource.tag;
  const isOpen = row.hasChildren ? String(!row.isClosed) : null;
  const twig = el("span", { class: "lk-twig", "aria-hidden": "true", onclick: () => row.hasChildren && toggle(row),
    text: row.hasChildren ? (row.isClosed ? "▸" : "▾") : "" });
  const first = el("th", { class: "@table__td lk-name", role: "rowheader", scope: "row" }, twig,
    el("button", { type: "button", class: "@button pf-m-link pf-m-inline", tabindex: "-1",
      onclick: () => act("properties", resource) }, el("span", { class: "@button__text", text: name })),
    el("span", { class: "lk-type", text: resource.type }));
  first.style.setProperty("--lk-level", row.level);
  const kebab = el("button", { type: "button", class: "@menu-toggle pf-m-plain", "aria-haspopup": "menu",
    "aria-label": _("Actions for $0", resource.tag), onclick: event => menuOf(resource, event.currentTarget) },
    el("span", { "aria-hidden": "true", text: "⋮" }));
  return el("tr", { role: "row", "aria-level": String(row.level), "aria-expanded": isOpen,
    "data-key": row.key, "data-tag": resource.tag, tabindex: row.key === state.current ? "0" : "-1",
    onfocusin: event => hold(event.currentTarget, row), onkeydown: event => pressed(event, row, shown),
    oncontextmenu: event => event.preventDefault() || menuOf(resource, event.currentTarget) },
    first, servers.map(server => stateCell(resource, server.name, server.name === state.status.server)),
    el("td", { class: "@table__action", role: "gridcell" }, kebab));
}

function hold(element, row) {
  element.parentElement.querySelector("[tabindex='0'][data-key]")?.setAttribute("tabindex", "-1");
  element.setAttribute("tabindex", "0");
  state.current = row.key;
}

function heads(servers) {
  return servers.map(server => el("th", { role: "columnheader", scope: "col" },
    server.name === state.status.server ? _("$0 (here)", server.name) : server.name,
    el("span", { class: server.unfit || !server.online ? "lk-unfit" : "lk-fit",
      text: server.unfit || (server.online ? _("online") : _("offline")) })));
}

function tree() {
  const { servers } = state.status;
  const shown = rows(state.status, state.closed);
  if (!shown.some(row => row.key === state.current))
    state.current = shown[0].key;
  return el("table", { class: "@table pf-m-compact lk-tree", role: "treegrid", "aria-label": _("Protected resources") },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" },
      el("th", { role: "columnheader", scope: "col", text: _("Resource") }), heads(servers),
      el("th", { role: "columnheader", scope: "col" },
        el("span", { class: "lk-hidden", text: _("Actions") })))),
    el("tbody", { role: "rowgroup" }, shown.map(row => lineOf(row, shown, servers))));
}

// -- around it

async function offerCreate() {
  const asked = run(["unprotected"]);
  const ended = await asked.catch(problem => problem);
  const mounts = ended.answer?.mounts;
  if (mounts?.length)
    changes.create(mounts);
  else
    inform(_("Protect a file system"), () => ended, () => mounts ? alert("info",
      _("No mounted file system on a logical volume is without protection. Mount one first.")) : failed(ended));
}

function firstSteps() {
  return el("div", { class: "@empty-state" }, el("div", { class: "@empty-state__content" },
    el("h2", { class: "@empty-state__title-text", text: _("Nothing is protected yet") }),
    el("div", { class: "@empty-state__body" },
      el("p", { text: _("Mount a file system that lies on a logical volume, then protect it with all that it stands on. You see what would be done before anything is changed.") }),
      el("p", { text: _("In a cluster, extend it to the other servers afterwards.") })),
    el("div", { class: "@empty-state__footer" },
      mayChange() && button(_("Protect a file system…"), "primary", offerCreate))));
}

function choice(text, byId) {
  const isChosen = state.byId === byId;
  return el("button", { type: "button", class: `@toggle-group__button${isChosen ? " pf-m-selected" : ""}`,
    "aria-pressed": String(isChosen), onclick: () => {
      state.byId = byId;
      draw(true);
    } }, el("span", { class: "@toggle-group__text", text }));
}

function head() {
  return el("header", { class: "lk-head" },
    el("h1", { class: "@title pf-m-2xl", text: _("LVM protection") }),
    state.status && el("div", { class: "lk-tools" },
      el("div", { class: "@toggle-group", role: "group", "aria-label": _("Show resources by") },
        choice(_("Tag"), false), choice(_("ID"), true)),
      mayChange() && [
        button(_("Last move"), "secondary", timeline),
        button(_("Doctor"), "secondary", doctor),
        button(_("Protect…"), "primary", offerCreate),
      ]));
}

function notices() {
  const found = [];
  if (permission.allowed === false) {
    found.push(alert("info", _("Administrative access is off."),
      el("p", { text: _("Without it nothing can be changed, and nothing new is seen. Turn on administrative access in Cockpit to look at and change what is protected.") })));
  } else if (state.problem) {
    found.push(...failed(state.problem));
  }
  if (state.status) {
    found.push(...troubles(state.status).map(each => message(each.message, each.about.join(", "))));
    found.push(...reasons(state.status).map(each =>
      alert("warning", each.reason, el("p", { text: `${each.tags.join(", ")} @ ${each.server}` }))));
  }
  return found;
}

function content() {
  if (!state.status)
    return permission.allowed === false || state.problem ? null : busy(_("Looking…"));
  return state.status.roots.length ? tree() : firstSteps();
}

/** Draw the page where it differs from what is shown; isForced: the administrator wants it otherwise. */
function draw(isForced = false) {
  const shown = JSON.stringify([{ ...state.status, time: "", watcher: null }, permission.allowed, state.problem]);
  if (shown === state.shown && !isForced)
    return;
  state.shown = shown;
  const key = document.activeElement?.closest("tr")?.dataset.key;
  page.replaceChildren(head(), el("div", { class: "lk-notices" }, notices()), ...[content()].filter(each => each));
  if (key)
    [...page.querySelectorAll("tr")].find(each => each.dataset.key === key)?.focus();
}

document.title = _("LVM protection");
document.documentElement.lang = cockpit.language || "en";
permission.addEventListener("changed", () => permission.allowed === false ? draw(true) : follow());
draw();
if (permission.allowed !== null)
  follow();
