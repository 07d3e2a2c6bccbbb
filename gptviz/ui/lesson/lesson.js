const seen = new WeakMap();
const LOST = 2000; // milliseconds between two tries while the server does not answer, or does not come to an end
const FOUND = 15000; // milliseconds that a first page may take before a key that was found breaks it off
const MOMENT = 30; // milliseconds between two looks whether the page is drawn

// What outlives a reload: a desk's key for every tab of this browser, a member's for this tab. A browser can forbid both.
const STORES = {
  desk: ["localStorage", "gptviz-desk"],
  member: ["sessionStorage", "gptviz-member"],
};

function store(kind) {
  const [name, key] = STORES[kind];
  try {
    const kept = window[name];
    return {
      get: () => kept.getItem(key) ?? "",
      set: (value) => (value ? kept.setItem(key, value) : kept.removeItem(key)),
    };
  } catch {
    return { get: () => "", set: () => {} };
  }
}

// Says something to the server once the page is drawn: a run that is broken off leaves controls behind that show what they like.
function tell(state, name, value, most = LOST) {
  const began = Date.now();
  const idle = () => document.querySelector("[data-testid=stApp]")?.dataset.testScriptState !== "running";
  const look = () => {
    if (!state.alive) return;
    if (idle() || Date.now() - began > most) state.send(name, value);
    else setTimeout(look, MOMENT);
  };
  setTimeout(look, MOMENT);
}

// Waits for news, and asks for the page again when there are some.
async function listen(state, key) {
  while (state.alive && state.data.key === key) {
    const { url, calm } = state.data;
    try {
      const answer = await fetch(`${url}?after=${state.after}${calm ? "&calm=1" : ""}`, {
        headers: { "X-Seat": key },
        cache: "no-store",
        signal: state.abort.signal,
      });
      if (!answer.ok) throw new Error(answer.statusText);
      const { number } = await answer.json();
      if (!state.alive || state.data.key !== key) break;
      if (number !== state.after) {
        state.after = number;
        tell(state, "news", number ?? -1);
      }
      if (number === null) break; // the room is over
    } catch {
      if (state.alive) await new Promise((done) => setTimeout(done, LOST));
    }
  }
  if (state.key === key) state.key = "";
}

export default function ({ data, parentElement, setTriggerValue }) {
  let state = seen.get(parentElement);
  if (!state) {
    state = { alive: true, abort: new AbortController(), key: "", asked: false };
    seen.set(parentElement, state);
  }
  state.data = data;
  state.send = setTriggerValue;
  if (data.wanted && !state.asked) {
    state.asked = true;
    const found = store(data.wanted).get();
    if (found !== data.key) tell(state, "found", found, FOUND);
  }
  if (data.keep) store(data.keep).set(data.key);
  if (data.forget) store(data.forget).set("");
  if (data.key && data.key !== state.key) {
    state.key = data.key;
    state.after = data.after;
    listen(state, data.key);
  } else if (data.after === -1) state.after = -1; // the rooms were out of reach when this was drawn: any number is news
  return () => {
    state.alive = false;
    state.abort.abort();
    seen.delete(parentElement);
  };
}
