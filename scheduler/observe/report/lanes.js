/* SPDX-License-Identifier: MIT */
/*
 * A lane for each worker. What is narrower than a pixel cannot be seen by itself: for each column
 * of pixels the time of each stage is summed up, and the column is filled from below by the shares.
 * So a picture takes one pass over the spans that it shows, however many there are.
 */
const LANE = 26, GAP = 4, LABEL = 96;

/* Walks over the spans that lie in [from, to). */
function eachSpan(lane, from, to, visit) {
  let i = lowerBound(lane.from, from);
  if (i > 0)
    i--; /* it may reach into the view */
  for (; i < lane.count && lane.from[i] < to; i++)
    visit(i, lane.from[i], lane.from[i] + lane.length[i]);
}

/* The shares of each column: an array of columns * (stages + 1), the last for sleep. */
function columnShares(lane, view, columns, stages) {
  const kinds = stages + 1, shares = new Float32Array(columns * kinds);
  const scale = columns / (view.to - view.from);
  eachSpan(lane, view.from, view.to, (i, from, until) => {
    const kind = lane.stage[i] === NO_STAGE ? stages : lane.stage[i];
    const a = Math.max(0, (from - view.from) * scale);
    const b = Math.min(columns, (until - view.from) * scale);
    for (let column = Math.floor(a); column < b; column++)
      shares[column * kinds + kind] += Math.min(b, column + 1) - Math.max(a, column);
  });
  return shares;
}

/* Colours, and stripes for the second round of the palette. */
function makeFills(context, stages, sleep) {
  const fills = [];
  for (let i = 0; i < stages; i++) {
    if (!striped(i)) {
      fills.push(colour(i));
      continue;
    }
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const inside = tile.getContext("2d");
    inside.fillStyle = colour(i);
    inside.fillRect(0, 0, 6, 6);
    inside.fillStyle = "rgb(255 255 255 / 60%)";
    inside.fillRect(0, 0, 2, 6);
    fills.push(context.createPattern(tile, "repeat"));
  }
  fills.push(sleep);
  return fills;
}

/* Draws one lane; equal columns side by side are one rectangle. */
function drawShares(context, shares, kinds, fills, x, y, columns) {
  for (let kind = kinds - 1; kind >= 0; kind--) {
    context.fillStyle = fills[kind];
    let begin = 0, beginTop = -1, beginHigh = 0;
    for (let column = 0; column <= columns; column++) {
      let below = 0, high = 0;
      if (column < columns) {
        high = Math.min(1, shares[column * kinds + kind]) * LANE;
        for (let k = 0; k < kind; k++)
          below += shares[column * kinds + k];
      }
      const top = Math.max(0, LANE - below * LANE - high);
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
  const scale = columns / (view.to - view.from);
  if (70 / scale > 1e7)
    return;
  context.fillStyle = "#000";
  eachSpan(lane, view.from, view.to, (i, from, until) => {
    const a = Math.max(0, (from - view.from) * scale);
    const b = Math.min(columns, (until - view.from) * scale);
    if (b - a < 60 || lane.stage[i] === NO_STAGE)
      return;
    context.save();
    context.beginPath();
    context.rect(x + a + 2, y, b - a - 4, LANE);
    context.clip();
    context.fillText(stageName(data, lane.stage[i]), x + a + 5, y + LANE / 2 + 4);
    context.restore();
  });
}

/* Lanes of the runtime's own workers, and then of helpers' places. */
function workerName(data, i) {
  const own = data.workers - data.helpers;
  return i < own ? `worker ${i + 1}` : `helper ${i + 1 - own}`;
}

function drawLanes(data, panel, view) {
  const {context, width, theme} = panel;
  const columns = Math.max(1, Math.floor(width - LABEL)), kinds = data.stages.length + 1;
  const fills = makeFills(context, data.stages.length, theme.sleep);
  data.lanes.forEach((lane, i) => {
    const y = i * (LANE + GAP);
    const shares = columnShares(lane, view, columns, data.stages.length);
    context.fillStyle = theme.panel;
    context.fillRect(LABEL, y, columns, LANE);
    drawShares(context, shares, kinds, fills, LABEL, y, columns);
    drawNames(context, data, lane, view, LABEL, y, columns);
    context.fillStyle = theme.ink;
    context.fillText(workerName(data, i), 0, y + LANE / 2 + 4);
  });
}

/* What lies under the pointer. */
function tellLane(data, view, panel, x, y) {
  const lane = data.lanes[Math.floor(y / (LANE + GAP))];
  const columns = panel.width - LABEL, each = (view.to - view.from) / columns;
  const at = view.from + (x - LABEL) * each;
  if (!lane || x < LABEL)
    return null;
  const sums = new Map();
  let found = 0, one = -1;
  eachSpan(lane, at - each / 2, at + each / 2, (i, from, until) => {
    const overlap = Math.min(until, at + each / 2) - Math.max(from, at - each / 2);
    if (overlap <= 0)
      return;
    sums.set(lane.stage[i], (sums.get(lane.stage[i]) || 0) + overlap);
    found++;
    one = i;
  });
  if (found === 0)
    return `${showTime(at)}: looking for a seat, or without a core`;
  if (found === 1) {
    const asleep = lane.stage[one] === NO_STAGE;
    const what = asleep ? "asleep" : escapeText(stageName(data, lane.stage[one]));
    const events = asleep ? "" : `, ${lane.events[one]} events`;
    return `<b>${what}</b> for ${showTime(lane.length[one])}${events}<br>` +
      `from ${showTime(lane.from[one])}`;
  }
  const rows = [...sums].sort((a, b) => b[1] - a[1]).map(([stage, ns]) =>
    `${stage === NO_STAGE ? "asleep" : escapeText(stageName(data, stage))} ` +
    `${(100 * ns / each).toFixed(0)} %`);
  return `${showTime(at)}, ${found} seats in ${showTime(each)}:<br>${rows.join("<br>")}`;
}
