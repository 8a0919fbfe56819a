// This script computes the statistics: the slowest polls, the longest waits between a wake and its
// poll, the busiest units, and the parts of the loop's time.

const STATS_MAX = 8; // The number of rows of each list.
const SLOW_POLL_NS = 10e6; // The page announces a poll of at least this time.

/** Returns the indices of the `max` largest values above zero, the largest first. */
function largest(count, figure, max) {
  const best = [];
  for (let i = 0; i < count; i++) {
    const value = figure(i);
    if (!(value > 0) || (best.length === max && value <= best[max - 1].value)) continue;
    let at = best.length;
    while (at > 0 && best[at - 1].value < value) at--;
    best.splice(at, 0, { index: i, value });
    if (best.length > max) best.pop();
  }
  return best;
}

function statistics(model) {
  const { polls, wakes, units } = model;
  const queued = (wake) => {
    const poll = wakes.poll[wake];
    return poll < 0 ? 0 : polls.begin[poll] - wakes.time[wake];
  };
  const duration = model.end - model.start;
  return {
    duration,
    busy: model.busy,
    parked: model.parkedTime,
    other: Math.max(0, duration - model.busy - model.parkedTime),
    slowest: largest(polls.unit.length, (poll) => polls.end[poll] - polls.begin[poll], STATS_MAX),
    waits: largest(wakes.unit.length, queued, STATS_MAX),
    busiest: largest(units.length, (unit) => units[unit].busy, STATS_MAX),
  };
}

/** Makes an element with text. Names from a record reach the page through `textContent` alone. */
function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Makes a place that may wrap after each slash, so that the line number stays beside its file. */
function placeElement(place) {
  const made = element("span", "row-place");
  for (const part of place.split(/(?<=\/)/)) made.append(part, element("wbr"));
  return made;
}

/** Makes a list of rows. A click on a row shows its item. */
function statsList(title, rows) {
  const section = element("section", "stats-list");
  section.append(element("h3", "", title));
  const list = element("ol");
  for (const { value, name, place, go } of rows) {
    const button = element("button", "row");
    button.type = "button";
    button.append(element("span", "row-name", name), element("span", "row-value", value));
    if (place) button.append(placeElement(place));
    button.addEventListener("click", go);
    const item = element("li");
    item.append(button);
    list.append(item);
  }
  section.append(rows.length > 0 ? list : element("p", "quiet", "This record has none."));
  return section;
}

/** Shows the parts of the loop's time as a bar, with the figures below. */
function timeShares(stats) {
  const section = element("section", "stats-list");
  section.append(element("h3", "", "Time of the loop"));
  const parts = [
    ["busy", "In polls", stats.busy],
    ["parked", "Parked", stats.parked],
    ["other", "In the loop itself", stats.other],
  ];
  const bar = element("div", "shares");
  const list = element("dl", "share-list");
  for (const [className, name, time] of parts) {
    const share = time / stats.duration;
    const part = element("span", `share ${className}`);
    part.style.flexGrow = String(share);
    bar.append(part);
    const term = element("dt", "", name);
    term.prepend(element("span", `swatch ${className}`));
    list.append(term, element("dd", "", `${formatTime(time)} · ${(share * 100).toFixed(1)} %`));
  }
  bar.setAttribute("aria-hidden", "true");
  section.append(bar, list);
  return section;
}

/** Fills the panel of statistics. `go` shows a poll or a unit. */
function showStatistics(panel, model, stats, go) {
  const { polls, wakes, units } = model;
  panel.replaceChildren(
    timeShares(stats),
    statsList(
      "Slowest polls",
      stats.slowest.map(({ index, value }) => ({
        value: formatTime(value),
        name: unitName(model, polls.unit[index]),
        place: units[polls.unit[index]].place,
        go: () => go({ kind: "poll", index }),
      })),
    ),
    statsList(
      "Longest waits between wake and poll",
      stats.waits.map(({ index, value }) => ({
        value: formatTime(value),
        name: unitName(model, wakes.unit[index]),
        place: `woken by ${causePhrase(model, wakes.cause[index], wakes.source[index])}`,
        go: () => go({ kind: "poll", index: wakes.poll[index] }),
      })),
    ),
    statsList(
      "Busiest units",
      stats.busiest.map(({ index, value }) => ({
        value: formatTime(value),
        name: unitName(model, index),
        place: `${units[index].place ? `${units[index].place} · ` : ""}${plural(units[index].polls.length, "poll")}`,
        go: () => go({ kind: "unit", index }),
      })),
    ),
  );
}

/** Returns the text at the top of the page, if a poll held the loop for long. */
function slowPollText(model, stats) {
  const [slowest] = stats.slowest;
  if (!slowest || slowest.value < SLOW_POLL_NS) return "";
  const unit = model.polls.unit[slowest.index];
  const { place } = model.units[unit];
  const taken = model.polls.taken[slowest.index];
  const name =
    taken > 0
      ? `The handling of event ${EVENT_WORDS[taken] ?? "of an unknown kind"} of ${lowerFirst(unitPhrase(model, unit))}`
      : unitPhrase(model, unit);
  return `${name} held the loop for ${formatTime(slowest.value)}${place ? `; spawned at ${place}` : ""}`;
}
