// Tiles: a picture, or a map of it, with its title and a note. With frames a tile has a map for
// each depth and shows that of the present one, or none: never the map of another depth.

import { heatmap, maps, picture } from "./held.js";
import { HINT, schedule } from "./painting.js";
import { followPointer } from "./pointer.js";

const WAITING = "Waiting …";
const LOST = "This picture could not be loaded. Reload the page.";

export function createTile(state) {
  const element = document.createElement("figure");
  const title = document.createElement("figcaption");
  const canvas = document.createElement("canvas");
  const foot = document.createElement("p");
  foot.append(document.createElement("span"));
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  element.append(title, canvas, foot);
  const view = { element, title, canvas, foot, map: null, painted: null, inSight: true };
  followPointer(state, view);
  element.view = view;
  state.sight.observe(element);
  return view;
}

export function fill(state, view, row, tile, column) {
  view.row = row;
  view.given = tile; // with frames: the tile at every depth
  view.name = column ? column.title : row.title;
  view.title.textContent = column ? column.title : row.title;
  view.title.title = column ? column.note : row.note;
  reserve(view.foot, (tile.frames || []).map((frame) => frame.note || ""));
  load(state, view, row.picture, "picture", picture);
  show(state, view);
}

// What the tile is now: itself, or its present frame.
function show(state, view) {
  const tile = view.given.frames ? frameOf(state, view.given) : view.given;
  view.tile = tile;
  if (!tile.map) {
    view.map = null;
    view.mapAddress = null;
  } else if (view.given.frames) take(view, tile.map);
  else load(state, view, tile.map, "map", heatmap);
  if (!view.given.frames || !tile.map || view.map) say(state, view, tile.note || "", tile);
  else if (state.failed.has(tile.map)) say(state, view, LOST, { problem: true });
  else say(state, view, WAITING, { waiting: true });
}

function say(state, view, note, { problem, waiting }) {
  view.foot.firstChild.textContent = note;
  view.foot.classList.toggle("problem", Boolean(problem));
  view.element.classList.toggle("waiting", Boolean(waiting));
  const depth = view.given.frames ? `, ${labelOf(state)}` : "";
  view.canvas.setAttribute("aria-label", `${view.name}, ${view.row.title}${depth}. ${note}`);
}

function load(state, view, address, slot, fetcher) {
  if (view[`${slot}Address`] === address) return;
  view[`${slot}Address`] = address;
  fetcher(address).ready.then((value) => {
    if (view[`${slot}Address`] !== address) return;
    view[slot] = value;
    view.painted = null;
    schedule(state);
  }).catch(() => {
    if (view[`${slot}Address`] === address) say(state, view, LOST, { problem: true });
  });
}

export function labelOf(state) {
  return state.data.frames[state.frame];
}

function frameOf(state, tile) {
  return tile.frames[state.frame] || { note: WAITING, waiting: true };
}

export function showFrame(state) {
  for (const view of state.tiles.values()) if (view.given.frames) show(state, view);
  if (!state.hovered) state.readout.textContent = HINT; // the value of another depth would mislead
  schedule(state);
}

function take(view, address) {
  if (view.mapAddress === address && view.map) return;
  const held = maps.get(address);
  view.mapAddress = address;
  view.map = held ? held.value : null;
}

// Keeps the height of the longest note, so that nothing moves from frame to frame.
function reserve(foot, notes) {
  const longest = notes.reduce((best, note) => (note.length > best.length ? note : best), "");
  if (longest) foot.dataset.longest = longest;
  else delete foot.dataset.longest;
}
