// A grid of pictures and heatmaps with one shared zoom, one shared cursor and a colour bar.
//
// Python sends small facts (titles, addresses, display settings); the maps themselves are
// fetched once from their content address, so a change of opacity or colours only redraws.

import { createEdges, showEdges, updateTitles } from "./edges.js";
import { fetchFrames } from "./fetching.js";
import { createFrames, showTicks, updateFrames } from "./frames.js";
import { mounted } from "./mounted.js";
import { draw, drawBar, pixelWords, schedule } from "./painting.js";
import { zoom } from "./pointer.js";
import { createTile, fill } from "./tiles.js";

export default mounted(create, update);

function create(parent) {
  const root = parent.querySelector(".root");
  const state = {
    root,
    grid: root.querySelector(".grid"),
    bar: root.querySelector(".bar"),
    readout: root.querySelector(".readout"),
    tiles: new Map(),
    view: { scale: 1, x: 0, y: 0 }, // shared zoom; x and y in shares of the tile
    cursor: null, // shared cursor, in shares of the picture
    hovered: null, // the tile under the pointer
    focused: null, // the tile that the keyboard has reached
    data: null,
  };
  createEdges(state);
  createFrames(state);
  root.querySelector(".in").onclick = () => zoom(state, 1.5, 0.5, 0.5);
  root.querySelector(".out").onclick = () => zoom(state, 1 / 1.5, 0.5, 0.5);
  root.querySelector(".reset").onclick = () => {
    state.view = { scale: 1, x: 0, y: 0 };
    draw(state);
  };
  state.sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) target.view.inSight = isIntersecting;
    schedule(state);
  }, { rootMargin: "50%", scrollMargin: "50%" });
  new ResizeObserver(() => {
    showTicks(state);
    if (state.data) showEdges(state);
    schedule(state);
  }).observe(state.grid);
  return state;
}

function update(state, data) {
  const text = JSON.stringify(data);
  if (text === state.text) return; // a page that polls runs often, and mostly nothing is new
  state.text = text;
  state.data = data;
  state.lut = bytes(data.display.lut);
  state.words = pixelWords(state.lut);
  updateFrames(state);
  const single = data.rows.length === 1;
  state.root.classList.toggle("single", single);
  state.root.classList.toggle("many", !single);
  state.grid.classList.toggle("framed", Boolean(data.frames)); // smaller: a chart stands beside it
  state.root.style.setProperty("--columns", data.columns.length + 1);
  updateTitles(state);
  const wanted = [];
  data.rows.forEach((row, r) => {
    wanted.push(["picture", r, row, { note: row.note }]);
    data.columns.forEach((column, c) => wanted.push([column.id, r, row, data.tiles[r][c], column]));
  });
  const seen = new Set();
  for (const [id, r, row, tile, column] of wanted) {
    const key = `${id} ${row.id}`;
    seen.add(key);
    let view = state.tiles.get(key);
    if (!view) {
      view = createTile(state);
      state.tiles.set(key, view);
    }
    fill(state, view, row, tile, column);
    const place = state.grid.children[seen.size - 1];
    if (place !== view.element) state.grid.insertBefore(view.element, place || null);
  }
  for (const [key, view] of state.tiles) {
    if (!seen.has(key)) {
      view.element.remove();
      state.sight.unobserve(view.element);
      state.tiles.delete(key);
      if (state.hovered === view) state.hovered = null;
      if (state.focused === view) state.focused = null;
    }
  }
  showEdges(state);
  if (data.frames) fetchFrames(state);
  drawBar(state);
  draw(state);
}

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
