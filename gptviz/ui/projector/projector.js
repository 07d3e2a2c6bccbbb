const seen = new WeakMap();
const FIRST = 24; // pixels of a rem that pictures are laid out for
const LEAST = 190; // pixels, at that size, that a picture keeps however much stands around it
const STEPS = { ArrowRight: 1, PageDown: 1, ArrowDown: 1, ArrowLeft: -1, PageUp: -1, ArrowUp: -1, Home: -Infinity };
const PICTURE = ".st-key-stage [data-testid=stElementContainer]:is([class*=st-key-picture], [class*=st-key-lab-picture]), .st-key-stage [data-testid=stLayoutWrapper]:has(> [class*=st-key-pieces])";
const LATE = 1500; // milliseconds that a press waits for what it is about
const MOMENT = 50; // milliseconds between two looks whether it is there
const CHIPS = [1.5, 1.4, 1.3, 1.2, 1.1, 1];
const OPEN = ".st-key-vote-done button, .st-key-begin button"; // what leads back to the picture

// Computed as numbers, whatever they are calculated from. A page may run this source again.
for (const [name, syntax, initialValue] of [["--tall", "<length>", "0px"], ["--grow", "<number>", "1"]]) {
  if (!document.documentElement.style.getPropertyValue(`${name}-known`)) CSS.registerProperty({ name, syntax, inherits: true, initialValue });
  document.documentElement.style.setProperty(`${name}-known`, "1");
}

// ---- the room

// What a picture may take: the window without the bar, and without all that stands above and below the picture.
function fit() {
  const root = document.documentElement;
  const main = document.querySelector("[data-testid=stMain]");
  const block = document.querySelector("[data-testid=stMainBlockContainer]");
  if (!main || !block) return;
  const scale = parseFloat(getComputedStyle(root).fontSize) / FIRST;
  root.style.setProperty("--scale", scale);
  const pictures = [...document.querySelectorAll(PICTURE)];
  if (!pictures.length) return;
  const bar = document.querySelector("[data-testid=stBottom]");
  const inner = block.firstElementChild; // its own padding is under the bar
  const above = inner.getBoundingClientRect().top + main.scrollTop;
  const around = inner.getBoundingClientRect().height - (parseFloat(root.style.getPropertyValue("--room")) || 20 * FIRST * scale);
  const free = main.clientHeight - (bar?.offsetHeight ?? 0) - above - around - 6 * scale;
  const room = Math.floor(Math.max(free, LEAST * scale));
  if (Math.abs(room - (parseFloat(root.style.getPropertyValue("--room")) || 0)) > 1) root.style.setProperty("--room", `${room}px`);
  for (const chips of document.querySelectorAll(".st-key-stage .chips.present")) pieces(chips, room);
}

// The page can put another element in the place of one that is watched.
function watch(state) {
  const block = document.querySelector("[data-testid=stMainBlockContainer]");
  const now = [block, ...(block?.children ?? []), document.querySelector("[data-testid=stBottom]")].filter(Boolean);
  if (now.length === state.watched?.length && now.every((one, n) => one === state.watched[n])) return;
  state.sized.disconnect();
  state.replaced.disconnect();
  for (const one of now) state.sized.observe(one);
  if (block) state.replaced.observe(block, { childList: true });
  state.watched = now;
}

// Pieces of text as large as the room allows.
function pieces(chips, room) {
  for (const size of CHIPS) {
    chips.style.zoom = size;
    const box = chips.getBoundingClientRect();
    if (box.height <= room && chips.scrollWidth <= chips.clientWidth + 1) return;
  }
}

// ---- the keys

// What a clicker sends to show nothing for a while; the same key, or a click, brings the page back.
function dark(on) {
  const there = document.getElementById("gptviz-dark");
  if (there) return there.remove();
  if (!on) return;
  const cover = document.createElement("div");
  cover.id = "gptviz-dark";
  cover.style.cssText = "position: fixed; inset: 0; z-index: 1000002; background: #000000;";
  cover.onclick = () => cover.remove();
  document.body.append(cover);
}

const writes = (at) => (at instanceof HTMLInputElement && !["checkbox", "radio", "range", "button"].includes(at.type)) || at instanceof HTMLTextAreaElement || at.isContentEditable;
const listed = (at) => at.getAttribute?.("aria-expanded") === "true" && at.getAttribute("role") === "combobox" || Boolean(at.closest?.("[role=listbox], [role=dialog] [role=grid]"));
const moves = (at) => Boolean(at.closest?.("[role=slider], [type=range], [type=radio], [role=grid], [role=application]:not(.resting)"));

// Whether a key is the page's. A box keeps its letters and arrows, an open list all of them. A picture, a slider or a choice keeps its
// arrows only once the keyboard has led there: after a click the lesson goes on.
function ours(event, tabbed) {
  const at = event.composedPath()[0];
  if (!(at instanceof Element)) return true;
  if (listed(at)) return false;
  const page = event.key.startsWith("Page");
  if (writes(at) && (at.getAttribute("role") !== "combobox" || event.key.length === 1)) {
    if (!page) return false;
    at.blur();
    return true;
  }
  return page || !event.key.startsWith("Arrow") || !(tabbed && moves(at));
}

function escape(state) {
  if (document.getElementById("gptviz-dark")) return dark(false), true;
  if (document.querySelector("[data-testid=stPopoverBody], [role=listbox]")) return false; // closes by itself
  const back = [...document.querySelectorAll(OPEN)].find((button) => button.checkVisibility());
  if (back) return back.click(), true;
  state.leaves = Date.now() + LATE;
  soonLeft(state);
  return state.data.open;
}

// What was chosen a moment ago can still be on its way: it is left as soon as it is there, unless something else is
// pressed first.
function soonLeft(state) {
  if (Date.now() > state.leaves) return;
  if (!state.data.open) return setTimeout(soonLeft, MOMENT, state);
  state.leaves = 0;
  state.send("leave", Date.now());
}

function pressed(state, event) {
  if (event.key === "Tab") state.tabbed = true;
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const at = event.composedPath()[0];
  if (event.key === "Escape") {
    if (at instanceof Element && writes(at) && !listed(at)) at.blur();
    if (at instanceof HTMLCanvasElement && state.tabbed) return; // the picture lets go of its keys
    if (!escape(state)) return;
  } else if (!ours(event, state.tabbed)) return;
  else if (event.key === "b" || event.key === ".") dark(true);
  else if (event.key === "/") focus(".st-key-top textarea, .st-key-top input[type=text]");
  else if (event.key === "g") focus(".st-key-jump input");
  else if (event.key in STEPS) {
    if (at instanceof HTMLElement && at !== document.body && !state.tabbed) at.blur();
    const by = STEPS[event.key];
    if (document.querySelector("[data-testid=stPopoverBody]")) document.querySelector("[data-testid=stPopover] [aria-expanded=true]")?.click(); // it is about this step
    if (!state.data.steps) document.dispatchEvent(new CustomEvent("gptviz-step", { detail: by }));
    else if (Number.isFinite(by)) state.send("step", { by, at: Date.now() });
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

function focus(where) {
  const box = document.querySelector(where);
  box?.focus();
  box?.select?.();
}

export default function ({ data, parentElement, setTriggerValue }) {
  let state = seen.get(parentElement);
  if (!state) {
    state = { tabbed: false, leaves: 0 };
    seen.set(parentElement, state);
    state.keyed = (event) => pressed(state, event);
    state.pointed = () => Object.assign(state, { tabbed: false, leaves: 0 });
    const soon = () => {
      cancelAnimationFrame(state.frame);
      clearTimeout(state.late);
      state.frame = requestAnimationFrame(() => (watch(state), fit()));
      state.late = setTimeout(fit, 400); // type that came late has changed a line by then
    };
    state.sized = new ResizeObserver(soon);
    state.replaced = new MutationObserver(soon);
    state.soon = soon;
    document.addEventListener("keydown", state.keyed, true);
    document.addEventListener("pointerdown", state.pointed, true);
    window.addEventListener("resize", soon);
  }
  Object.assign(state, { data, send: setTriggerValue });
  state.soon();
  return () => {
    document.removeEventListener("keydown", state.keyed, true);
    document.removeEventListener("pointerdown", state.pointed, true);
    window.removeEventListener("resize", state.soon);
    cancelAnimationFrame(state.frame);
    clearTimeout(state.late);
    state.sized.disconnect();
    state.replaced.disconnect();
    dark(false);
    for (const name of ["--room", "--scale"]) document.documentElement.style.removeProperty(name);
    seen.delete(parentElement);
  };
}
