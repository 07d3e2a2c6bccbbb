const seen = new WeakMap();
const LOST = 2000; // milliseconds between two tries while the server does not answer

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

// Waits for news, and asks for the page again when there are some.
async function listen(state) {
  while (state.alive && state.data.key) {
    const { url, key, calm } = state.data;
    try {
      const answer = await fetch(`${url}?after=${state.after}${calm ? "&calm=1" : ""}`, {
        headers: { "X-Seat": key },
        cache: "no-store",
        signal: state.abort.signal,
      });
      if (!answer.ok) throw new Error(answer.statusText);
      const { number } = await answer.json();
      if (!state.alive || key !== state.data.key) continue;
      if (number !== state.after) {
        state.after = number;
        state.send("news", number ?? -1);
      }
      if (number === null) return; // the room is over
    } catch {
      if (state.alive) await new Promise((done) => setTimeout(done, LOST));
    }
  }
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
    setTriggerValue("found", store(data.wanted).get());
  }
  if (data.keep) store(data.keep).set(data.key);
  if (data.forget) store(data.forget).set("");
  if (data.key && data.key !== state.key) {
    state.key = data.key;
    state.after = data.after;
    listen(state);
  }
  return () => {
    state.alive = false;
    state.abort.abort();
    seen.delete(parentElement);
  };
}
