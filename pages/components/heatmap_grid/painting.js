// Drawing what the tiles show: pictures, maps in their colours, the cursor and the colour bar.

import { showReadout } from "./readout.js";

const FULL = 32767; // the int16 that stands for 1
const MIDDLE = 128; // entry of the colour table that stands for 0 in a diverging map
const LATEST_MS = 300; // until something that has changed is drawn

// With the next refresh of the screen; soon in any case, because a browser that is busy, or shows
// another tab, may refresh nothing for long.
export function schedule(state) {
  if (state.scheduled) return;
  const now = () => {
    cancelAnimationFrame(state.scheduled.frame);
    clearTimeout(state.scheduled.timer);
    state.scheduled = null;
    draw(state);
  };
  state.scheduled = { frame: requestAnimationFrame(now), timer: setTimeout(now, LATEST_MS) };
}

export function draw(state) {
  if (!state.data) return;
  // Of many tiles few are in sight; the others are drawn when they come near it.
  for (const view of state.tiles.values()) if (view.inSight) drawTile(state, view);
  showReadout(state);
  const shown = [...state.tiles.values()].filter((view) => view.map);
  state.root.dataset.drawn = JSON.stringify({
    ready: shown.length,
    maps: shown.map((view) => view.mapAddress).join(" "),
    opacity: state.data.display.opacity,
    colours: state.data.display.colours,
    scale: state.view.scale,
    ...(state.data.frames && { frame: state.frame, label: state.data.frames[state.frame] }),
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
export function pixelWords(lut) {
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

export function drawBar(state) {
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
