// The regions as lines over the picture, in the screen's pixels: sharp, and equally wide at every size.

import { boundsOf, described } from "./shapes.js";

const SVG = "http://www.w3.org/2000/svg";
const HANDLE = 10; // CSS pixels
// Every handle moves some of the bounds (left, top, right, bottom).
export const HANDLES = [
  [1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1], [1, 0, 0, 1], [1, 0, 0, 0],
];

export function made(name, parent, className) {
  const element = document.createElementNS(SVG, name);
  element.setAttribute("class", className);
  parent.append(element);
  return element;
}

// CSS pixels for a pixel of the picture, across and down.
export function scales(state) {
  const { width, height } = state.surface.getBoundingClientRect();
  return [width / state.size[0], height / state.size[1]];
}

export function paint(state) {
  const scale = scales(state);
  const seen = new Set();
  state.regions.forEach((region, place) => {
    seen.add(region.id);
    let view = state.views.get(region.id);
    if (!view) {
      view = createView(state, region.id);
      state.views.set(region.id, view);
    }
    fill(view, region, place, scale);
    view.element.setAttribute("aria-pressed", String(region.id === state.selected));
    const there = state.layer.children[place];
    if (there !== view.element) state.layer.insertBefore(view.element, there || null);
  });
  for (const [id, view] of state.views) {
    if (seen.has(id)) continue;
    state.views.delete(id);
    view.element.remove();
  }
  paintCrop(state, scale);
  paintHandles(state, scale);
}

function createView(state, id) {
  const element = made("g", state.layer, "region");
  element.setAttribute("role", "button");
  element.setAttribute("tabindex", "0");
  element.dataset.id = id;
  const [edge, line] = ["edge", "line"].map((name) => made("path", element, name));
  const number = made("text", element, "number");
  return { element, edge, line, number, drawn: {} };
}

function fill(view, region, place, [across, down]) {
  const drawn = { region, place, across, down };
  if (Object.keys(drawn).every((name) => drawn[name] === view.drawn[name])) return;
  view.drawn = drawn;
  const path = pathOf(cornersOf(region), [across, down]);
  view.edge.setAttribute("d", path);
  view.line.setAttribute("d", path);
  const [x0, y0] = boundsOf(region);
  view.number.setAttribute("x", x0 * across + 6);
  view.number.setAttribute("y", y0 * down + 17);
  view.number.textContent = place + 1;
  view.element.setAttribute("aria-label", described(region, place));
}

function cornersOf(region) {
  if (region.kind === "outline") return region.points;
  const { x0, y0, x1, y1 } = region;
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
}

function pathOf(points, [across, down]) {
  return `M${points.map(([x, y]) => `${x * across} ${y * down}`).join("L")}Z`;
}

function paintCrop(state, scale) {
  const { crop, size: [width, height] } = state;
  const hides = Boolean(crop) && (crop[0] > 0 || crop[1] > 0 || crop[2] < width || crop[3] < height);
  state.unseen.hidden = !hides;
  const parts = hides ? [[0, 0, width, height], crop] : [];
  const paths = parts.map(([x0, y0, x1, y1]) => pathOf(cornersOf({ kind: "box", x0, y0, x1, y1 }), scale));
  state.dim.setAttribute("d", paths.join(""));
}

// Where the handles of a region are, in the screen's pixels from the picture's corner.
export function handlesOf(region, [across, down]) {
  const [x0, y0, x1, y1] = boundsOf(region);
  const along = (low, high, isLow, isHigh) => (isLow ? low : isHigh ? high : (low + high) / 2);
  return HANDLES.map(([left, top, right, bottom]) => [
    along(x0, x1, left, right) * across, along(y0, y1, top, bottom) * down,
  ]);
}

function paintHandles(state, scale) {
  const region = state.regions.find((one) => one.id === state.selected);
  state.handles.toggleAttribute("hidden", !region);
  if (!region) return;
  handlesOf(region, scale).forEach(([x, y], n) => {
    const handle = state.handles.children[n];
    handle.setAttribute("x", x - HANDLE / 2);
    handle.setAttribute("y", y - HANDLE / 2);
  });
}

export function createLayers(state) {
  state.dim = made("path", state.surface, "dim");
  state.layer = made("g", state.surface, "regions");
  state.handles = made("g", state.surface, "handles");
  for (let n = 0; n < HANDLES.length; n += 1) {
    const handle = made("rect", state.handles, "handle");
    handle.setAttribute("width", HANDLE);
    handle.setAttribute("height", HANDLE);
  }
}
