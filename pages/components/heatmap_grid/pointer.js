// Mouse and keys over a tile: the shared cursor and the shared zoom.

import { draw, schedule } from "./painting.js";

export function followPointer(state, view) {
  const { canvas, trouble } = view;
  canvas.addEventListener("pointermove", (event) => move(state, view, event));
  canvas.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "touch") return; // who lifts a finger wants to read
    state.cursor = null;
    state.hovered = null;
    draw(state);
  });
  trouble.addEventListener("pointerenter", () => point(state, view));
  trouble.addEventListener("pointerleave", () => point(state, null));
  canvas.addEventListener("focus", () => {
    if (canvas.matches(":focus-visible")) reach(state, view);
  });
  canvas.addEventListener("blur", () => reach(state, null));
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    const [px, py] = place(canvas, event);
    zoom(state, event.deltaY < 0 ? 1.25 : 0.8, px, py);
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoom(state, 2, ...place(canvas, event)));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
    if (event.key === "+") zoom(state, 1.5, 0.5, 0.5);
    else if (event.key === "-") zoom(state, 1 / 1.5, 0.5, 0.5);
    else if (step[event.key] && state.view.scale > 1) pan(state, ...step[event.key]);
    else return;
    event.preventDefault();
  });
}

// At a tile without a map, which has no values.
function point(state, view) {
  state.cursor = null;
  state.hovered = view;
  schedule(state);
}

// With the keyboard; the whole tile is brought into sight.
function reach(state, view) {
  state.focused = view;
  if (view) view.canvas.scrollIntoView({ block: "nearest", inline: "nearest" });
  schedule(state);
}

function place(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

function move(state, view, event) {
  const [px, py] = place(view.canvas, event);
  if (event.buttons === 1 && state.view.scale > 1) {
    pan(state, -event.movementX / view.canvas.clientWidth, -event.movementY / view.canvas.clientHeight);
    return;
  }
  const { scale, x, y } = state.view;
  state.cursor = { x: x + px / scale, y: y + py / scale };
  state.hovered = view;
  schedule(state);
}

function pan(state, dx, dy) {
  const { view } = state;
  const free = 1 - 1 / view.scale;
  view.x = Math.max(0, Math.min(free, view.x + dx / view.scale));
  view.y = Math.max(0, Math.min(free, view.y + dy / view.scale));
  schedule(state);
}

export function zoom(state, factor, px, py) {
  const { view } = state;
  const scale = Math.max(1, Math.min(16, view.scale * factor));
  view.x += px / view.scale - px / scale;
  view.y += py / view.scale - py / scale;
  view.scale = scale;
  pan(state, 0, 0);
}
