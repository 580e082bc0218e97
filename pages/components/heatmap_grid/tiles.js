// Tiles: a picture, or a map of it, with its title and a note. With frames a tile has a map for
// each depth and shows that of the present one, or none: never the map of another depth.

import { heatmap, maps, picture } from "./held.js";
import { schedule } from "./painting.js";
import { followPointer } from "./pointer.js";
import { described } from "./readout.js";

const WAITING = "Waiting …";
const LOST = "This picture could not be loaded. Reload the page.";

export function createTile(state) {
  const element = document.createElement("figure");
  const title = document.createElement("figcaption");
  const pane = document.createElement("div");
  const canvas = document.createElement("canvas");
  const trouble = document.createElement("div");
  const foot = document.createElement("p");
  pane.className = "pane";
  trouble.className = "problem";
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  pane.append(canvas, trouble);
  element.append(title, pane, foot);
  const view = { element, title, canvas, trouble, foot, map: null, painted: null, inSight: true };
  followPointer(state, view);
  element.view = view;
  state.sight.observe(element);
  return view;
}

export function fill(state, view, row, tile, column) {
  view.row = row;
  view.column = column; // none: the picture itself
  view.given = tile; // with frames: the tile at every depth
  view.name = column ? column.title : row.title;
  view.title.textContent = view.name;
  view.title.title = `${view.name}\n${column ? column.note : row.note}`;
  view.element.classList.toggle("picture", !column);
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

// Below a tile stands what is its own; what went wrong stands in it, where there is no map.
function say(state, view, note, { problem, waiting }) {
  const alone = state.data.rows.length === 1 && view.column && !waiting;
  const words = [note, alone ? view.column.words : ""];
  view.foot.textContent = problem ? "" : words.filter(Boolean).join(" · ");
  view.foot.title = view.foot.textContent;
  view.trouble.textContent = problem ? note : "";
  view.trouble.hidden = !problem;
  view.element.classList.toggle("waiting", Boolean(waiting));
  const label = described(state, { ...view, tile: { ...view.tile, note } });
  view.canvas.setAttribute("aria-label", label.join(", "));
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
  schedule(state);
}

function take(view, address) {
  if (view.mapAddress === address && view.map) return;
  const held = maps.get(address);
  view.mapAddress = address;
  view.map = held ? held.value : null;
}
