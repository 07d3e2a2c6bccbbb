const seen = new WeakMap();
const PATIENCE = 3000; // milliseconds until a request without an answer is taken as lost
const STEPS = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };

function make(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// A line of text has no use for the page keys, which a clicker sends, unless its list is open: it is left, as by a click elsewhere.
function leaves(event) {
  const at = event.composedPath()[0];
  const line = at instanceof HTMLInputElement && ["text", "search"].includes(at.type) && at.getAttribute("aria-expanded") !== "true";
  if (!line || !event.key.startsWith("Page")) return false;
  at.blur();
  return true;
}

function typing(event) {
  const at = event.composedPath()[0];
  return at instanceof Element && (at.closest("input, textarea, select, [contenteditable=true], [role=slider], [role=listbox], [role=grid], [role=application], canvas") !== null);
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const nav = parentElement.querySelector("nav");
  let state = seen.get(nav);
  if (!state) {
    state = { current: null };
    seen.set(nav, state);
    state.listener = (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      if (typing(event) && !leaves(event)) return;
      const keys = state.data.stages.map((stage) => stage.key);
      let to = null;
      if (event.key in STEPS) to = keys.indexOf(state.current) + STEPS[event.key];
      else if (event.key === "Home") to = 0;
      if (to === null) return;
      event.preventDefault();
      if (to >= 0 && to < keys.length && keys[to] !== state.current) state.go(keys[to]);
    };
    document.addEventListener("keydown", state.listener);
  }
  state.data = data;
  // One request is under way at a time: presses meanwhile move the light, and the last of them is sent when the picture is here.
  const send = () => {
    state.sent = state.current;
    clearTimeout(state.timer);
    state.timer = setTimeout(() => { state.sent = null; if (state.current !== state.data.current) send(); }, PATIENCE);
    setTriggerValue("stage", state.current);
  };
  state.go = (key) => {
    light(key);
    if (!state.sent) send();
  };

  function light(key) {
    state.current = key;
    for (const box of nav.querySelectorAll("button.box")) {
      const on = box.dataset.key === key;
      box.classList.toggle("lit", on);
      if (on) box.setAttribute("aria-current", "step");
      else box.removeAttribute("aria-current");
    }
  }

  nav.replaceChildren();
  nav.classList.toggle("present", data.present);
  const columns = data.stages.length;
  nav.style.setProperty("--columns", columns);
  const first = data.stages.findIndex((stage) => stage.inBlock);
  const last = columns - 1 - [...data.stages].reverse().findIndex((stage) => stage.inBlock);

  const frame = make("div", "frame");
  frame.style.gridColumn = `${first + 1} / ${last + 2}`;
  nav.append(frame);

  const block = make("div", "block");
  block.style.gridColumn = `${first + 1} / ${last + 2}`;
  const turn = (step, sign, label) => {
    const button = make("button", "turn", sign);
    button.type = "button";
    button.setAttribute("aria-label", label);
    button.disabled = data.block + step < 1 || data.block + step > data.blocks;
    button.onclick = () => setTriggerValue("block", data.block + step);
    return button;
  };
  block.append(
    turn(-1, "‹", "previous block"),
    make("span", "name", `Block ${data.block} of ${data.blocks}`),
    turn(1, "›", "next block"),
    make("span", "times", data.blocks === 1 ? "one block" : `the same steps, ${data.blocks} times`)
  );
  nav.append(block);

  if (data.whose) {
    const whose = make("div", "whose", `Shapes and blocks of ${data.whose}`);
    whose.style.gridColumn = `1 / ${first + 1}`;
    nav.append(whose);
  }

  data.stages.forEach((stage, n) => {
    const box = make("button", "box");
    box.type = "button";
    box.dataset.key = stage.key;
    box.title = stage.title;
    box.style.gridColumn = n + 1;
    box.style.setProperty("--part", stage.colour);
    box.append(make("span", "number", stage.number || " "), make("span", "short", stage.short));
    box.setAttribute("aria-label", `${stage.number} ${stage.title}`.trim());
    box.onclick = () => state.go(stage.key);
    nav.append(box);
  });

  for (const [from, to, text] of data.shapes) {
    if (!text) continue;
    const shape = make("span", "shape", text);
    shape.style.gridColumn = `${from + 1} / ${to + 2}`;
    shape.title = `shape (${text})`;
    nav.append(shape);
  }

  if (!state.sent || data.current === state.sent) {
    clearTimeout(state.timer);
    const behind = state.sent && state.current !== data.current;
    state.sent = null;
    light(behind ? state.current : data.current);
    if (behind) send();
  } else light(state.current);
  return () => {
    clearTimeout(state.timer);
    document.removeEventListener("keydown", state.listener);
    seen.delete(nav);
  };
}
