// What every component does: it has a state for each place where it is shown, made there at first
// and updated with what Python sends.

const states = new WeakMap(); // mount point -> state; it ends with its mount point

export function mounted(create, update) {
  return ({ parentElement, data, setStateValue }) => {
    let state = states.get(parentElement);
    if (!state) {
      state = create(parentElement);
      states.set(parentElement, state);
    }
    state.report = setStateValue;
    update(state, data);
  };
}
