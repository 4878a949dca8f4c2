/* SPDX-License-Identifier: MIT */
/* The recording: what the library wrote, as typed arrays. Times are nanoseconds from its begin. */
const TYPES = {
  from: Float64Array, length: Float32Array, stage: Uint16Array, events: Uint16Array,
  shards: Uint16Array, backlog: Float32Array, service: Float32Array, cost: Float32Array,
  rate: Float32Array, widths: Float32Array, workers: Uint16Array,
};
const NO_STAGE = 0xffff;

function unpack(table) {
  const result = {count: table.count};
  for (const [name, text] of Object.entries(table)) {
    if (name === "count")
      continue;
    const letters = atob(text), bytes = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i++)
      bytes[i] = letters.charCodeAt(i);
    result[name] = new TYPES[name](bytes.buffer);
  }
  return result;
}

function load() {
  const data = JSON.parse(document.getElementById("data").textContent);
  data.lanes = data.lanes.map(unpack);
  data.loads = {...unpack(data.services), ...unpack(data.loads)};
  data.decisions = {...unpack(data.rates), ...unpack(data.decisions)};
  return data;
}

/*
 * Okabe's and Ito's colours, which colour-blind people tell apart; from the eighth stage on with
 * upright stripes, then lying ones, then both.
 */
const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a900"];
const colour = (stage) => PALETTE[stage % PALETTE.length];
const inkOn = (stage) => stage % PALETTE.length === 0 ? "#fff" : "#000";
const pattern = (stage) => Math.floor(stage / PALETTE.length) % 4;
const upright = (stage) => (pattern(stage) & 1) !== 0, lying = (stage) => (pattern(stage) & 2) !== 0;

/* The first index from which on array[i] >= value. */
function lowerBound(array, value) {
  let low = 0, high = array.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (array[middle] < value)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

function showTime(ns) {
  const size = Math.abs(ns);
  if (size >= 1e9)
    return (ns / 1e9).toFixed(3) + " s";
  if (size >= 1e6)
    return (ns / 1e6).toFixed(3) + " ms";
  if (size >= 1e3)
    return (ns / 1e3).toFixed(2) + " µs";
  return ns.toFixed(0) + " ns";
}

/* A time without the zeros at its end. */
function showRound(ns) {
  const [number, unit] = showTime(ns).split(" ");
  return `${Number(number)} ${unit}`;
}

function showCount(n) {
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]])
    if (n >= 10 * size || (n >= size && unit !== "k"))
      return (n / size).toFixed(n >= 100 * size ? 0 : 1) + " " + unit;
  return n < 10 && n % 1 ? n.toFixed(2) : n.toFixed(0);
}

const escapeText = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/* A stage's name, with its pipeline's where there are several. */
function stageName(data, index) {
  const stage = data.stages[index];
  if (!stage)
    return "?";
  const several = data.stages.some((other) => other.serial !== stage.serial);
  return several ? `${stage.pipeline} ${stage.serial}: ${stage.name}` : stage.name;
}
