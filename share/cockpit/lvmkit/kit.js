// The kit's command line, which does all the work: each command says what happens as lines of JSON (lvmkit schema event).

const LVMKIT = "/usr/sbin/lvmkit";

/** Calls take() with each whole line of a text that comes in parts. */
function lines(take) {
  let rest = "";
  return part => {
    const whole = (rest + part).split("\n");
    rest = whole.pop();
    whole.filter(line => line).forEach(line => take(line));
  };
}

/**
 * Run a command of the kit. heard: is called with each event but the last.
 * Returns a promise of {exit, answer, messages}, rejected where the command could not run; its close() ends the command,
 * which takes back what it has done.
 */
export function run(words, heard = () => {}) {
  const messages = [];
  let result = null;
  const process = cockpit.spawn([LVMKIT, ...words, "--format", "jsonl"],
    { superuser: "require", err: "message", environ: ["LC_ALL=", "LANGUAGE=", `LC_MESSAGES=${cockpit.language}.UTF-8`] });
  process.stream(lines(line => {
    const event = JSON.parse(line);
    if (event.event === "result")
      result = event;
    if (event.event === "message" && event.level !== "INFO")
      messages.push(event);
    if (event.event !== "result")
      heard(event);
  }));
  const ended = new Promise((resolve, reject) => {
    const end = problem => result ? resolve({ ...result, messages }) : reject(problem);
    process.then(() => end(new Error()), end);
  });
  ended.close = () => process.close("terminated");
  return ended;
}
