const seen = new WeakMap();
const PATIENCE = 3000; // milliseconds until a request without an answer is taken as lost, and twice as long each further time
const STEPS = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1, Home: -Infinity };
const BUTTONS = { "st-key-next": 1, "st-key-back": -1 };

function make(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// A picture and a box for text have no use for the page keys, which a clicker sends, unless a list is open: the box is left, as by a
// click elsewhere.
function leaves(event) {
  const at = event.composedPath()[0];
  if (at instanceof HTMLCanvasElement) return event.key.startsWith("Page");
  const line = at instanceof HTMLInputElement && ["text", "search"].includes(at.type) && at.getAttribute("aria-expanded") !== "true";
  if ((!line && !(at instanceof HTMLTextAreaElement)) || !event.key.startsWith("Page")) return false;
  at.blur();
  return true;
}

function typing(event) {
  const at = event.composedPath()[0];
  return at instanceof Element && (at.closest("input:not([type=checkbox]), textarea, select, [contenteditable=true], [role=slider], [role=listbox], [role=grid], [role=application]:not(.resting)") !== null);
}

// The whole map, once: later only lights, words and shapes change, so that the keyboard's focus stays where it is.
function build(nav, stages, state) {
  const columns = stages.length;
  nav.style.setProperty("--columns", columns);
  const first = stages.findIndex((stage) => stage.inBlock);
  const last = columns - 1 - [...stages].reverse().findIndex((stage) => stage.inBlock);

  const frame = make("div", "frame");
  frame.style.gridColumn = `${first + 1} / ${last + 2}`;

  const turns = [[-1, "‹", "previous block"], [1, "›", "next block"]].map(([step, sign, label]) => {
    const button = make("button", "turn", sign);
    button.type = "button";
    button.setAttribute("aria-label", label);
    button.dataset.step = step;
    button.onclick = () => state.go({ block: state.at("block") + step });
    return button;
  });
  const block = make("div", "block");
  block.style.gridColumn = `${first + 1} / ${last + 2}`;
  const times = make("span", "times");
  block.append(turns[0], make("span", "name"), turns[1], times);

  const whose = make("div", "whose");
  whose.style.gridColumn = `1 / ${first + 1}`;

  const boxes = stages.map((stage, n) => {
    const box = make("button", "box");
    box.type = "button";
    box.dataset.key = stage.key;
    box.title = stage.title;
    box.style.gridColumn = n + 1;
    box.style.setProperty("--part", stage.colour);
    box.append(make("span", "number", stage.number || " "), " ", make("span", "short", stage.short)); // two words, not one
    box.append(make("i", "dot"), make("i", "guess"));
    box.setAttribute("aria-label", stage.name);
    box.onclick = () => state.press(stage.key);
    return box;
  });
  nav.append(frame, block, whose, ...boxes);
  nav.querySelector(".skip").onclick = () => {
    const stage = document.querySelector(".st-key-stage");
    if (!stage) return; // no picture yet
    const host = [...stage.querySelectorAll("*")].find((node) => node.shadowRoot);
    const chart = stage.querySelector("[role=img], [role=figure]");
    const above = chart && host && chart.compareDocumentPosition(host) & Node.DOCUMENT_POSITION_FOLLOWING;
    const picture = (above ? chart : host?.shadowRoot.querySelector("[tabindex]") ?? chart) ?? stage;
    if (picture.tabIndex < 0) picture.tabIndex = -1; // takes the focus, but only from here
    picture.focus();
  };
  return { times, whose };
}

// Where the map is a strip that scrolls, the lit step is in its middle; only a step moves it, so that a reader can look around.
function along(nav) {
  const lit = nav.querySelector(".lit");
  if (!lit || nav.along === lit || nav.scrollWidth <= nav.clientWidth) return;
  nav.along = lit;
  nav.scrollLeft = lit.offsetLeft + (lit.offsetWidth - nav.clientWidth) / 2;
}

// Another stage begins at its top, wherever the last one was left.
function top(nav) {
  for (let node = nav; node; node = node.parentElement ?? node.getRootNode().host) node.scrollTop = 0;
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const nav = parentElement.querySelector("nav");
  let state = seen.get(nav);
  if (!state) {
    state = { wanted: {}, request: null, number: Date.now(), tries: 0, drawn: data.current };
    seen.set(nav, state);
    state.keyed = (event) => {
      if (state.data.present || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      if (typing(event) && !leaves(event)) return;
      if (!(event.key in STEPS)) return;
      event.preventDefault();
      state.step(STEPS[event.key]);
    };
    // The buttons step as the keys do: what they would send by themselves can fall together with another press, and be lost.
    state.clicked = (event) => {
      const names = event.composedPath().flatMap((node) => [...(node.classList ?? [])]);
      const name = names.find((one) => one in BUTTONS);
      if (!name || !event.composedPath().some((node) => node instanceof HTMLButtonElement)) return;
      event.preventDefault();
      event.stopPropagation();
      state.step(BUTTONS[name]);
    };
    state.sent = (event) => state.step(event.detail); // by the keys of Present mode, which are the same on every page
    document.addEventListener("keydown", state.keyed);
    document.addEventListener("gptviz-step", state.sent);
    document.addEventListener("click", state.clicked, true);
  }
  state.data = data;
  // Where the reader is: what they asked for last, even while the server is on its way there.
  const at = (name) => state.wanted[name] ?? state.request?.[name] ?? state.data[name === "stage" ? "current" : name];
  // One request is under way at a time: presses meanwhile move the light, and the last of them is sent when the picture is here.
  const send = () => {
    state.request = { ...state.request, ...state.wanted, number: (state.number += 1) };
    state.wanted = {};
    clearTimeout(state.timer);
    state.timer = setTimeout(send, PATIENCE * 2 ** state.tries);
    state.tries += 1;
    setTriggerValue("go", state.request);
  };
  state.at = at;
  state.go = (to) => {
    Object.assign(state.wanted, to);
    show();
    if (!state.request) send();
  };
  // A press on the lit step is about its own part, where that has a switch: it says what is wanted, so that it can come twice.
  state.press = (key) => {
    const own = state.data.own;
    if (own && !state.request && key === at("stage") && key === state.data.current) setTriggerValue("own", { name: own.name, on: !own.on });
    else state.go({ stage: key, at: 0 }); // of a lesson, the step stays where it is
  };
  state.step = (by) => {
    const shown = at("revealed") + by;
    if (state.data.parts && at("stage") === state.data.current && shown >= 0 && shown <= state.data.parts) return state.go({ revealed: shown });
    const { led } = state.data;
    if (led.length) {
      const from = at("at") || state.data.at;
      const to = Math.min(Math.max(from + by, 1), led.length);
      if (to !== from) state.go(led[to - 1] ? { at: to, stage: led[to - 1] } : { at: to });
      return;
    }
    const keys = state.data.order; // the first and the last are pages without a box
    const to = keys[by === -Infinity ? 1 : Math.min(Math.max(keys.indexOf(at("stage")) + by, 0), keys.length - 1)];
    if (to !== at("stage")) state.go({ stage: to, revealed: 0 });
  };

  function show() {
    for (const box of nav.querySelectorAll("button.box")) {
      const on = box.dataset.key === at("stage");
      box.classList.toggle("lit", on);
      if (on) box.setAttribute("aria-current", "step");
      else box.removeAttribute("aria-current");
    }
    along(nav);
    nav.querySelector(".name").textContent = `Block ${at("block")} of ${data.blocks}`;
    const inside = data.stages.find((stage) => stage.key === at("stage"))?.inBlock;
    const focused = nav.querySelector(".turn:focus");
    for (const button of nav.querySelectorAll(".turn")) {
      const to = at("block") + Number(button.dataset.step);
      button.disabled = !inside || to < 1 || to > data.blocks;
    }
    if (focused?.disabled) (nav.querySelector(".turn:enabled") ?? nav.querySelector(".lit")).focus(); // not lost with the button
  }

  nav.classList.toggle("present", data.present);
  nav.classList.toggle("away", !data.stages.some((stage) => stage.key === data.current));
  const { times, whose } = (state.map ??= build(nav, data.stages, state));
  times.textContent = data.blocks === 1 ? "one block" : `the same steps, ${data.blocks} times`;
  whose.textContent = data.whose ? `Shapes and blocks of ${data.whose}` : "";
  for (const shape of nav.querySelectorAll(".shape")) shape.remove();
  for (const [from, to, text] of data.shapes) {
    if (!text) continue;
    const shape = make("span", "shape", text);
    shape.style.gridColumn = `${from + 1} / ${to + 2}`;
    shape.title = `shape (${text})`;
    nav.append(shape);
  }

  if (state.request && data.answered === state.request.number) {
    clearTimeout(state.timer);
    Object.assign(state, { request: null, tries: 0 });
    if (Object.entries(state.wanted).some(([name, value]) => value !== data[name === "stage" ? "current" : name])) send();
    else state.wanted = {};
  }
  [...nav.querySelectorAll("button.box")].forEach((box, n) => {
    const stage = data.stages[n];
    const mark = data.reached[n];
    const guess = data.guessed[stage.key];
    const told = [mark, guess].filter(Boolean).map((one) => one.said);
    box.classList.toggle("same", Boolean(mark?.same));
    const switched = data.own && stage.key === data.current ? data.own.said : "";
    box.title = [told.length ? `${stage.title}: ${told.join(", ")}` : stage.title, switched].filter(Boolean).join(". ");
    box.setAttribute("aria-label", [stage.name, ...told, switched].filter(Boolean).join(", "));
    const asked = box.querySelector(".guess");
    asked.hidden = !guess;
    asked.classList.toggle("right", Boolean(guess?.right));
    const dot = box.querySelector(".dot");
    dot.hidden = !mark?.share;
    dot.style.opacity = mark ? 0.25 + 0.75 * mark.share : "";
  });
  show();
  if (!state.request) {
    const news = data.said.filter((part, n) => state.said && part !== state.said[n]);
    if (news.length) parentElement.querySelector(".said").textContent = news.join(", ");
    state.said = data.said;
  }
  if (data.current !== state.drawn) top(nav);
  state.drawn = data.current;
  return () => {
    clearTimeout(state.timer);
    document.removeEventListener("keydown", state.keyed);
    document.removeEventListener("gptviz-step", state.sent);
    document.removeEventListener("click", state.clicked, true);
    seen.delete(nav);
  };
}
