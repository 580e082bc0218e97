// What every component does: it has a state for each place where it is shown, made there at first
// and updated with what Python sends. What was sent earlier may arrive later (pages/components/
// modules.py says why): it is left out.

const states = new WeakMap(); // mount point -> state; it ends with its mount point

export function mounted(create, update) {
  return ({ parentElement, data, setStateValue }) => {
    let state = states.get(parentElement);
    if (!state) {
      state = create(parentElement);
      states.set(parentElement, state);
    }
    const [sender, number] = data.sent; // another sender where the server was started anew
    if (sender === state.sender && number < state.number) return;
    Object.assign(state, { sender, number, report: setStateValue });
    update(state, data);
  };
}

// randomUUID is there in secure contexts only; a server in a local network may have none.
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
