// A grid of pictures and heatmaps with one shared zoom, one shared cursor and a colour bar.
//
// Python sends small facts (titles, addresses, display settings); the maps themselves are
// fetched once from their content address, so a change of opacity or colours only redraws.
// Read together with maps.js (what the browser holds) and frames.js (one picture, many depths).

const FULL = 32767; // the int16 that stands for 1
const MIDDLE = 128; // entry of the colour table that stands for 0 in a diverging map
const LATEST_MS = 300; // until something that has changed is drawn
const HINT = "Point at a heatmap to read its value.";
const WAITING = "Waiting …";
const LOST = "This picture could not be loaded. Reload the page.";
const states = new WeakMap(); // mount point -> state; it ends with its mount point

export default function (component) {
  const { parentElement, data } = component;
  let state = states.get(parentElement);
  if (!state) {
    state = create(parentElement);
    states.set(parentElement, state);
  }
  state.tell = component.setStateValue;
  update(state, data);
}

// ---------------------------------------------------------------- structure

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
    data: null,
  };
  state.readout.textContent = HINT;
  createFrames(state);
  root.querySelector(".in").onclick = () => zoom(state, 1.5, 0.5, 0.5);
  root.querySelector(".out").onclick = () => zoom(state, 1 / 1.5, 0.5, 0.5);
  root.querySelector(".reset").onclick = () => {
    state.view = { scale: 1, x: 0, y: 0 };
    draw(state);
  };
  new ResizeObserver(() => {
    showTicks(state);
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
  state.grid.classList.toggle("single", single);
  state.grid.classList.toggle("framed", Boolean(data.frames)); // smaller: a chart stands beside it
  state.grid.style.setProperty("--columns", data.columns.length + 1);
  const wanted = [];
  data.rows.forEach((row, r) => {
    wanted.push(["picture", r, row, { title: row.title, note: row.note, picture: true }]);
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
      state.tiles.delete(key);
      if (state.hovered === view) state.hovered = null;
    }
  }
  if (data.frames) fetchFrames(state);
  drawBar(state);
  draw(state);
}

function createTile(state) {
  const element = document.createElement("figure");
  const title = document.createElement("figcaption");
  const canvas = document.createElement("canvas");
  const foot = document.createElement("p");
  foot.append(document.createElement("span"));
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  element.append(title, canvas, foot);
  const view = { element, title, canvas, foot, map: null, painted: null };
  canvas.addEventListener("pointermove", (event) => move(state, view, event));
  canvas.addEventListener("pointerleave", () => {
    state.cursor = null;
    state.hovered = null;
    draw(state);
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && state.view.scale === 1 && event.deltaY > 0) return;
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
  return view;
}

function fill(state, view, row, tile, column) {
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
    say(state, view, LOST, { problem: true });
  });
}

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// ---------------------------------------------------------------- drawing

// With the next refresh of the screen; soon in any case, because a browser that is busy, or shows
// another tab, may refresh nothing for long.
function schedule(state) {
  if (state.scheduled) return;
  const now = () => {
    cancelAnimationFrame(state.scheduled.frame);
    clearTimeout(state.scheduled.timer);
    state.scheduled = null;
    draw(state);
  };
  state.scheduled = { frame: requestAnimationFrame(now), timer: setTimeout(now, LATEST_MS) };
}

function draw(state) {
  if (!state.data) return;
  for (const view of state.tiles.values()) drawTile(state, view);
  if (state.hovered && state.cursor) state.readout.textContent = reading(state, state.hovered);
  const shown = [...state.tiles.values()].filter((view) => view.map);
  state.root.dataset.drawn = JSON.stringify({
    ready: shown.length,
    maps: shown.map((view) => view.mapAddress).join(" "),
    opacity: state.data.display.opacity,
    colours: state.data.display.colours,
    scale: state.view.scale,
    ...(state.data.frames && { frame: state.frame, label: labelOf(state) }),
  });
}

function drawTile(state, view) {
  const { canvas, tile } = view;
  const side = Math.round(canvas.clientWidth * (window.devicePixelRatio || 1));
  const height = Math.round(side * (view.row.aspect || 1));
  if (!side) return;
  if (canvas.width !== side || canvas.height !== height) {
    canvas.width = side;
    canvas.height = height;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, side, height);
  const { scale, x, y } = state.view;
  pen.setTransform(scale, 0, 0, scale, -x * scale * side, -y * scale * height);
  const { opacity } = state.data.display;
  const alone = tile.map && view.map && opacity === 1;
  if (view.picture && !alone) {
    pen.imageSmoothingEnabled = true;
    pen.drawImage(view.picture, 0, 0, side, height);
  }
  if (tile.map && view.map) {
    pen.imageSmoothingEnabled = false;
    pen.globalAlpha = opacity;
    pen.drawImage(paint(state, view), 0, 0, side, height);
    pen.globalAlpha = 1;
  }
  drawCursor(state, view, pen, side, height);
}

function paint(state, view) {
  const key = `${view.mapAddress} ${state.data.display.colours}`;
  if (view.painted && view.painted.key === key) return view.painted.sheet;
  const { width, height, planes } = view.tile;
  const sheet = new OffscreenCanvas(width, height);
  const pixels = new ImageData(width, height);
  if (planes === 3) paintChannels(pixels.data, view.map);
  else paintLevels(new Uint32Array(pixels.data.buffer), view.map, state);
  sheet.getContext("2d").putImageData(pixels, 0, 0);
  view.painted = { key, sheet };
  return sheet;
}

function paintChannels(colours, map) {
  const size = colours.length / 4;
  for (let i = 0; i < size; i += 1) {
    for (let c = 0; c < 3; c += 1) colours[4 * i + c] = (map[c * size + i] / FULL) * 255;
    colours[4 * i + 3] = 255;
  }
}

// One write a pixel: a frame repaints every tile within one refresh of the screen.
function paintLevels(colours, map, state) {
  const { words } = state;
  const zero = state.data.display.diverging ? MIDDLE : 0;
  const reach = (2 * MIDDLE - zero) / FULL;
  for (let i = 0; i < colours.length; i += 1) {
    colours[i] = words[Math.max(0, Math.min(2 * MIDDLE, Math.round(zero + reach * map[i])))];
  }
}

// The colour table as whole pixels, in the byte order of this machine.
function pixelWords(lut) {
  const pixels = new Uint8ClampedArray(4 * (2 * MIDDLE + 1)).fill(255);
  for (let i = 0; i <= 2 * MIDDLE; i += 1) pixels.set(lut.subarray(3 * i, 3 * i + 3), 4 * i);
  return new Uint32Array(pixels.buffer);
}

function drawCursor(state, view, pen, side, height) {
  const { cursor } = state;
  if (!cursor) return;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  const { scale, x, y } = state.view;
  const px = (cursor.x - x) * scale * side;
  const py = (cursor.y - y) * scale * height;
  pen.lineWidth = Math.max(1, side / 200);
  for (const [colour, radius] of [["#000", side / 28], ["#fff", side / 34]]) {
    pen.strokeStyle = colour;
    pen.beginPath();
    pen.arc(px, py, radius, 0, 2 * Math.PI);
    pen.stroke();
  }
}

function drawBar(state) {
  const { display } = state.data;
  state.bar.hidden = !display.bar_shown;
  const canvas = state.bar.querySelector("canvas");
  const pen = canvas.getContext("2d");
  const strip = pen.createImageData(2 * MIDDLE + 1, 1);
  for (let i = 0; i <= 2 * MIDDLE; i += 1) {
    strip.data.set([state.lut[3 * i], state.lut[3 * i + 1], state.lut[3 * i + 2], 255], 4 * i);
  }
  pen.putImageData(strip, 0, 0);
  const [low, high] = state.bar.querySelectorAll("span");
  [low.textContent, high.textContent] = display.bar;
}

// ---------------------------------------------------------------- pointer

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

function reading(state, view) {
  const { tile, map } = view;
  const { cursor } = state;
  if (!tile.map || !map || tile.planes !== 1) return `${view.name} · ${view.row.title}`;
  const column = Math.min(tile.width - 1, Math.floor(cursor.x * tile.width));
  const line = Math.min(tile.height - 1, Math.floor(cursor.y * tile.height));
  if (column < 0 || line < 0) return "";
  const value = map[line * tile.width + column] / FULL;
  const raw = tile.scale ? ` (raw ${(value * tile.scale).toPrecision(3)})` : "";
  return `${view.name} · column ${column + 1}, row ${line + 1}: ${value.toFixed(3)}${raw}`;
}

function pan(state, dx, dy) {
  const { view } = state;
  const free = 1 - 1 / view.scale;
  view.x = Math.max(0, Math.min(free, view.x + dx / view.scale));
  view.y = Math.max(0, Math.min(free, view.y + dy / view.scale));
  schedule(state);
}

function zoom(state, factor, px, py) {
  const { view } = state;
  const scale = Math.max(1, Math.min(16, view.scale * factor));
  view.x += px / view.scale - px / scale;
  view.y += py / view.scale - py / scale;
  view.scale = scale;
  pan(state, 0, 0);
}
