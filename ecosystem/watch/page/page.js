// Sets up the page: it reads the record, shows the two modes, and stores the position in the URL's
// hash.

const $ = (id) => document.getElementById(id);

const HASH_MS = 300; // Browsers limit the rate of changes of the hash.

/** Shows the facts below the title. */
function showFacts(model) {
  const { record, turns, polls, units, parks } = model;
  const facts = [
    formatTime(model.end - model.start),
    plural(record.count, "event"),
    plural(turns.time.length, "turn"),
    plural(polls.unit.length, "poll"),
    plural(units.length, "unit"),
    plural(parks.begin.length, "park"),
  ];
  const version = record.meta.get("oneloop");
  if (version) facts.push(`oneloop ${version}`);
  const pid = record.meta.get("pid");
  if (pid) facts.push(`process ${pid}`);
  $("facts").textContent = facts.join(" · ");
}

/** Shows the defects of the record above its figures. */
function showWarnings(record) {
  const texts = [];
  if (record.overwritten) {
    texts.push(
      "The ring was full, and new events have overwritten the oldest. Their content is unknown.",
    );
  }
  if (record.damaged)
    texts.push("The record is cut off or damaged. The page shows the entries before that place.");
  if (record.skipped > 0)
    texts.push(
      `The page skipped ${plural(record.skipped, "entry")} of an unknown kind.`.replace(
        "entrys",
        "entries",
      ),
    );
  $("warnings").hidden = texts.length === 0;
  $("warnings").textContent = texts.join(" ");
}

function showError(text) {
  $("error").hidden = false;
  $("error").textContent = text;
  $("main").hidden = true;
  $("modes").hidden = true;
}

/** Describes the item under the pointer in the panel, or else the selected item. */
function showWords(page, item) {
  const { model, timeline } = page;
  const shown = item?.kind === "head" ? null : item || timeline.selected;
  const { title, lines, event } = shown
    ? wordsOf(model, shown)
    : { title: "", lines: [], event: -1 };
  $("item-kind").textContent = item
    ? "Under the pointer"
    : timeline.selected
      ? "Selected"
      : "Nothing selected";
  $("item-title").textContent = title || "Point at a bar, or click it";
  $("item-lines").replaceChildren(...lines.map((line) => element("p", "", line)));
  const selected = !item && timeline.selected;
  $("item-study").hidden = !selected || event < 0;
  $("item-only").hidden = !selected || unitOfItem(model, selected) < 0;
  $("item-only").textContent =
    timeline.options.only >= 0 ? "Show all lanes" : "Show related lanes only";
  page.studyEvent = event;
}

function unitOfItem(model, item) {
  if (item.kind === "poll") return model.polls.unit[item.index];
  if (item.kind === "timer") return model.timers[item.index].unit;
  return item.kind === "unit" ? item.index : -1;
}

function showMode(page, mode) {
  page.mode = mode;
  for (const name of ["timeline", "study"]) {
    $(name).hidden = name !== mode;
    $(`mode-${name}`).setAttribute("aria-pressed", String(name === mode));
  }
  if (mode === "timeline") resizeTimeline(page.timeline);
  else stepTo(page.study, Math.max(0, page.study.event));
  noteHash(page);
}

/** Writes the mode and the position into the URL, `HASH_MS` after the last change. */
function noteHash(page) {
  clearTimeout(page.hashTimer);
  page.hashTimer = setTimeout(() => {
    const { view, selected } = page.timeline;
    const parts = new URLSearchParams({ mode: page.mode });
    if (page.mode === "study") parts.set("event", String(page.study.event));
    else {
      parts.set("from", view.from.toFixed(0));
      parts.set("to", view.to.toFixed(0));
      if (selected && selected.kind !== "head") parts.set(selected.kind, String(selected.index));
    }
    page.hash = `#${parts}`;
    history.replaceState(null, "", page.hash);
  }, HASH_MS);
}

/** Moves to the position in the URL's hash. Numbers out of range are ignored. */
function followHash(page) {
  const parts = new URLSearchParams(location.hash.slice(1));
  const number = (name) => (parts.has(name) ? Number(parts.get(name)) : Number.NaN);
  const { view } = page.timeline;
  if (number("to") > number("from")) view.show(number("from"), number("to"));
  const { polls, units, sockets, timers, parks } = page.model;
  const counts = {
    poll: polls.unit,
    unit: units,
    socket: sockets,
    timer: timers,
    park: parks.begin,
  };
  for (const [kind, list] of Object.entries(counts)) {
    const index = number(kind);
    if (!(index >= 0 && index < list.length && Number.isInteger(index))) continue;
    const item = { kind, index };
    scrollToItem(page.timeline, item);
    selectItem(page.timeline, item);
  }
  if (Number.isInteger(number("event"))) page.study.event = number("event");
  showMode(page, parts.get("mode") === "study" ? "study" : "timeline");
}

function listenToTimeline(page) {
  const { timeline } = page;
  const show = (item) => {
    showMode(page, "timeline");
    goTo(timeline, item);
  };
  listenToPointer(timeline);
  timeline.onHover = (item) => showWords(page, item);
  timeline.onSelect = () => showWords(page, null);
  timeline.onChange = () => noteHash(page);
  timeline.scroller.addEventListener("keydown", (event) => {
    if (timelineKey(timeline, event)) event.preventDefault();
  });
  new ResizeObserver(() => page.mode === "timeline" && resizeTimeline(timeline)).observe(
    timeline.scroller,
  );
  $("order").addEventListener("change", () => {
    timeline.options.order = $("order").value;
    arrangeLanes(timeline);
  });
  for (const [id, key] of [
    ["zoom-in", "+"],
    ["zoom-out", "-"],
    ["zoom-all", "0"],
  ]) {
    $(id).addEventListener("click", () => timelineKey(timeline, { key }));
  }
  $("item-study").addEventListener("click", () => {
    page.study.event = page.studyEvent;
    showMode(page, "study");
  });
  $("item-only").addEventListener("click", () => {
    const { options, selected } = timeline;
    options.only = options.only >= 0 ? -1 : unitOfItem(page.model, selected);
    arrangeLanes(timeline);
    scrollToItem(timeline, selected);
    showWords(page, null);
  });
  listenToSearch(page.model, $("search"), $("hits"), show);
  showStatistics($("statistics"), page.model, page.stats, show);
  showSlowPoll(page, show);
}

function showSlowPoll(page, show) {
  const text = slowPollText(page.model, page.stats);
  $("slow").hidden = !text;
  $("slow-text").textContent = text;
  $("slow-go").addEventListener("click", () =>
    show({ kind: "poll", index: page.stats.slowest[0].index }),
  );
}

function listenToStudy(page) {
  const { study, model } = page;
  const steps = {
    "step-turn-back": () => turnFrom(model, study.event, -1),
    "step-back": () => study.event - 1,
    "step-forward": () => study.event + 1,
    "step-turn": () => turnFrom(model, study.event, 1),
  };
  for (const [id, target] of Object.entries(steps)) {
    $(id).addEventListener("click", () => stepTo(study, target()));
  }
  study.elements.slider.addEventListener("input", () =>
    stepTo(study, Number(study.elements.slider.value)),
  );
  study.onChange = () => noteHash(page);
}

/** Keys work for the visible mode, unless a field or a button takes them. */
function listenToKeys(page) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    const { target } = event;
    const inField = target instanceof HTMLElement && target.matches("input, select, textarea");
    if (event.key === "/" && !inField) {
      showMode(page, "timeline");
      $("search").focus();
      event.preventDefault();
      return;
    }
    if (inField) return;
    const taken =
      page.mode === "study" ? studyKey(page.study, event) : timelineKey(page.timeline, event);
    if (taken) event.preventDefault();
  });
}

function listenToModes(page) {
  for (const mode of ["timeline", "study"]) {
    $(`mode-${mode}`).addEventListener("click", () => showMode(page, mode));
  }
}

function listenToColors(timeline) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    timeline.colors = readColors();
    redraw(timeline);
  });
}

function readPageRecord() {
  const text = $("record").textContent.trim();
  if (!text) return { error: "The page contains no record." };
  try {
    return decodeRecord(bytesOfBase64(text));
  } catch {
    return { error: "The record in this page is damaged, because its text is not base64." };
  }
}

/** Exposes a few figures for tests. */
function expose(page, loadMs) {
  const { model, timeline, study, stats } = page;
  window.oneloop = {
    loadMs,
    counts: {
      events: model.record.count,
      units: model.units.length,
      polls: model.polls.unit.length,
      wakes: model.wakes.unit.length,
      turns: model.turns.time.length,
      parks: model.parks.begin.length,
      timers: model.timers.length,
      sockets: model.sockets.length,
    },
    slowest: stats.slowest.map(({ index, value }) => ({
      name: unitName(model, model.polls.unit[index]),
      ns: value,
    })),
    step: () => study.event,
    stepTo: (event) => stepTo(study, event),
    state: () => stateText(study),
    view: () => ({ from: timeline.view.from, to: timeline.view.to, top: timeline.top }),
    selected: () => timeline.selected && wordsOf(model, timeline.selected).title,
    lanes: () => timeline.lanes.rows.length,
    draw: () => {
      drawTimeline(timeline);
      return timeline.drawMs;
    },
    drawMs: () => timeline.drawMs,
  };
}

function openPage() {
  const begin = performance.now();
  const record = readPageRecord();
  if (record.error) return showError(record.error);
  showWarnings(record);
  if (record.count === 0)
    return showError(
      "The record has no events, because the loop did nothing while it was recorded.",
    );
  const model = buildModel(record);
  const page = { model, stats: statistics(model), mode: "timeline", studyEvent: -1 };
  showFacts(model);
  page.timeline = makeTimeline(model, $("scroller"), $("canvas"), $("spacer"));
  page.study = makeStudy(model, {
    boxes: $("boxes"),
    slider: $("slider"),
    position: $("position"),
    sentence: $("sentence"),
    source: $("source"),
    steps: $("steps"),
  });
  arrangeLanes(page.timeline);
  listenToTimeline(page);
  listenToStudy(page);
  listenToModes(page);
  listenToKeys(page);
  listenToColors(page.timeline);
  showWords(page, null);
  followHash(page);
  window.addEventListener("hashchange", () => location.hash !== page.hash && followHash(page));
  drawTimeline(page.timeline);
  expose(page, performance.now() - begin);
}

openPage();
