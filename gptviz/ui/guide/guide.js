// On a page without the map: the keys of a reader or a clicker lead through the lesson.
const seen = new WeakMap();
const STEPS = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1, Home: -Infinity };
const BUSY = "input, textarea, select, [contenteditable=true], [role=slider], [role=listbox], [role=grid], [role=application]:not(.resting)";

function typing(event) {
  const at = event.composedPath()[0];
  return at instanceof Element && at.closest(BUSY) !== null && !event.key.startsWith("Page");
}

export default function ({ data, parentElement, setTriggerValue }) {
  let state = seen.get(parentElement);
  if (!state) {
    state = { wanted: null };
    seen.set(parentElement, state);
    state.keyed = (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !(event.key in STEPS) || typing(event)) return;
      event.preventDefault();
      const at = state.wanted ?? state.data.at;
      const to = Math.min(Math.max(at + STEPS[event.key], 1), state.data.steps);
      if (to === at) return;
      state.wanted = to;
      state.send("go", to);
    };
    document.addEventListener("keydown", state.keyed);
  }
  if (data.at === state.wanted || data.at !== state.data?.at) state.wanted = null;
  state.data = data;
  state.send = setTriggerValue;
  return () => {
    document.removeEventListener("keydown", state.keyed);
    seen.delete(parentElement);
  };
}
