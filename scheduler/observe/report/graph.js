/* SPDX-License-Identifier: MIT */
/*
 * The pipelines as graphs: a column for each distance from the source. Where there is no room for
 * more columns, the next ones begin a new line.
 */
const BOX_WIDE = 176, BOX_HIGH = 116, COLUMN = 216, ROW = 132;
const SVG = "http://www.w3.org/2000/svg";

function svg(parent, name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes))
    element.setAttribute(key, value);
  if (text !== undefined)
    element.textContent = text;
  parent.appendChild(element);
  return element;
}

/* Where each stage of a pipeline stands: {index: {column, row}}. */
function layOut(data, indices) {
  const places = new Map(), rows = [];
  const source = indices.find((i) => data.stages[i].source);
  for (const i of indices) {
    const after = data.stages[i].after.filter((k) => places.has(k));
    let column = after.length ? 1 + Math.max(...after.map((k) => places.get(k).column)) : 0;
    if (!after.length && source !== undefined && i !== source)
      column = 1;
    rows[column] = (rows[column] || 0) + 1;
    places.set(i, {column, row: rows[column] - 1});
  }
  return places;
}

/* Breaks the columns into lines of at most `most`; where a place is, in pixels, is its x and y. */
function breakLines(places, most) {
  const rows = 1 + Math.max(...[...places.values()].map((place) => place.row));
  for (const place of places.values()) {
    place.line = Math.floor(place.column / most);
    place.x = place.column % most * COLUMN;
    place.y = (place.line * rows + place.row) * ROW + 4;
    place.under = (place.line + 1) * rows * ROW - (ROW - BOX_HIGH) / 2 + 4;
  }
}

function drawEdge(root, from, to) {
  const x1 = from.x + BOX_WIDE, y1 = from.y + BOX_HIGH / 2;
  const x2 = to.x - 11, y2 = to.y + BOX_HIGH / 2, bend = (x1 + x2 + 7) / 2;
  const d = from.line === to.line
    ? `M${x1},${y1} C${bend},${y1} ${bend},${y2} ${x2},${y2}`
    : `M${x1},${y1} h16 V${from.under} H${to.x - 22} V${y2} H${x2}`;
  svg(root, "path", {class: "edge", "marker-end": "url(#arrow)", d});
}

function drawStage(root, data, index, place, allBusy) {
  const stage = data.stages[index], seconds = data.length / 1e9;
  const group = svg(root, "g", {
    class: "stage", transform: `translate(${place.x},${place.y})`});
  const share = allBusy ? stage.busy / allBusy : 0;
  const per = stage.events ? showTime(stage.busy / stage.events) : "–";
  const width = stage.most > 1
    ? `${stage.least} – ${stage.mean.toFixed(1)} – ${stage.most} shards` : "1 shard";
  svg(group, "rect", {class: "box", rx: 6, width: BOX_WIDE, height: BOX_HIGH,
                      stroke: colour(index), "stroke-dasharray": ["none", "6 3", "2 3", "9 3 2 3"][pattern(index)]});
  svg(group, "text", {class: "name", x: 12, y: 22}, stage.name);
  svg(group, "text", {x: 12, y: 42}, `${showCount(stage.events / seconds)} events/s`);
  svg(group, "text", {x: 12, y: 58}, `${per} for an event`);
  svg(group, "text", {x: 12, y: 74}, width + (stage.keyed ? ", by key" : ""));
  const notes = [];
  if (stage.redivisions)
    notes.push(`${stage.redivisions} re-division${stage.redivisions === 1 ? "" : "s"}`);
  if (stage.voids)
    notes.push(`${stage.voids} void`);
  if (stage.errors)
    notes.push(`${stage.errors} failed`);
  svg(group, "text", {class: "faint", x: 12, y: 90}, notes.join(", "));
  svg(group, "rect", {x: 12, y: 98, width: BOX_WIDE - 60, height: 8, fill: "var(--sleep)"});
  svg(group, "rect", {x: 12, y: 98, width: (BOX_WIDE - 60) * share, height: 8,
                      fill: colour(index)});
  svg(group, "text", {class: "faint", x: BOX_WIDE - 42, y: 106}, `${(100 * share).toFixed(0)} %`);
}

function drawGraph(data) {
  const holder = document.getElementById("graph");
  const serials = [...new Set(data.stages.map((stage) => stage.serial))];
  const allBusy = data.stages.reduce((sum, stage) => sum + stage.busy, 0);
  for (const serial of serials) {
    const indices = data.stages.map((_, i) => i).filter((i) => data.stages[i].serial === serial);
    const places = layOut(data, indices), all = [...places.values()];
    breakLines(places, Math.max(3, Math.floor((holder.clientWidth - 8) / COLUMN)));
    const left = all.some((place) => place.line > 0) ? 24 : 2; /* for edges to the next line */
    const wide = Math.max(...all.map((place) => place.x)) + BOX_WIDE + 2 * left;
    const high = Math.max(...all.map((place) => place.y)) + BOX_HIGH + 12;
    if (serials.length > 1)
      holder.insertAdjacentHTML("beforeend", `<h3>${escapeText(data.stages[indices[0]].pipeline)
      }</h3>`);
    const root = document.createElementNS(SVG, "svg");
    for (const [key, value] of Object.entries({width: wide, height: high, role: "img",
                                               viewBox: `${-left} 0 ${wide} ${high}`,
                                               "aria-label": "the pipeline's stages"}))
      root.setAttribute(key, value);
    const marker = svg(svg(root, "defs", {}), "marker", {
      id: "arrow", viewBox: "0 0 8 8", refX: 1, refY: 4, markerWidth: 7, markerHeight: 7,
      orient: "auto"});
    svg(marker, "path", {d: "M0,0 L8,4 L0,8 z", fill: "var(--faint)"});
    for (const i of indices)
      for (const before of data.stages[i].after)
        drawEdge(root, places.get(before), places.get(i));
    for (const i of indices)
      drawStage(root, data, i, places.get(i), allBusy);
    holder.appendChild(root);
  }
}
