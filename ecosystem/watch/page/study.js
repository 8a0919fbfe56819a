// Study mode shows the four boxes of the loop, their content after an event, and the steps.

const ENTRIES_MAX = 40; // The number of entries that a box shows.
const STEPS_MAX = 200; // The number of events that the list of a turn shows.

const BOXES = [
  { title: "drain inbox", file: "inbox.rs", what: "messages of other threads, taken in this turn" },
  { title: "run ready tasks", file: "tasks.rs", what: "the ready queue, in order" },
  { title: "fire due timers", file: "wheel.rs", what: "the timer wheel" },
  {
    title: "poll driver",
    file: "driver/, reactor.rs",
    what: "sockets: cached readiness and waiters",
  },
];

function makeStudy(model, elements) {
  const study = {
    model,
    elements,
    replay: makeReplay(model),
    event: -1,
    boxes: BOXES.map(makeBox),
    onChange: () => {},
  };
  const flow = [];
  study.boxes.forEach((box, i) => {
    if (i > 0) {
      const arrow = element("span", "flow-arrow");
      arrow.setAttribute("aria-hidden", "true");
      flow.push(arrow);
    }
    flow.push(box.root);
  });
  elements.boxes.replaceChildren(...flow);
  elements.slider.max = String(Math.max(0, model.record.count - 1));
  return study;
}

function makeBox({ title, file, what }) {
  const root = element("section", "box");
  const head = element("header");
  head.append(element("h3", "", title), element("span", "badge", ""));
  const list = element("ol", "entries");
  const note = element("p", "quiet note");
  root.append(head, element("p", "box-file", file), element("p", "box-what", what), note, list);
  return { root, list, note, badge: head.lastChild };
}

/** Returns the first event of the turn after (`by` 1) or before (`by` -1) an event. */
function turnFrom(model, event, by) {
  const starts = model.turns.event;
  const next = lowerBound(starts, event + 1, (start) => start);
  if (by > 0) return starts[next] ?? model.record.count - 1;
  const begun = next - 1;
  const at = starts[begun] === event ? begun - 1 : begun;
  return starts[at] ?? 0;
}

function stepTo(study, event) {
  const { record } = study.model;
  study.event = Math.max(0, Math.min(event, record.count - 1));
  seek(study.replay, study.event);
  showStudy(study);
  study.onChange();
}

/** Returns the state as text, for tests. Equal states have equal texts. */
function stateText({ replay }) {
  const { state } = replay;
  const flat = {
    ...state,
    queue: [...state.queue],
    timers: [...state.timers],
    sockets: [...state.sockets],
    waits: [...state.waits],
  };
  flat.timers.sort(([a], [b]) => a - b);
  flat.sockets.sort(([a], [b]) => a - b);
  flat.waits.sort(([a], [b]) => a - b);
  return JSON.stringify(flat);
}

const STUDY_KEYS = {
  ArrowRight: (study) => stepTo(study, study.event + 1),
  ArrowLeft: (study) => stepTo(study, study.event - 1),
  ArrowDown: (study) => stepTo(study, turnFrom(study.model, study.event, 1)),
  ArrowUp: (study) => stepTo(study, turnFrom(study.model, study.event, -1)),
  Home: (study) => stepTo(study, 0),
  End: (study) => stepTo(study, study.model.record.count - 1),
};

function studyKey(study, event) {
  const move = STUDY_KEYS[event.key];
  if (!move || event.ctrlKey || event.metaKey || event.altKey) return false;
  move(study);
  return true;
}

function showStudy(study) {
  const { elements, model, replay, event } = study;
  const { state } = replay;
  const { turns, record } = model;
  const turn =
    state.turn >= 0
      ? `Turn ${formatCount(turns.number[state.turn])}`
      : "Before the first turn of the record";
  elements.position.textContent = `${turn} · event ${formatCount(event + 1)} of ${formatCount(record.count)} · ${formatTime(record.time[event] - model.start)}`;
  elements.sentence.textContent = sentenceOf(replay, event);
  const [name, file] = readAt(replay, event);
  elements.source.replaceChildren(
    "Read ",
    element("code", "", name),
    " in ",
    element("code", "", file),
  );
  elements.slider.value = String(event);
  elements.slider.setAttribute("aria-valuetext", `${turn}, event ${event + 1}`);
  study.boxes.forEach((box, i) => {
    const active = i === state.box;
    box.root.classList.toggle("active", active);
    box.root.classList.toggle("changed", !active && i === state.changed);
    box.badge.textContent = active ? "now" : i === state.changed ? "changed" : "";
    if (active) box.root.setAttribute("aria-current", "step");
    else box.root.removeAttribute("aria-current");
  });
  const subject = subjectOf(replay, event);
  showInbox(study.boxes[0], model, state);
  showQueue(study.boxes[1], model, state, subject);
  showTimers(study.boxes[2], model, state, record.time[event], subject);
  showSockets(study.boxes[3], model, state, subject);
  showSteps(study);
}

/** Returns the unit, the socket and the timer of an event, or -1. The boxes mark them. */
function subjectOf(replay, event) {
  const { record } = replay.model;
  const kind = record.kind[event];
  const isSocket = kind >= KIND.Registered && kind <= KIND.WaitsForSocket;
  const isTimer = kind >= KIND.TimerSet && kind <= KIND.TimerDropped;
  const bySocket = kind === KIND.Woken && record.words.byte(record.at[event] + 1) === CAUSE.Socket;
  return {
    unit: isSocket || isTimer ? -1 : unitOfEvent(replay, event),
    socket: isSocket ? socketIndex(replay, event) : bySocket ? replay.lookups.source[event] : -1,
    timer: isTimer ? record.id[event] : -1,
  };
}

/** Fills a box with its first entries. A last line gives the number of the others. */
function fillBox(box, entries, count, empty, notes = []) {
  box.list.replaceChildren(...entries);
  const more = count - entries.length;
  const texts = [...notes];
  if (count === 0) texts.push(empty);
  box.note.textContent = texts.join(" ");
  if (more > 0) box.list.append(element("li", "quiet", `and ${formatCount(more)} more`));
}

function entry(name, detail, tag = "", isSubject = false) {
  const item = element("li", isSubject ? "entry subject" : "entry");
  if (tag) item.append(element("span", "tag", tag));
  item.append(element("span", "entry-name", name));
  if (detail) item.append(element("span", "entry-detail", detail));
  return item;
}

function showInbox(box, model, { inbox, turnKnown }) {
  const shown = inbox.slice(-ENTRIES_MAX).map(({ message, unit }) => {
    const word = { 1: "wake", 2: "call", 3: "stop" }[message] ?? "message";
    return entry(unit >= 0 ? unitName(model, unit) : "", "", word);
  });
  const notes = turnKnown ? [] : ["Messages from before the record are unknown."];
  fillBox(box, shown, inbox.length, "No message in this turn.", notes);
}

function showQueue(box, model, { queue, queueKnown, running }, subject) {
  const shown = [...queue].slice(0, ENTRIES_MAX).map((unit) => {
    return entry(unitName(model, unit), model.units[unit].place, "", unit === subject.unit);
  });
  const notes = queueKnown ? [] : ["Units that were queued before the record are unknown."];
  fillBox(box, shown, queue.size, "The ready queue is empty.", notes);
  if (running < 0) return;
  const item = entry(unitName(model, running), model.units[running].place, "running");
  item.classList.add("running");
  box.list.prepend(item);
}

function showTimers(box, model, { timers }, now, subject) {
  const due = ([, { deadline }]) => (Number.isNaN(deadline) ? Number.POSITIVE_INFINITY : deadline);
  const nearest = [...timers].sort((a, b) => due(a) - due(b));
  const shown = nearest.slice(0, ENTRIES_MAX).map(([key, { deadline, unit }]) => {
    const left = deadline - now;
    const when = Number.isNaN(deadline)
      ? "deadline unknown"
      : left === Number.POSITIVE_INFINITY
        ? "never"
        : left >= 0
          ? `in ${formatTime(left)}`
          : `due since ${formatTime(-left)}`;
    const waiter = unit >= 0 ? `${unitName(model, unit)} waits` : "waiter unknown";
    return entry(when, waiter, `timer ${key}`, key === subject.timer);
  });
  fillBox(box, shown, timers.size, "No timer is set.");
}

const READY_LETTERS = [
  [READY.Readable, "R"],
  [READY.Writable, "W"],
  [READY.ReadClosed, "read closed"],
  [READY.WriteClosed, "write closed"],
  [READY.Urgent, "urgent"],
];

/** Returns the letters R and W, each as ready, not ready or unknown, and the closed directions. */
function readyTags(bits, known) {
  const tags = element("span", "ready");
  for (const [bit, letter] of READY_LETTERS) {
    const isSet = (bits & bit) !== 0;
    if (bit > READY.Writable && !isSet) continue;
    const isKnown = (known & bit) !== 0;
    const [word, sign] = !isKnown ? ["unknown", "?"] : isSet ? ["yes", "✓"] : ["no", "–"];
    const tag = element(
      "span",
      `ready-${word}`,
      bit <= READY.Writable ? `${letter} ${sign}` : letter,
    );
    tag.title = isKnown
      ? readyText(isSet ? bit : 0)
      : "unknown: no event of the record has set it yet";
    tags.append(tag);
  }
  return tags;
}

function showSockets(box, model, { sockets, parked }, subject) {
  const rank = ([index, { waiters }]) =>
    index === subject.socket ? 0 : waiters.length > 0 ? 1 : 2;
  const ranked = [...sockets].sort((a, b) => rank(a) - rank(b) || a[0] - b[0]);
  const shown = ranked.slice(0, ENTRIES_MAX).map(([index, { bits, known, waiters }]) => {
    const names = waiters.map(
      ({ unit, wants }) => `${unitName(model, unit)} (${readyText(wants)})`,
    );
    const name = socketName(model.sockets[index]);
    const waiting = names.length > 0 ? `waits: ${names.join(", ")}` : "no waiter";
    const item = entry(name, waiting, "", index === subject.socket);
    item.classList.add("socket");
    item.firstChild.after(readyTags(bits, known));
    return item;
  });
  fillBox(
    box,
    shown,
    sockets.size,
    "No socket is registered.",
    parked ? ["The loop is parked here."] : [],
  );
}

/** Lists the events of this turn. The current one is marked, and a click on one steps to it. */
function showSteps(study) {
  const { elements, model, replay, event } = study;
  const first = replay.state.turn >= 0 ? model.turns.event[replay.state.turn] : 0;
  const end = model.turns.event[replay.state.turn + 1] ?? model.record.count;
  const from = Math.max(first, Math.min(event - STEPS_MAX / 2, end - STEPS_MAX));
  const to = Math.min(end, from + STEPS_MAX);
  const items = [];
  for (let at = from; at < to; at++) {
    const button = element("button", "step", sentenceOf(replay, at));
    button.type = "button";
    button.addEventListener("click", () => stepTo(study, at));
    const item = element("li");
    if (at === event) {
      item.className = "current";
      button.setAttribute("aria-current", "step");
    }
    item.append(button);
    items.push(item);
  }
  elements.steps.start = from - first + 1;
  elements.steps.replaceChildren(...items);
  const current = elements.steps.querySelector(".current");
  if (current) elements.steps.scrollTop = current.offsetTop - elements.steps.clientHeight / 2;
}
