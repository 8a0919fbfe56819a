// A view is the part of the record that the timeline shows: a range of time on the x axis.

class View {
  constructor(start, end) {
    this.start = start;
    this.end = end;
    this.from = start;
    this.to = end;
    this.left = 0; // The width of the labels, in pixels.
    this.width = 1; // The width of the time range, in pixels.
  }

  get span() {
    return this.to - this.from;
  }

  get nsPerPixel() {
    return this.span / this.width;
  }

  x(time) {
    return this.left + ((time - this.from) / this.span) * this.width;
  }

  time(x) {
    return this.from + ((x - this.left) / this.width) * this.span;
  }

  /** Shows this range, moved and cut so that the record contains it. */
  show(from, to) {
    const whole = this.end - this.start;
    const span = Math.min(Math.max(to - from, Math.min(50, whole)), whole);
    const margin = span < whole ? span * 0.02 : 0;
    const first = this.start - margin;
    const last = this.end + margin - span;
    this.from = Math.min(Math.max((from + to) / 2 - span / 2, first), Math.max(first, last));
    this.to = this.from + span;
  }

  /** Zooms by `factor` (above 1: into the record), and keeps the time at `x` in place. */
  zoom(factor, x = this.left + this.width / 2) {
    const time = this.time(x);
    const span = this.span / factor;
    const part = (time - this.from) / this.span;
    this.show(time - part * span, time + (1 - part) * span);
  }

  pan(ns) {
    this.show(this.from + ns, this.to + ns);
  }
}

/** Returns the distance of the ticks of an axis: 1, 2 or 5 times a power of ten. */
function tickStep(span, ticks) {
  const rough = span / Math.max(1, ticks);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((digit) => digit * power >= rough) || 10;
  return Math.max(1, factor * power);
}
