/* SPDX-License-Identifier: MIT */
/* What is shown of the time: zoom, pan, hovering; and putting all together. */
const failures = [];
window.addEventListener("error", (event) => {
  failures.push(event.message);
  document.documentElement.dataset.errors = failures.join("; ");
});

const PAPER = {ink: "#000", faint: "#444", panel: "#f6f8fa", sleep: "#c9d1d9", warn: "#b3261e"};
const PAPER_WIDE = 720;
let printing = false;

function readTheme() {
  if (printing)
    return PAPER;
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(Object.keys(PAPER).map(
    (name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function makePanel(id, height, draw, tell) {
  const canvas = document.getElementById(id);
  canvas.tabIndex = 0;
  return {canvas, context: canvas.getContext("2d"), height, draw, tell, width: 0, theme: PAPER};
}

/* Fits the canvas to the page, in the pixels of the screen, and draws it. */
function redrawPanel(panel, data, view, theme) {
  /* On paper the page is laid out anew after this; what is drawn is scaled to its width. */
  const ratio = printing ? 3 : window.devicePixelRatio || 1;
  panel.theme = theme;
  panel.width = printing ? PAPER_WIDE
    : Math.max(LABEL + 100, panel.canvas.parentElement.clientWidth);
  panel.canvas.style.height = `${panel.height}px`;
  panel.canvas.width = Math.round(panel.width * ratio);
  panel.canvas.height = Math.round(panel.height * ratio);
  panel.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  panel.context.font = "12px system-ui, 'DejaVu Sans', sans-serif";
  panel.draw(data, panel, view);
}

function showLegend(data) {
  const stripes = (path) =>
    `<path d="${path}" stroke="#fff" stroke-opacity=".6" stroke-width="2"/>`;
  const sample = (fill, stage) =>
    `<svg width="14" height="14"><rect width="14" height="14" fill="${fill}"/>` +
    (upright(stage) ? stripes("M2,0V14M7,0V14M12,0V14") : "") +
    (lying(stage) ? stripes("M0,2H14M0,7H14M0,12H14") : "") + "</svg>";
  document.getElementById("legend").innerHTML = data.stages.map((_, i) =>
    `<span>${sample(colour(i), i)}${escapeText(stageName(data, i))}</span>`).join("") +
    `<span>${sample("var(--sleep)", 0)}asleep</span>` +
    `<span>${sample("var(--panel)", 0)}${showBlank(data)}</span>`;
}

const counted = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

function showSummary(data) {
  if (data.title)
    document.title = document.querySelector("h1").textContent = data.title;
  const spans = data.lanes.reduce((sum, lane) => sum + lane.count, 0);
  document.getElementById("summary").textContent =
    `${showTime(data.length)} ${data.virtual ? "of virtual time" : "recorded"}: ` +
    `${counted(data.workers - data.helpers, "worker")}, ` +
    (data.helpers ? `places for ${counted(data.helpers, "helper")}, ` : "") +
    (data.merged ? "" : `${spans} seats and sleeps, `) +
    `${counted(data.ticks.length, "decision")}, ` +
    `${counted(data.cuts.length, "change")} of division` +
    (data.stalls.length ? `, ${counted(data.stalls.length, "stall")}` : "") + "." +
    (data.merged ? ` There are so many seats that a worker's seats in a stage are added up over ` +
                   `${showTime(data.merged)}.` : "") +
    (data.layout.each > 1 ? ` A lane is for ${data.layout.each} workers.` : "");
}

/* A view cannot leave the recording, nor become narrower than a microsecond. */
function clampView(view, length) {
  const span = Math.min(length, Math.max(1000, view.to - view.from));
  view.from = Math.max(view.begin, Math.min(length - span, view.from));
  view.to = Math.min(length, view.from + span);
}

function start() {
  const begun = performance.now(), data = load();
  data.bands = splitByStage(data, data.loads, ["backlog", "shards", "service"]);
  data.ticks = groupDecisions(data);
  data.layout = layLanes(data);
  /* The rings may hold no more than the end of the recording. */
  const firsts = data.lanes.filter((lane) => lane.count).map((lane) => lane.from[0]);
  const begin = firsts.length ? Math.min(...firsts) : 0;
  const first = begin > 0.02 * data.length ? begin : 0;
  const view = {begin: first, from: first, to: data.length};
  const panels = [
    makePanel("axis", AXIS, drawAxis, () => null),
    makePanel("lanes", data.layout.lanes * data.layout.step, drawLanes, tellLane),
    makePanel("decisions", DECISIONS, drawDecisions, tellDecision),
    makePanel("bands", data.stages.length * (BAND + GAP), drawBands, tellBand),
  ];
  const tip = document.getElementById("tip");
  let waiting = false;

  function redraw() {
    waiting = false;
    clampView(view, data.length);
    const theme = readTheme();
    for (const panel of panels)
      redrawPanel(panel, data, view, theme);
    document.getElementById("range").textContent =
      `${showTime(view.from)} to ${showTime(view.to)} (${showTime(view.to - view.from)})`;
    document.documentElement.dataset.from = view.from;
    document.documentElement.dataset.to = view.to;
  }
  function soon() {
    if (!waiting)
      requestAnimationFrame(redraw);
    waiting = true;
  }
  function zoom(factor, at) {
    view.from = at - (at - view.from) * factor;
    view.to = at + (view.to - at) * factor;
    if (view.to - view.from < 1000)
      view.from = at - 500, view.to = at + 500;
    soon();
  }
  function pan(part) {
    const span = view.to - view.from;
    view.from += part * span;
    view.to = view.from + span;
    soon();
  }
  function everything() {
    view.from = view.begin;
    view.to = data.length;
    soon();
  }
  const middle = () => (view.from + view.to) / 2;
  const actions = {
    in: () => zoom(0.5, middle()), out: () => zoom(2, middle()), left: () => pan(-0.3),
    right: () => pan(0.3), all: everything,
  };
  for (const [id, action] of Object.entries(actions))
    document.getElementById(id).addEventListener("click", action);
  const keys = {"+": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", 0: "all"};
  document.addEventListener("keydown", (event) => {
    if (keys[event.key] && !event.ctrlKey && !event.metaKey)
      actions[keys[event.key]]();
  });

  for (const panel of panels) {
    let held = null;
    const timeAt = (event) => {
      const x = event.clientX - panel.canvas.getBoundingClientRect().left;
      return view.from + (x - LABEL) * (view.to - view.from) / (panel.width - LABEL);
    };
    panel.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY))
        pan(event.deltaX / panel.width);
      else
        zoom(Math.exp(event.deltaY * 0.002), timeAt(event));
    }, {passive: false});
    panel.canvas.addEventListener("pointerdown", (event) => {
      held = {x: event.clientX, from: view.from};
      panel.canvas.setPointerCapture(event.pointerId);
    });
    panel.canvas.addEventListener("pointerup", () => {
      held = null;
    });
    panel.canvas.addEventListener("pointerleave", () => {
      tip.hidden = true;
    });
    panel.canvas.addEventListener("pointermove", (event) => {
      if (held) {
        const span = view.to - view.from;
        view.from = held.from - (event.clientX - held.x) * span / (panel.width - LABEL);
        view.to = view.from + span;
        soon();
        return;
      }
      const box = panel.canvas.getBoundingClientRect();
      const text = panel.tell(data, view, panel, event.clientX - box.left, event.clientY - box.top);
      tip.hidden = text === null;
      tip.innerHTML = text || "";
      tip.style.left = `${Math.max(0, Math.min(event.clientX + 14,
                                              window.innerWidth - tip.offsetWidth - 8))}px`;
      tip.style.top = `${event.clientY + 16 + tip.offsetHeight > window.innerHeight
        ? event.clientY - tip.offsetHeight - 10 : event.clientY + 16}px`;
    });
  }
  window.addEventListener("resize", soon);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", soon);
  for (const name of ["beforeprint", "afterprint"])
    window.addEventListener(name, () => {
      printing = name === "beforeprint";
      redraw();
    });

  showSummary(data);
  showLegend(data);
  drawGraph(data);
  redraw();
  document.documentElement.dataset.ready = Math.round(performance.now() - begun);
}

start();
