import type { Registry, MetricObjectWithValues, MetricValue } from "prom-client";
import type { ReportUse } from "../stages/charge.ts";
import type { RequestStatus } from "../stages/ending.ts";

/** The specification's buckets of gateway_request_duration_seconds. */
const BUCKETS_S = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SIZE_BUCKETS = [128, 512, 1024, 4096, 16384, 65536, 262144, 1048576, 10485760];
/** Series per worker. What comes after goes to "other": labels come from what agents ask for. */
const SERIES_MAX = 2_000;
const OTHER = "other";

/** One finished request, as the metrics see it. */
export type RequestSample = {
  readonly server: string;
  readonly tool: string;
  readonly status: RequestStatus;
  readonly orgId: string;
  readonly teamId: string;
  readonly durationUs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly costUsdMicros: bigint;
};

type Histogram = { readonly counts: number[]; sum: number; count: number };
type Labels = Record<string, string>;

/** What is counted of one server's tool. */
type Route = {
  readonly labels: { readonly server: string; readonly tool: string };
  readonly requests: Map<RequestStatus, number>;
  readonly durations: Histogram;
};
type Cost = { readonly labels: Labels; micros: bigint };

/**
 * The specification's `gateway_*` metrics. Counted in plain objects and turned into prom-client's form only when
 * someone scrapes: prom-client hashes the labels at every increment, which a call should not pay for.
 */
export class CallMetrics {
  // Maps in maps: a joined key would be built and hashed anew for every call.
  /** By server, by tool. */
  readonly #routes = new Map<string, Map<string, Route>>();
  #routeCount = 0;
  /** By organisation, by team, by server. */
  readonly #costs = new Map<string, Map<string, Map<string, Cost>>>();
  #costCount = 0;
  readonly #limitHits = new Map<string, { labels: Labels; value: number }>();
  readonly #refusals = new Map<string, { labels: Labels; value: number }>();
  readonly #bounds = new Map<string, { labels: Labels; value: number }>();
  readonly #reported = new Map<string, { labels: Labels; value: number }>();
  readonly #active = new Map<string, { labels: Labels; value: number }>();
  readonly #caches = new Map<string, { labels: Labels; hits: number; misses: number }>();
  readonly #sizeIn = newHistogram(SIZE_BUCKETS);
  readonly #sizeOut = newHistogram(SIZE_BUCKETS);

  register(registry: Registry): void {
    const counters: [string, string, () => MetricValue<string>[]][] = [
      [
        "gateway_requests_total",
        "Requests by server, tool and status.",
        () =>
          this.#allRoutes().flatMap(({ labels, requests }) =>
            [...requests].map(([status, value]) => ({ labels: { ...labels, status }, value })),
          ),
      ],
      [
        "gateway_rate_limit_hits_total",
        "Requests refused by a rate limit.",
        () => values(this.#limitHits),
      ],
      [
        "gateway_refusals_total",
        "Requests refused before an MCP server was called, by reason.",
        () => values(this.#refusals),
      ],
      [
        "gateway_bounds_reached_total",
        "Requests refused and connections cut because a bound was reached.",
        () => values(this.#bounds),
      ],
      [
        "gateway_cost_total",
        "Cost of calls in US dollars.",
        () =>
          [...this.#costs.values()]
            .flatMap((teams) => [...teams.values()].flatMap((servers) => [...servers.values()]))
            .map(({ labels, micros }) => ({ labels, value: Number(micros) / 1e6 })),
      ],
      [
        "gateway_reported_costs_total",
        "Calls whose price the MCP server may report, by what became of it.",
        () => values(this.#reported),
      ],
      [
        "cache_hits_total",
        "Answers from a cache.",
        () => [...this.#caches.values()].map(({ labels, hits }) => ({ labels, value: hits })),
      ],
      [
        "cache_misses_total",
        "Answers a cache did not have.",
        () => [...this.#caches.values()].map(({ labels, misses }) => ({ labels, value: misses })),
      ],
    ];
    for (const [name, help, read] of counters)
      registerSource(registry, { name, help, type: "counter", read });
    registerSource(registry, {
      name: "gateway_active_connections",
      help: "Requests in flight to an MCP server.",
      type: "gauge",
      read: () => values(this.#active),
    });
    registerSource(registry, {
      name: "gateway_request_duration_seconds",
      help: "Time from a request's last byte to its answer's last byte.",
      type: "histogram",
      read: () =>
        this.#allRoutes().flatMap(({ labels, durations }) =>
          histogramValues("gateway_request_duration_seconds", durations, BUCKETS_S, labels),
        ),
    });
    registerSource(registry, {
      name: "gateway_request_size_bytes",
      help: "Bytes of bodies, in from agents and out to them.",
      type: "histogram",
      read: () => [
        ...histogramValues("gateway_request_size_bytes", this.#sizeIn, SIZE_BUCKETS, {
          direction: "in",
        }),
        ...histogramValues("gateway_request_size_bytes", this.#sizeOut, SIZE_BUCKETS, {
          direction: "out",
        }),
      ],
    });
  }

  /** Registers gauges that are read when someone scrapes: name → help and value. Summed over the workers. */
  registerGauges(
    registry: Registry,
    gauges: Readonly<Record<string, readonly [string, () => number]>>,
  ): void {
    for (const [name, [help, read]] of Object.entries(gauges))
      registerSource(registry, {
        name,
        help,
        type: "gauge",
        read: () => [{ labels: {}, value: read() }],
      });
  }

  observe(sample: RequestSample): void {
    const { requests, durations } = this.#route(sample.server, sample.tool);
    requests.set(sample.status, (requests.get(sample.status) ?? 0) + 1);
    record(durations, BUCKETS_S, sample.durationUs / 1e6);
    record(this.#sizeIn, SIZE_BUCKETS, sample.requestBytes);
    record(this.#sizeOut, SIZE_BUCKETS, sample.responseBytes);
    if (sample.costUsdMicros > 0n) this.#addCost(sample);
  }

  limitHit(scope: string, id: string): void {
    bump(this.#limitHits, `${scope} ${id}`, () => ({ scope, scope_id: id }));
  }

  /** A request refused before it was a call: bad body, bad key, unknown server …. */
  refused(reason: string): void {
    bump(this.#refusals, reason, () => ({ reason }));
  }

  /** A bound of the gateway's own was reached: calls in flight, open streams, sizes …. */
  boundReached(bound: string): void {
    bump(this.#bounds, bound, () => ({ bound }));
  }

  /** A call ended whose price its server may report. */
  reportedCost(result: ReportUse): void {
    bump(this.#reported, result, () => ({ result }));
  }

  active(server: string, change: 1 | -1): void {
    let entry = this.#active.get(server);
    if (!entry) {
      if (this.#active.size >= SERIES_MAX) return;
      entry = { labels: { server }, value: 0 };
      this.#active.set(server, entry);
    }
    entry.value += change;
  }

  cache(name: string, hit: boolean): void {
    let entry = this.#caches.get(name);
    if (!entry) {
      entry = { labels: { cache: name }, hits: 0, misses: 0 };
      this.#caches.set(name, entry);
    }
    if (hit) entry.hits++;
    else entry.misses++;
  }

  #allRoutes(): Route[] {
    return [...this.#routes.values()].flatMap((tools) => [...tools.values()]);
  }

  #route(server: string, tool: string): Route {
    const known = this.#routes.get(server)?.get(tool);
    if (known) return known;
    const isOther = server === OTHER && tool === OTHER;
    if (this.#routeCount >= SERIES_MAX && !isOther) return this.#route(OTHER, OTHER);
    this.#routeCount++;
    const route: Route = {
      labels: { server, tool },
      requests: new Map(),
      durations: newHistogram(BUCKETS_S),
    };
    inner(this.#routes, server).set(tool, route);
    return route;
  }

  #addCost({ orgId, teamId, server, tool, costUsdMicros }: RequestSample): void {
    // The server under which the route is counted, so that made-up names cost no memory here either.
    const label = this.#route(server, tool).labels.server;
    const servers = this.#costs.get(orgId)?.get(teamId);
    let cost = servers?.get(label);
    if (!cost) {
      if (this.#costCount >= SERIES_MAX) return;
      this.#costCount++;
      cost = { labels: { org_id: orgId, team_id: teamId, server: label }, micros: 0n };
      inner(inner(this.#costs, orgId), teamId).set(label, cost);
    }
    cost.micros += costUsdMicros;
  }
}

/** The map in a map, made when it is missing. */
function inner<V>(maps: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let found = maps.get(key);
  if (!found) {
    found = new Map();
    maps.set(key, found);
  }
  return found;
}

function bump(
  series: Map<string, { labels: Labels; value: number }>,
  key: string,
  labels: () => Labels,
): void {
  const entry = series.get(key);
  if (entry) entry.value++;
  else if (series.size < SERIES_MAX * 4) series.set(key, { labels: labels(), value: 1 });
}

function values(series: Map<string, { labels: Labels; value: number }>): MetricValue<string>[] {
  return [...series.values()].map(({ labels, value }) => ({ labels, value }));
}

function newHistogram(bounds: readonly number[]): Histogram {
  return { counts: new Array<number>(bounds.length + 1).fill(0), sum: 0, count: 0 };
}

function record(histogram: Histogram, bounds: readonly number[], value: number): void {
  let index = 0;
  while (index < bounds.length && value > (bounds[index] ?? 0)) index++;
  histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
  histogram.sum += value;
  histogram.count++;
}

function histogramValues(
  name: string,
  histogram: Histogram,
  bounds: readonly number[],
  labels: Labels,
): (MetricValue<string> & { metricName: string })[] {
  let running = 0;
  const buckets = bounds.map((bound, index) => {
    running += histogram.counts[index] ?? 0;
    return { labels: { le: bound, ...labels }, value: running, metricName: `${name}_bucket` };
  });
  return [
    ...buckets,
    { labels: { le: "+Inf", ...labels }, value: histogram.count, metricName: `${name}_bucket` },
    { labels, value: histogram.sum, metricName: `${name}_sum` },
    { labels, value: histogram.count, metricName: `${name}_count` },
  ];
}

type Source = { name: string; help: string; type: string; read: () => MetricValue<string>[] };

/** prom-client asks a registered metric only for its name and for `get()`, which is all that is given here. */
function registerSource(registry: Registry, source: Source): void {
  const metric = {
    name: source.name,
    get: (): Promise<MetricObjectWithValues<MetricValue<string>>> =>
      Promise.resolve({
        name: source.name,
        help: source.help,
        type: source.type,
        values: source.read(),
        aggregator: "sum",
      } as unknown as MetricObjectWithValues<MetricValue<string>>),
  };
  registry.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
}
