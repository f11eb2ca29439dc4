// Dark or light, as Cockpit's shell has it: stored as "shell:style", told by an event, "auto" follows the system.

const preference = matchMedia("(prefers-color-scheme: dark)");

function wear(style = localStorage.getItem("shell:style") || "auto") {
  const isDark = style === "dark" || (style === "auto" && preference.matches);
  document.documentElement.classList.toggle("pf-v6-theme-dark", isDark);
}

addEventListener("storage", event => event.key === "shell:style" && wear());
addEventListener("cockpit-style", event => event instanceof CustomEvent && wear(event.detail.style));
preference.addEventListener("change", () => wear());
wear();
