// Drawing, moving and resizing by mouse, pen or finger.
//
// A drag on the selected region moves it, or resizes it by a handle; elsewhere it draws. A click
// selects: clicked again, what lies below, and at last nothing.

import { add, cancel, commit, endNudge, focusSelected, hasRoom, newId, preview, say, select, selectedRegion } from "./changes.js";
import { HANDLES, handlesOf, paint, scales } from "./painting.js";
import { boundsOf, box, clamp, isLargeEnough, moved, resized, simplified } from "./shapes.js";

// All in CSS pixels.
const CLICK = 4; // a pointer that goes no farther only clicks
const REACH = { mouse: 8, pen: 10, touch: 22 }; // of a handle
const NEAR = 0.7; // an outline goes no farther from where the pointer was
const CURSORS = ["nwse", "ns", "nesw", "ew", "nwse", "ns", "nesw", "ew"];

export function followPointer(state) {
  const { surface } = state;
  surface.addEventListener("pointerdown", (event) => press(state, event));
  surface.addEventListener("pointermove", (event) => {
    if (isOwn(state, event)) drag(state, event);
    else if (!state.gesture) showCursor(state, event);
  });
  surface.addEventListener("pointerup", (event) => {
    if (isOwn(state, event)) release(state, event);
  });
  surface.addEventListener("pointercancel", (event) => {
    if (isOwn(state, event)) cancel(state);
  });
}

function isOwn(state, event) {
  return state.gesture?.pointer === event.pointerId;
}

function press(state, event) {
  endNudge(state);
  if (state.gesture) {
    cancel(state); // a second finger: the two scroll or zoom
    return;
  }
  if (event.button !== 0 || !event.isPrimary) return;
  event.preventDefault(); // no text is selected
  state.surface.setPointerCapture(event.pointerId);
  if (!state.surface.matches(":focus-within")) state.surface.focus({ preventScroll: true }); // for Escape
  const from = at(state, event);
  const region = selectedRegion(state);
  const handle = handleAt(state, event);
  const kind = handle >= 0 ? "resize" : region && isOn(state, region, from) ? "move" : state.tool;
  state.gesture = {
    kind, handle, from, region, before: state.regions, pointer: event.pointerId, start: [event.clientX, event.clientY], drawn: null,
  };
}

// Where the pointer is, in pixels of the picture.
function at(state, event) {
  const { left, top } = state.surface.getBoundingClientRect();
  const [across, down] = scales(state);
  return [(event.clientX - left) / across, (event.clientY - top) / down];
}

function inside([x, y], [width, height]) {
  return [clamp(x, 0, width), clamp(y, 0, height)];
}

function isOn(state, region, [x, y]) {
  const [across, down] = scales(state);
  const place = new DOMPoint(x * across, y * down);
  const { edge } = state.views.get(region.id);
  return edge.isPointInFill(place) || edge.isPointInStroke(place);
}

// The nearest handle within reach. Within a small region they leave room to move it.
function handleAt(state, event) {
  const region = selectedRegion(state);
  if (!region) return -1;
  const [across, down] = scales(state);
  const [x, y] = at(state, event);
  const [x0, y0, x1, y1] = boundsOf(region);
  const isInside = x > x0 && x < x1 && y > y0 && y < y1;
  const room = isInside ? Math.min((x1 - x0) * across, (y1 - y0) * down) / 4 : Infinity;
  const distances = handlesOf(region, [across, down]).map(([hx, hy]) => Math.hypot(x * across - hx, y * down - hy));
  const nearest = distances.indexOf(Math.min(...distances));
  return distances[nearest] <= Math.min(room, REACH[event.pointerType] || REACH.mouse) ? nearest : -1;
}

function showCursor(state, event) {
  const handle = handleAt(state, event);
  const region = selectedRegion(state);
  const onRegion = region && isOn(state, region, at(state, event));
  state.surface.style.cursor = handle >= 0 ? `${CURSORS[handle]}-resize` : onRegion ? "move" : "";
}

function drag(state, event) {
  const { gesture } = state;
  const way = Math.hypot(event.clientX - gesture.start[0], event.clientY - gesture.start[1]);
  gesture.dragged ||= way >= CLICK;
  if (gesture.kind === "outline") collect(state, event);
  if (!gesture.dragged) return;
  const to = at(state, event);
  const [dx, dy] = [to[0] - gesture.from[0], to[1] - gesture.from[1]];
  if (gesture.kind === "move") preview(state, moved(gesture.region, dx, dy, state.size));
  else if (gesture.kind === "resize") {
    const sides = HANDLES[gesture.handle].map((moves, n) => moves * (n % 2 ? dy : dx));
    preview(state, resized(gesture.region, sides, state.size));
  } else draw(state, to);
}

// Browsers tell of fast pointers what they were between two frames.
function collect(state, event) {
  const { gesture } = state;
  const events = event.getCoalescedEvents?.() || [];
  gesture.points ||= [inside(gesture.from, state.size)];
  for (const one of events.length ? events : [event]) gesture.points.push(inside(at(state, one), state.size));
}

function draw(state, to) {
  const { gesture } = state;
  if (!gesture.id) {
    if (!hasRoom(state)) {
      cancel(state);
      return;
    }
    gesture.id = newId(state);
  }
  const corners = [gesture.from, to].map((corner) => inside(corner, state.size));
  const shape = gesture.kind === "box" ? box(...corners) : { kind: "outline", points: gesture.points };
  gesture.drawn = shape;
  state.regions = [...gesture.before, { ...shape, id: gesture.id }];
  paint(state);
}

function release(state, event) {
  drag(state, event);
  const { gesture } = state;
  if (!gesture) return; // there was no room for what was drawn
  if (!gesture.dragged) {
    cancel(state);
    pick(state, gesture.from);
  } else if (gesture.drawn) finish(state, gesture);
  else {
    state.gesture = null;
    commit(state, gesture.before, gesture.kind === "move" ? "Moved." : "Resized.");
    focusSelected(state);
  }
}

function finish(state, { drawn, kind, points }) {
  cancel(state);
  const near = NEAR / Math.max(...scales(state));
  const shape = kind === "box" ? drawn : { kind, points: simplified(points, near, state.most.points) };
  if (isLargeEnough(shape)) add(state, shape);
  else say(state, "That is too small: a region is at least a pixel wide and high.");
}

function pick(state, place) {
  const below = state.regions.filter((region) => isOn(state, region, place)).reverse();
  const now = below.findIndex((region) => region.id === state.selected);
  select(state, below[now + 1]?.id ?? null);
  focusSelected(state);
}
