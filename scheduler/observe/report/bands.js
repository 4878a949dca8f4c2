/* SPDX-License-Identifier: MIT */
/* The scheduler's decisions, and a band for each stage with its backlog and number of shards. */
const BAND = 54, DECISIONS = 46, AXIS = 20;

/* Round times, so many that their names do not touch. */
function drawAxis(data, panel, view) {
  const {context, width, theme} = panel, columns = Math.max(1, width - LABEL);
  const span = view.to - view.from, least = span * 90 / columns;
  let step = 10 ** Math.floor(Math.log10(least));
  step *= [1, 2, 5, 10].find((factor) => step * factor >= least);
  context.textAlign = "center";
  for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
    const x = LABEL + (at - view.from) * columns / span;
    context.fillStyle = theme.faint;
    context.fillRect(x, AXIS - 5, 1, 5);
    const text = showRound(at), half = context.measureText(text).width / 2;
    context.fillText(text, Math.max(LABEL + half, Math.min(width - half, x)), AXIS - 8);
  }
  context.textAlign = "left";
}

/* Rows of one stage, from a table that holds all stages. */
function splitByStage(data, table, names) {
  const rows = data.stages.map(() => []);
  for (let i = 0; i < table.count; i++)
    if (rows[table.stage[i]])
      rows[table.stage[i]].push(i);
  return rows.map((indices) => {
    const part = {};
    for (const name of ["from", ...names])
      part[name] = Float64Array.from(indices, (i) => table[name][i]);
    return part;
  });
}

/* The rows to draw in [from, to), with one more at either end. */
function rowsInView(part, view) {
  const first = Math.max(0, lowerBound(part.from, view.from) - 1);
  const last = Math.min(part.from.length, lowerBound(part.from, view.to) + 1);
  return [first, last];
}

function drawArea(context, part, view, x, y, columns, most) {
  const [first, last] = rowsInView(part, view), scale = columns / (view.to - view.from);
  const high = new Float32Array(columns + 1).fill(-1);
  for (let i = first; i < last; i++) { /* of several in a column the greatest */
    const column = Math.max(0, Math.min(columns, Math.round((part.from[i] - view.from) * scale)));
    high[column] = Math.max(high[column], part.backlog[i] / most);
  }
  context.beginPath();
  let end = -1;
  for (let column = 0; column <= columns; column++) {
    if (high[column] < 0)
      continue;
    if (end < 0)
      context.moveTo(x + column, y + BAND);
    context.lineTo(x + column, y + BAND - high[column] * (BAND - 2));
    end = column;
  }
  context.lineTo(x + end, y + BAND);
  context.fill();
}

function drawSteps(context, part, view, x, y, columns, most) {
  const [first, last] = rowsInView(part, view), scale = columns / (view.to - view.from);
  const place = (shards) => y + BAND - 2 - (shards / (most + 1)) * (BAND - 6);
  context.beginPath();
  let before = null;
  for (let i = first; i < last; i++) {
    const at = Math.max(0, Math.min(columns, (part.from[i] - view.from) * scale));
    if (before === null)
      context.moveTo(x + at, place(part.shards[i]));
    else if (part.shards[i] !== before) {
      context.lineTo(x + at, place(before));
      context.lineTo(x + at, place(part.shards[i]));
    } else if (i === last - 1)
      context.lineTo(x + at, place(before));
    before = part.shards[i];
  }
  context.stroke();
}

const greatest = (array) => array.reduce((a, b) => Math.max(a, b), 0);

function drawBands(data, panel, view) {
  const {context, width, theme} = panel, columns = Math.max(1, Math.floor(width - LABEL));
  data.stages.forEach((stage, i) => {
    const y = i * (BAND + GAP), part = data.bands[i];
    const most = greatest(part.backlog) || 1, widest = greatest(part.shards) || 1;
    context.fillStyle = theme.panel;
    context.fillRect(LABEL, y, columns, BAND);
    context.save();
    context.beginPath();
    context.rect(LABEL, y, columns, BAND);
    context.clip();
    context.fillStyle = colour(i);
    context.globalAlpha = 0.45;
    drawArea(context, part, view, LABEL, y, columns, most);
    context.globalAlpha = 1;
    context.strokeStyle = theme.ink;
    context.lineWidth = 1.5;
    drawSteps(context, part, view, LABEL, y, columns, widest);
    context.restore();
    context.fillStyle = theme.ink;
    context.fillText(stageName(data, i), 0, y + 14, LABEL - 6);
    context.fillStyle = theme.faint;
    context.fillText(`backlog ≤ ${showCount(most)}`, 0, y + 31, LABEL - 6);
    context.fillText(`shards ≤ ${widest}`, 0, y + 46, LABEL - 6);
  });
}

function tellBand(data, view, panel, x, y) {
  const index = Math.floor(y / (BAND + GAP)), part = data.bands[index];
  const at = view.from + (x - LABEL) * (view.to - view.from) / (panel.width - LABEL);
  if (!part || x < LABEL)
    return null;
  const i = Math.max(0, lowerBound(part.from, at) - 1);
  if (i >= part.from.length)
    return null;
  return `<b>${escapeText(stageName(data, index))}</b> at ${showTime(part.from[i])}<br>` +
    `backlog ${showCount(part.backlog[i])}<br>${part.shards[i]} shards<br>` +
    `${showTime(part.service[i])} for an event`;
}

/* Those about one pipeline at one tick are one decision: [{at, serial, rows: [index]}]. */
function groupDecisions(data) {
  const ticks = [], table = data.decisions;
  for (let i = 0; i < table.count; i++) {
    const last = ticks[ticks.length - 1], serial = data.stages[table.stage[i]]?.serial;
    if (last && table.from[i] === last.at && serial === last.serial)
      last.rows.push(i);
    else
      ticks.push({at: table.from[i], serial, rows: [i]});
  }
  return ticks;
}

const widthNow = (table, i) => Math.floor(table.widths[i] / 1024);
const widthWanted = (table, i) => table.widths[i] % 1024;

function drawDecisions(data, panel, view) {
  const {context, width, theme} = panel, table = data.decisions;
  const columns = Math.max(1, width - LABEL), scale = columns / (view.to - view.from);
  context.fillStyle = theme.panel;
  context.fillRect(LABEL, 0, columns, DECISIONS);
  context.save();
  context.beginPath();
  context.rect(LABEL, 0, columns, DECISIONS);
  context.clip();
  for (const [from, until, stage] of data.cuts) {
    const a = LABEL + (from - view.from) * scale, b = LABEL + (until - view.from) * scale;
    context.fillStyle = colour(stage);
    context.fillRect(a, 30, Math.max(2, b - a), 12);
  }
  data.ticks.forEach((tick, number) => {
    const x = LABEL + (tick.at - view.from) * scale;
    if (x < LABEL || x > width)
      return;
    /* Side by side, as far as there is room before the next decision. */
    const changed = tick.rows.filter((i) => widthNow(table, i) !== widthWanted(table, i));
    const room = (data.ticks[number + 1]?.at - tick.at) * scale - 8;
    const apart = Math.max(0.5, Math.min(5, room / changed.length || 5));
    context.fillStyle = theme.faint;
    context.fillRect(x, 2, 1, 8);
    let beside = x;
    for (const i of changed) {
      const up = widthWanted(table, i) > widthNow(table, i) ? -1 : 1, y = 19 + 2 * up;
      context.fillStyle = colour(table.stage[i]);
      context.beginPath();
      context.moveTo(beside - 4, y - 4 * up);
      context.lineTo(beside + 4, y - 4 * up);
      context.lineTo(beside, y + 5 * up);
      context.fill();
      beside += apart;
    }
  });
  context.strokeStyle = theme.warn;
  context.lineWidth = 2;
  for (const [, until] of data.stalls) {
    const x = LABEL + (until - view.from) * scale;
    context.strokeRect(x - 4, 31, 8, 8);
    context.beginPath();
    context.moveTo(x - 4, 31);
    context.lineTo(x + 4, 39);
    context.moveTo(x + 4, 31);
    context.lineTo(x - 4, 39);
    context.stroke();
  }
  context.restore();
  context.fillStyle = theme.ink;
  context.fillText("decisions", 0, 20);
  context.fillStyle = theme.faint;
  context.fillText("changes", 0, 40);
}

/* The seats that D'Hondt gives for these costs: the `workers` highest quotients. */
function giveSeats(costs, workers) {
  const seats = costs.map(() => 0);
  for (let given = 0; given < workers; given++) {
    let next = -1;
    costs.forEach((cost, i) => {
      const quotient = cost / (seats[i] + 1);
      if (cost > 0 && (next < 0 || quotient > costs[next] / (seats[next] + 1)))
        next = i;
    });
    if (next < 0)
      break;
    seats[next]++;
  }
  return seats;
}

function tellDecision(data, view, panel, x, y) {
  const each = (view.to - view.from) / (panel.width - LABEL);
  const at = view.from + (x - LABEL) * each, table = data.decisions;
  if (x < LABEL || y > DECISIONS)
    return null;
  for (const [from, until, stage, value] of data.cuts)
    if (y >= 28 && at >= from - 3 * each && at <= Math.max(until, from + 2 * each) + 3 * each)
      return `<b>${escapeText(stageName(data, stage))}</b> from ${Math.floor(value / 65536)} to ` +
        `${value % 65536} shards<br>at ${showTime(from)}, took ${showTime(until - from)}`;
  for (const [from, until, stage, worker] of data.stalls)
    if (y >= 28 && Math.abs(at - until) < 6 * each)
      return `<b>${workerName(data, worker)} hangs</b> in ${escapeText(stageName(data, stage))} since ` +
        showTime(from);
  let best = null;
  for (const tick of data.ticks)
    if (!best || Math.abs(tick.at - at) < Math.abs(best.at - at))
      best = tick;
  if (!best || Math.abs(best.at - at) > 12 * each)
    return null;
  const costs = best.rows.map((i) => table.cost[i]), workers = table.workers[best.rows[0]];
  const seats = giveSeats(costs, workers);
  const most = Math.max(3, ...seats.map((n) => n + 1)), shown = Math.min(most, 6);
  const rows = best.rows.map((i, row) => {
    const cells = [];
    for (let k = 0; k < shown; k++) {
      const text = (costs[row] / (k + 1)).toPrecision(3);
      cells.push(`<td>${k < seats[row] ? `<b class="seat">${text}</b>` : text}</td>`);
    }
    const now = widthNow(table, i), wanted = widthWanted(table, i);
    return `<tr><td>${escapeText(stageName(data, table.stage[i]))}</td>${cells.join("")}` +
      `<td>${seats[row]}</td>` +
      `<td>${showCount(table.rate[i])}/s</td>` +
      `<td>${now === wanted ? now : `${now} → ${wanted}`}</td></tr>`;
  });
  const heads = Array.from({length: shown}, (_, k) => `<th>V/${k + 1}</th>`).join("");
  return `<b>Decision at ${showTime(best.at)}</b>: quotients; the highest ${workers} ` +
    `(underlined) are D'Hondt's seats<table><tr><th>stage</th>${heads}<th>seats</th>` +
    `<th>events</th><th>shards</th></tr>${rows.join("")}</table>`;
}
