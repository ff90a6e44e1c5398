// A run as a timeline: the Trace Event Format of Chrome's about:tracing, which Perfetto reads. The host's lanes show
// what the program did, the GPU's every launch. The two clocks share no origin, so the GPU's is placed by what must be
// so: nothing began before it was sent or ended after the host heard of it.
import type { HostSpan, ProfileObserver, SubmitTime } from "../gpu/profiler.ts";

/** A viewer takes these, 100 bytes each; what comes later is counted and left out. */
const MOST_LAUNCHES = 300_000;

const HOST = 1,
  GPU = 2;
/** Lanes of the host, from the top. A span lies in the lane of its kind, or in the first. */
const LANES: readonly { readonly name: string; readonly kinds: readonly string[] }[] = [
  { name: "program", kinds: [] },
  { name: "host", kinds: ["compile", "record", "submit"] },
  { name: "waiting for the GPU", kinds: ["read"] },
];
/** Lanes are so far apart that those which overlapping spans need find room between. */
const LANE_ROOM = 100;

export class Trace implements ProfileObserver {
  private readonly spans: HostSpan[] = [];
  private readonly submits: SubmitTime[] = [];
  private readonly timed: boolean;
  private readonly adapter: string;
  /** Launches in it, and launches left out. */
  launches = 0;
  leftOut = 0;

  /** `timed`: launches have times of their own (Profiler.timed). */
  constructor(adapter: string, timed: boolean) {
    this.adapter = adapter;
    this.timed = timed;
  }

  span(span: HostSpan): void {
    if (this.leftOut === 0) this.spans.push(span);
  }

  submit(submit: SubmitTime): void {
    const { length } = submit.launches;
    if (this.leftOut > 0 || this.launches + length > MOST_LAUNCHES) {
      this.leftOut += length;
      return;
    }
    this.launches += length;
    this.submits.push(submit);
  }

  /** The file, in pieces. */
  *text(): Generator<string> {
    yield `{"displayTimeUnit":"ms","otherData":${JSON.stringify({ adapter: this.adapter })},"traceEvents":[\n`;
    let separator = "";
    for (const event of this.events()) {
      yield separator + JSON.stringify(event);
      separator = ",\n";
    }
    yield "\n]}\n";
  }

  private *events(): Generator<TraceEvent> {
    yield named("process_name", HOST, 0, "host");
    yield named("process_name", GPU, 0, `GPU: ${this.adapter}`);
    const origin = this.spans.reduce((least, { begin }) => Math.min(least, begin), this.submits[0]?.sent ?? 0);
    for (const [number, lane] of LANES.entries()) {
      const spans = this.spans.filter(({ kind }) => laneOf(kind) === number);
      const places = spans.map(({ kind, name, begin, end }) => ({ cat: kind, name, begin, end }));
      yield* lanes(HOST, number * LANE_ROOM, lane.name, places, origin);
    }
    yield* lanes(GPU, 0, this.timed ? "launches" : "submits under way", this.onGpu(), origin);
  }

  /** In milliseconds of the host's clock. */
  private onGpu(): Place[] {
    if (!this.timed)
      return this.submits.map(({ launches, sent, done }) => {
        return { cat: "submit", name: `${launches.length} launches`, begin: sent, end: done };
      });
    const offset = clockOffset(this.submits);
    return this.submits.flatMap(({ launches }) =>
      launches.map(({ name, begin, end }) => {
        return { cat: "launch", name, begin: begin / 1e6 + offset, end: end / 1e6 + offset };
      }),
    );
  }
}

/**
 * Milliseconds from the GPU's clock to the host's: the least that lets nothing begin before it was sent, which is right
 * when some submit found the GPU idle.
 * @internal
 */
export function clockOffset(submits: readonly SubmitTime[]): number {
  let offset = -Infinity;
  for (const { launches, sent } of submits) {
    if (launches.length > 0) offset = Math.max(offset, sent - launches[0].begin / 1e6);
  }
  return offset;
}

interface Place {
  readonly cat: string;
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

interface TraceEvent {
  readonly ph: "M" | "X";
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly cat?: string;
  /** Microseconds. */
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

const named = (what: string, pid: number, tid: number, name: string): TraceEvent => {
  return { ph: "M", name: what, pid, tid, args: { name } };
};

const laneOf = (kind: string): number =>
  Math.max(
    0,
    LANES.findIndex(({ kinds }) => kinds.includes(kind)),
  );

/** Events in a lane must lie beside or within each other: what overlaps otherwise goes to a lane below. */
function* lanes(
  pid: number,
  first: number,
  name: string,
  places: readonly Place[],
  origin: number,
): Generator<TraceEvent> {
  /** Of each lane: until when the spans last, that are open in it. */
  const open: number[][] = [];
  const inOrder = [...places].sort((a, b) => a.begin - b.begin || b.end - a.end);
  for (const { cat, name: what, begin, end } of inOrder) {
    let lane = 0;
    for (; lane < open.length; lane++) {
      const ends = open[lane];
      while (ends.length > 0 && ends.at(-1)! <= begin) ends.pop();
      if (ends.length === 0 || ends.at(-1)! >= end) break;
    }
    if (lane === open.length) {
      open.push([]);
      yield named("thread_name", pid, first + lane, lane === 0 ? name : `${name} (${lane + 1})`);
      yield { ph: "M", name: "thread_sort_index", pid, tid: first + lane, args: { sort_index: first + lane } };
    }
    open[lane].push(end);
    const micro = (ms: number): number => Math.round(1e6 * ms) / 1e3;
    yield { ph: "X", cat, name: what, pid, tid: first + lane, ts: micro(begin - origin), dur: micro(end - begin) };
  }
}
