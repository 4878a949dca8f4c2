/* SPDX-License-Identifier: MIT */
/*
 * A lane for each worker. What is narrower than a pixel cannot be seen by itself: for each column
 * of pixels the time of each stage is summed up, and the column is filled from below by the shares.
 * So a picture takes one pass over the spans that it shows, however many there are. And of many
 * workers several share a lane, in which their times are added up in the same way.
 */
const GAP = 4, LABEL = 96, LANES_MOST = 256;

/* How many workers a lane is for, how high it is, and how far below it the next one begins. */
function layLanes(data) {
  const each = Math.ceil(data.workers / LANES_MOST), lanes = Math.ceil(data.workers / each);
  const [high, step] = lanes <= 24 ? [26, 30] : lanes <= 64 ? [14, 16] : [5, 5];
  return {each, lanes, high, step, named: Math.ceil(14 / step)};
}

/* Lanes of the runtime's own workers, and then of helpers' places. */
function workerName(data, i) {
  const own = data.workers - data.helpers;
  return i < own ? `worker ${i + 1}` : `helper ${i + 1 - own}`;
}

/* "worker 3", or "workers 9 – 12". */
function laneName(data, lane) {
  const {each} = data.layout, first = lane * each + 1, last = Math.min(first + each - 1, data.workers);
  return first === last ? workerName(data, lane) : `w. ${first} – ${last}`;
}

const workersOf = (data, lane) =>
  data.lanes.slice(lane * data.layout.each, (lane + 1) * data.layout.each);

/* Walks over the spans that lie in [from, to). */
function eachSpan(lane, from, to, visit) {
  let i = lowerBound(lane.from, from);
  if (i > 0)
    i--; /* it may reach into the view */
  for (; i < lane.count && lane.from[i] < to; i++)
    visit(i, lane.from[i], lane.from[i] + lane.length[i]);
}

/* The shares of each column: an array of columns * (stages + 1), the last for sleep. */
function columnShares(workers, view, columns, stages) {
  const kinds = stages + 1, shares = new Float32Array(columns * kinds);
  const scale = columns / (view.to - view.from), part = 1 / workers.length;
  for (const lane of workers)
    eachSpan(lane, view.from, view.to, (i, from, until) => {
      const kind = lane.stage[i] === NO_STAGE ? stages : lane.stage[i];
      const a = Math.max(0, (from - view.from) * scale);
      const b = Math.min(columns, (until - view.from) * scale);
      for (let column = Math.floor(a); column < b; column++)
        shares[column * kinds + kind] += part * (Math.min(b, column + 1) - Math.max(a, column));
    });
  return shares;
}

/* What each stage's time is filled with. */
function makeFills(context, stages, sleep) {
  const fills = [];
  for (let i = 0; i < stages; i++) {
    if (!pattern(i)) {
      fills.push(colour(i));
      continue;
    }
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const inside = tile.getContext("2d");
    inside.fillStyle = colour(i);
    inside.fillRect(0, 0, 6, 6);
    inside.fillStyle = "rgb(255 255 255 / 60%)";
    if (upright(i))
      inside.fillRect(0, 0, 2, 6);
    if (lying(i))
      inside.fillRect(0, 0, 6, 2);
    fills.push(context.createPattern(tile, "repeat"));
  }
  fills.push(sleep);
  return fills;
}

/* The bytes of a colour in #rrggbb, as a pixel has them. */
const pixelOf = (text) => (0xff000000 | parseInt(text.slice(5, 7) + text.slice(3, 5) +
                                                  text.slice(1, 3), 16)) >>> 0;

/*
 * Draws many thin lanes, pixel by pixel: the rectangles that they are made of would be millions.
 * Stripes cannot be seen in them.
 */
function drawThin(context, data, view, theme, columns) {
  const {lanes, high, step} = data.layout, kinds = data.stages.length + 1;
  const image = new ImageData(columns, lanes * step), pixels = new Uint32Array(image.data.buffer);
  const fills = data.stages.map((_, i) => pixelOf(colour(i))).concat(pixelOf(theme.sleep));
  pixels.fill(pixelOf(theme.panel));
  for (let lane = 0; lane < lanes; lane++) {
    const shares = columnShares(workersOf(data, lane), view, columns, kinds - 1);
    const bottom = lane * step + high - 1;
    for (let column = 0; column < columns; column++)
      for (let kind = 0, below = 0, row = 0; kind < kinds; kind++) {
        below += shares[column * kinds + kind] * high;
        for (; row < high && row + 0.5 <= below; row++)
          pixels[(bottom - row) * columns + column] = fills[kind];
      }
  }
  const picture = document.createElement("canvas");
  picture.width = image.width;
  picture.height = image.height;
  picture.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, LABEL, 0);
}

/* Draws one lane; equal columns side by side are one rectangle. */
function drawShares(context, shares, kinds, fills, x, y, columns, lane) {
  for (let kind = kinds - 1; kind >= 0; kind--) {
    context.fillStyle = fills[kind];
    let begin = 0, beginTop = -1, beginHigh = 0;
    for (let column = 0; column <= columns; column++) {
      let below = 0, high = 0;
      if (column < columns) {
        high = Math.min(1, shares[column * kinds + kind]) * lane;
        for (let k = 0; k < kind; k++)
          below += shares[column * kinds + k];
      }
      const top = Math.max(0, lane - below * lane - high);
      if (column < columns && Math.abs(top - beginTop) < 0.02 && Math.abs(high - beginHigh) < 0.02)
        continue;
      if (beginHigh > 0.02)
        context.fillRect(x + begin, y + beginTop, column - begin, beginHigh);
      begin = column;
      beginTop = top;
      beginHigh = high;
    }
  }
}

/* Names in spans that are wide enough for them: colour alone shall not have to tell. */
function drawNames(context, data, lane, view, x, y, columns) {
  const {high} = data.layout;
  const scale = columns / (view.to - view.from);
  if (70 / scale > 1e7)
    return;
  eachSpan(lane, view.from, view.to, (i, from, until) => {
    const a = Math.max(0, (from - view.from) * scale);
    const b = Math.min(columns, (until - view.from) * scale);
    if (b - a < 60 || lane.stage[i] === NO_STAGE)
      return;
    context.save();
    context.beginPath();
    context.rect(x + a + 2, y, b - a - 4, high);
    context.clip();
    context.fillStyle = inkOn(lane.stage[i]);
    context.fillText(stageName(data, lane.stage[i]), x + a + 5, y + high / 2 + 4);
    context.restore();
  });
}

function drawLanes(data, panel, view) {
  const {context, width, theme} = panel;
  const columns = Math.max(1, Math.floor(width - LABEL)), kinds = data.stages.length + 1;
  const fills = makeFills(context, data.stages.length, theme.sleep);
  const {lanes, high, step, named} = data.layout, thin = high < 12;
  if (thin)
    drawThin(context, data, view, theme, columns);
  for (let i = 0; i < lanes; i++) {
    const y = i * step;
    if (!thin) {
      const shares = columnShares(workersOf(data, i), view, columns, data.stages.length);
      context.fillStyle = theme.panel;
      context.fillRect(LABEL, y, columns, high);
      drawShares(context, shares, kinds, fills, LABEL, y, columns, high);
      drawNames(context, data, data.lanes[i], view, LABEL, y, columns);
    }
    context.fillStyle = theme.ink;
    if (i % named === 0 && y + 12 <= panel.height)
      context.fillText(laneName(data, i), 0, y + Math.max(high / 2 + 4, 9), LABEL - 6);
  }
}

/* Of what takes up no time in a lane. */
const showBlank = (data) => data.virtual ? "looking for a seat" :
  data.helpers ? "looking for a seat, away, or without a core" :
  "looking for a seat, or without a core";

/* One span: a seat, several of them added up, or sleep. */
function tellSpan(data, lane, i) {
  const from = `from ${showTime(lane.from[i])}`;
  if (lane.stage[i] === NO_STAGE)
    return `<b>asleep</b> for ${showTime(lane.length[i])}<br>${from}`;
  const events = lane.events[i] < 0xffff ? lane.events[i] : "65,535 or more";
  const merged = data.merged ? `<br>all its seats here within ${showTime(data.merged)}` : "";
  return `<b>${escapeText(stageName(data, lane.stage[i]))}</b> for ` +
    `${showTime(lane.length[i])}, ${events} events<br>${from}${merged}`;
}

/* What lies under the pointer. */
function tellLane(data, view, panel, x, y) {
  const index = Math.floor(y / data.layout.step), workers = workersOf(data, index);
  const columns = panel.width - LABEL, each = (view.to - view.from) / columns;
  const at = view.from + (x - LABEL) * each;
  if (!workers.length || x < LABEL)
    return null;
  const sums = new Map();
  let found = 0, one = null;
  for (const lane of workers)
    eachSpan(lane, at - each / 2, at + each / 2, (i, from, until) => {
      const overlap = Math.min(until, at + each / 2) - Math.max(from, at - each / 2);
      if (overlap <= 0)
        return;
      sums.set(lane.stage[i], (sums.get(lane.stage[i]) || 0) + overlap);
      found++;
      one = () => tellSpan(data, lane, i);
    });
  const name = `${laneName(data, index)}, `;
  if (found === 0)
    return `${name}${showTime(at)}: ${showBlank(data)}`;
  if (found === 1 && workers.length === 1)
    return name + one();
  const rows = [...sums].sort((a, b) => b[1] - a[1]).map(([stage, ns]) =>
    `${stage === NO_STAGE ? "asleep" : escapeText(stageName(data, stage))} ` +
    `${(100 * ns / each / workers.length).toFixed(0)} %`);
  return `${name}${showTime(at)}, ${found} seats in ${showTime(each)}:<br>${rows.join("<br>")}`;
}
