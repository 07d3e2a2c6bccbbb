const LINES = ".st-key-typed-text textarea, .st-key-typed-second textarea, [class*='st-key-control-'] textarea";
const KEPT = "gptviz-texts";
const MOST = 8;
const seen = new WeakMap();

const box = (event) => (event.target instanceof HTMLTextAreaElement && event.target.matches(LINES) ? event.target : null);

const LISTENERS = {
  // In the boxes for a sentence Enter shows it, as Ctrl+Enter does in any text area here; Shift+Enter makes a new line.
  keydown(event) {
    const at = box(event);
    if (!at || event.key !== "Enter" || event.defaultPrevented || event.isComposing) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    at.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", code: "Enter", ctrlKey: true, bubbles: true, cancelable: true }));
    rest(at);
  },
  input(event) { box(event)?.removeAttribute("data-sent"); },
  pointerdown(event) { box(event)?.removeAttribute("data-sent"); },
  focusout(event) {
    const at = box(event);
    if (!at) return;
    rest(at);
    at.removeAttribute("data-sent");
  },
};

// A box that was sent is as small as one that is only looked at, and shows its beginning.
function rest(at) {
  at.setAttribute("data-sent", "");
  at.scrollTo(0, 0);
}

// This tab's own memory, which outlives a reload; a browser can forbid it.
function memory() {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  let state = seen.get(parentElement);
  if (!state) {
    state = { asked: new Set(), listeners: Object.entries(LISTENERS).map(([name, act]) => [name, (event) => act(event)]) };
    seen.set(parentElement, state);
    for (const [name, listener] of state.listeners) document.addEventListener(name, listener, true);
  }
  const kept = memory();
  const texts = new Map(JSON.parse(kept?.getItem(KEPT) ?? "[]"));
  if (kept && data.keep.length) {
    for (const [mark, text] of data.keep) {
      texts.delete(mark);
      texts.set(mark, text);
    }
    kept.setItem(KEPT, JSON.stringify([...texts].slice(-MOST)));
  }
  const here = data.wanted.filter((mark) => texts.has(mark) && !state.asked.has(mark));
  if (here.length) {
    here.forEach((mark) => state.asked.add(mark));
    setTriggerValue("found", here.map((mark) => [mark, texts.get(mark)]));
  }
  return () => {
    for (const [name, listener] of state.listeners) document.removeEventListener(name, listener, true);
    seen.delete(parentElement);
  };
}
