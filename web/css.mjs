// Cuts PatternFly's CSS to what the page uses. What a page's code or its words name stays, and so do the variables that
// those rules need. Run by `make page-css`; the result is committed, so that installing needs no npm.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { PurgeCSS } from "purgecss";

const FROM = new URL("node_modules/@patternfly/patternfly/", import.meta.url);
const PAGE = new URL("../share/cockpit/lvmkit/", import.meta.url);
const PARTS = [
    "base/patternfly-variables", "components/Alert/alert", "components/Button/button",
    "components/DescriptionList/description-list", "components/EmptyState/empty-state", "components/Form/form",
    "components/FormControl/form-control", "components/Label/label", "components/Menu/menu",
    "components/MenuToggle/menu-toggle", "components/ModalBox/modal-box", "components/Progress/progress",
    "components/Table/table", "components/Title/title", "components/ToggleGroup/toggle-group",
];
const UNUSED = [/felt/, /glass/, /high-contrast/, /redhat/];

const { version } = JSON.parse(readFileSync(new URL("package.json", FROM)));
const raw = PARTS.map(part => readFileSync(new URL(`${part}.css`, FROM), "utf8")).join("\n");
const names = readdirSync(PAGE).filter(name => /\.(js|html)$/.test(name) && !name.startsWith("po."));
const own = readFileSync(new URL("lvmkit.css", PAGE), "utf8");
const [{ css }] = await new PurgeCSS().purge({
    content: [
        ...names.map(name => ({ raw: readFileSync(new URL(name, PAGE), "utf8").replaceAll("@", "pf-v6-c-"), extension: name.split(".").pop() })),
        { raw: own, extension: "js" },
    ],
    css: [{ raw: raw.replace(/@charset[^;]*;/g, "") }],
    defaultExtractor: text => text.match(/[\w-]+/g) || [],
    blocklist: UNUSED,
    safelist: { standard: [":root", /^pf-v6-c-table__(td|th|tr|thead|tbody)$/, "pf-v6-theme-dark", /^pf-m-(primary|secondary|link|plain|danger|warning|info|success|green|yellow|grey|red|orange)$/],
        variables: own.match(/--pf-t--[\w-]+/g) || [] },
    variables: true,
});
const head = `/* PatternFly ${version} (https://www.patternfly.org), MIT licence, cut to what this page uses by 'make page-css'. */\n`;
writeFileSync(new URL("patternfly.css", PAGE), head + css.replace(/\n{2,}/g, "\n").trim() + "\n");
