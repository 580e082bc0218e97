// Everything by the keyboard alone.

import { cancel, endNudge, nudge, redo, removeSelected, select, selectedRegion, undo } from "./changes.js";

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAR = 10; // pixels, with Shift

export function followKeys(state) {
  state.root.addEventListener("keydown", (event) => {
    const known = state.surface.contains(event.target) ? onPicture(state, event) : false;
    if (!known && !history(state, event)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  state.root.addEventListener("keyup", (event) => {
    if (event.key in STEPS) endNudge(state);
  });
  state.surface.addEventListener("focusin", (event) => {
    const region = event.target.closest(".region");
    if (region && !state.gesture) select(state, Number(region.dataset.id));
  });
  state.surface.addEventListener("focusout", () => endNudge(state));
}

// Whether it was a key for undo or redo.
function history(state, event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return false;
  const key = event.key.toLowerCase();
  if (key === "z" && !event.shiftKey) undo(state);
  else if (key === "y" || key === "z") redo(state);
  else return false;
  return true;
}

// Whether it was a key for what is drawn.
function onPicture(state, event) {
  if (event.ctrlKey || event.metaKey) return false;
  if (event.key === "Escape") return leave(state);
  if (!selectedRegion(state)) return false;
  const byPointer = state.gesture && state.gesture.kind !== "keys";
  if (event.key in STEPS && !byPointer) {
    const pixels = event.shiftKey ? FAR : 1;
    const [dx, dy] = STEPS[event.key].map((step) => step * pixels);
    nudge(state, dx, dy, event.altKey);
  } else if (["Delete", "Backspace"].includes(event.key) && !byPointer) {
    endNudge(state);
    removeSelected(state);
  } else return false;
  return true;
}

// First what is being drawn, then the region.
function leave(state) {
  if (state.gesture) {
    cancel(state);
    return true;
  }
  if (state.selected === null) return false;
  select(state, null);
  state.tools[state.tool].focus();
  return true;
}
