// Regions as plain values, in pixels of the picture: none of these functions changes one.

const SMALLEST = 1; // pixel, in width and height
const KINDS = { box: "Box", outline: "Outline" };

export function box([xa, ya], [xb, yb]) {
  const [x0, x1] = [Math.min(xa, xb), Math.max(xa, xb)];
  const [y0, y1] = [Math.min(ya, yb), Math.max(ya, yb)];
  return { kind: "box", x0, y0, x1, y1 };
}

export function boundsOf(region) {
  if (region.kind === "box") return [region.x0, region.y0, region.x1, region.y1];
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of region.points) {
    bounds[0] = Math.min(bounds[0], x);
    bounds[1] = Math.min(bounds[1], y);
    bounds[2] = Math.max(bounds[2], x);
    bounds[3] = Math.max(bounds[3], y);
  }
  return bounds;
}

export function moved(region, dx, dy, [width, height]) {
  const [x0, y0, x1, y1] = boundsOf(region);
  const right = clamp(dx, -x0, width - x1);
  const down = clamp(dy, -y0, height - y1);
  return mapped(region, ([x, y]) => [x + right, y + down]);
}

// Fitted into other bounds; mirrored, where an edge has crossed the opposite one.
export function stretched(region, [left, top, right, bottom]) {
  const [x0, y0, x1, y1] = boundsOf(region);
  const across = (right - left) / (x1 - x0);
  const down = (bottom - top) / (y1 - y0);
  return mapped(region, ([x, y]) => [left + (x - x0) * across, top + (y - y0) * down]);
}

// `sides` says of every bound by how much it is moved. None leaves the picture.
export function resized(region, sides, [width, height]) {
  const before = boundsOf(region);
  const after = before.map((bound, n) => clamp(bound + sides[n], 0, n % 2 ? height : width));
  for (const [low, high, limit] of [[0, 2, width], [1, 3, height]]) {
    if (Math.abs(after[high] - after[low]) >= SMALLEST) continue;
    if (sides[low]) after[low] = Math.max(0, before[high] - SMALLEST);
    else after[high] = Math.min(limit, before[low] + SMALLEST);
  }
  return stretched(region, after);
}

// By its right and lower edge, which do not cross the opposite ones.
export function widened(region, dx, dy, size) {
  const [x0, y0, x1, y1] = boundsOf(region);
  return resized(region, [0, 0, Math.max(dx, SMALLEST - (x1 - x0)), Math.max(dy, SMALLEST - (y1 - y0))], size);
}

export function isLargeEnough(region) {
  if (region.points?.length < 3) return false;
  const [x0, y0, x1, y1] = boundsOf(region);
  return x1 - x0 >= SMALLEST && y1 - y0 >= SMALLEST;
}

function mapped(region, change) {
  if (region.kind === "outline") return { ...region, points: region.points.map(change) };
  return { ...region, ...box(change([region.x0, region.y0]), change([region.x1, region.y1])) };
}

// With hundredths of pixels, which is finer than any pointer.
export function rounded(region) {
  return mapped(region, (point) => point.map((value) => Math.round(value * 100) / 100));
}

// A line without the points that lie nearer than `tolerance` to a line through the others (Ramer,
// Douglas and Peucker), and with no more than `most` of them.
export function simplified(points, tolerance, most) {
  let kept = points;
  for (let near = tolerance; ; near *= 2) {
    kept = withoutNear(points, near);
    if (kept.length <= most) return kept;
  }
}

function withoutNear(points, tolerance) {
  const kept = new Set([0, points.length - 1]);
  const parts = [[0, points.length - 1]];
  while (parts.length) {
    const [first, last] = parts.pop();
    let [farthest, distance] = [first, tolerance];
    for (let n = first + 1; n < last; n += 1) {
      const found = distanceTo(points[n], points[first], points[last]);
      if (found > distance) [farthest, distance] = [n, found];
    }
    if (farthest === first) continue;
    kept.add(farthest);
    parts.push([first, farthest], [farthest, last]);
  }
  return points.filter((_, n) => kept.has(n));
}

function distanceTo([x, y], [xa, ya], [xb, yb]) {
  const [dx, dy] = [xb - xa, yb - ya];
  const length = dx * dx + dy * dy;
  const share = length ? clamp(((x - xa) * dx + (y - ya) * dy) / length, 0, 1) : 0;
  return Math.hypot(x - xa - share * dx, y - ya - share * dy);
}

export function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

export function described(region, place) {
  const [x0, y0, x1, y1] = boundsOf(region).map(Math.round);
  return `${KINDS[region.kind]} ${place + 1}: ${x0} to ${x1} across, ${y0} to ${y1} down`;
}
