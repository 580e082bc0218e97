// What is done to the regions. `state.regions` is replaced as a whole: what was there before is kept
// for Undo, and only what a gesture ends with is told to Python.

import { paint } from "./painting.js";
import { box, described, moved, rounded, widened } from "./shapes.js";

const BEGIN = "Drag over the picture to draw.";

export function selectedRegion(state) {
  return state.regions.find((region) => region.id === state.selected);
}

export function placeOf(state, id) {
  return state.regions.findIndex((region) => region.id === id);
}

export function say(state, words) {
  state.said.textContent = words;
}

export function newId(state) {
  state.ids += 1;
  return state.ids;
}

// Whether another region can be added; it is said if not.
export function hasRoom(state) {
  const { regions } = state.most;
  if (state.regions.length < regions) return true;
  say(state, `A picture can have ${regions} regions.`);
  return false;
}

export function preview(state, region) {
  state.regions = state.regions.map((one) => (one.id === region.id ? region : one));
  paint(state);
}

// A gesture has ended; `before` are the regions that it began with.
export function commit(state, before, deed) {
  state.regions = state.regions.map((one) => (before.includes(one) ? one : rounded(one)));
  const place = placeOf(state, state.selected);
  say(state, place < 0 ? deed : `${deed} ${described(state.regions[place], place)}`);
  if (JSON.stringify(state.regions) === JSON.stringify(before)) state.regions = before;
  else {
    state.past.push(before);
    state.future = [];
    tell(state);
  }
  show(state);
}

export function add(state, region) {
  if (!hasRoom(state)) return;
  const before = state.regions;
  state.selected = newId(state);
  state.regions = [...before, { ...region, id: state.selected }];
  commit(state, before, "Drawn.");
  focusSelected(state);
}

export function addInTheMiddle(state) {
  const [width, height] = state.size;
  add(state, box([width / 4, height / 4], [(3 * width) / 4, (3 * height) / 4]));
}

export function removeSelected(state) {
  const place = placeOf(state, state.selected);
  if (place < 0) return;
  const before = state.regions;
  state.regions = before.filter((one) => one.id !== state.selected);
  state.selected = null;
  commit(state, before, `Deleted. ${counted(state)}`);
}

export function clear(state) {
  if (!state.regions.length) return;
  const before = state.regions;
  state.regions = [];
  state.selected = null;
  commit(state, before, "Everything is cleared.");
}

export function undo(state) {
  goTo(state, state.past, state.future, "Undone.");
}

export function redo(state) {
  goTo(state, state.future, state.past, "Redone.");
}

function goTo(state, from, back, deed) {
  if (state.gesture || !from.length) return;
  back.push(state.regions);
  state.regions = from.pop();
  say(state, `${deed} ${counted(state)}`);
  show(state);
  tell(state);
}

// By Python.
export function replace(state, { regions, put }, isAnotherPicture) {
  cancel(state);
  state.past = isAnotherPicture ? [] : [...state.past, state.regions];
  state.future = [];
  state.regions = regions.map((region) => ({ ...region, id: newId(state) }));
  state.put = put;
  say(state, isAnotherPicture ? BEGIN : `Replaced. ${counted(state)}`);
}

function counted(state) {
  const count = state.regions.length;
  return count === 1 ? "There is 1 region." : `There are ${count || "no"} regions.`;
}

// By keys, which end their gesture when they are let go.
export function nudge(state, dx, dy, edges) {
  state.gesture ||= { kind: "keys", before: state.regions };
  state.gesture.deed = edges ? "Resized." : "Moved.";
  const region = selectedRegion(state);
  const changed = edges ? widened(region, dx, dy, state.size) : moved(region, dx, dy, state.size);
  preview(state, changed);
}

export function endNudge(state) {
  if (state.gesture?.kind !== "keys") return;
  const { before, deed } = state.gesture;
  state.gesture = null;
  commit(state, before, deed);
}

export function cancel(state) {
  if (!state.gesture) return;
  state.regions = state.gesture.before;
  state.gesture = null;
  show(state);
}

export function select(state, id) {
  if (state.selected === id) return;
  state.selected = id;
  show(state);
}

export function focusSelected(state) {
  const target = state.views.get(state.selected)?.element || state.surface;
  target.focus({ preventScroll: true });
}

// Everything that the state says. Who was on a region that is gone stays on the picture.
export function show(state) {
  const inside = state.surface.contains(state.surface.getRootNode().activeElement);
  if (placeOf(state, state.selected) < 0) state.selected = null;
  paint(state);
  const { regions, past, future, tools } = state;
  const off = {
    undo: !past.length, redo: !future.length, delete: state.selected === null, clear: !regions.length,
    new: regions.length >= state.most.regions,
  };
  for (const name in off) tools[name].setAttribute("aria-disabled", String(off[name]));
  const there = state.surface.getRootNode().activeElement;
  if (inside && !state.surface.contains(there)) focusSelected(state);
}

export function tell(state) {
  const regions = state.regions.map(({ id, ...region }) => region);
  state.report("drawn", { picture: state.picture, put: state.put, regions });
}
