import { createHash } from 'node:crypto';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Attributes, type Context, type Link, type Span, type SpanContext, type Tracer } from '@opentelemetry/api';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, RandomIdGenerator, type IdGenerator, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Observer, SeenActivity } from './observer.js';

/** Spans that are still to be handed over when the worker ends have so long. Milliseconds. */
const LEAVE_MS = 3_000;

export interface Traces {
  readonly observer: Partial<Observer>;
  /** Hands over what there is, and ends. */
  close(): Promise<void>;
}

export interface TracesOptions {
  readonly about: { readonly version: string };
  readonly protocol: 'http/protobuf' | 'http/json';
  /** Traces cannot be handed over, or can again; a line in words. */
  readonly warn: (line: string) => void;
}

/** Outcomes that make a call's span one of an error. */
const WELL: ReadonlySet<string> = new Set(['answered', 'accepted', 'pending']);

/**
 * Traces by OpenTelemetry, to where its standard variables say. A run's trace and span have ids made of the run's id: so
 * what several workers do for it is one trace, whoever closes it.
 */
export async function makeTraces({ about, protocol, warn }: TracesOptions): Promise<Traces> {
  const { OTLPTraceExporter } = await (protocol === 'http/json' ? import('@opentelemetry/exporter-trace-otlp-http') : import('@opentelemetry/exporter-trace-otlp-proto'));
  const ids = new Ids();
  const provider = new BasicTracerProvider({
    resource: defaultResource().merge(resourceFromAttributes({ 'service.name': 'syncline', 'service.version': about.version })).merge(detectResources({ detectors: [envDetector] })),
    idGenerator: ids,
    spanProcessors: [new BatchSpanProcessor(telling(new OTLPTraceExporter(), warn))],
  });
  const spans = new Spans(provider.getTracer('syncline', about.version), ids);
  return {
    observer: observing(spans),
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => { timer = setTimeout(resolve, LEAVE_MS); });
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}

function observing(spans: Spans): Partial<Observer> {
  return {
    runEnded: ({ run, sync, kind, workflowId, status, counts, startedAt, endedAt }) => {
      if (endedAt === null) return;
      const rows = Object.fromEntries(Object.entries(counts).map(([name, count]) => [`syncline.rows.${name}`, count as number]));
      const span = spans.ofRun(run, Date.parse(startedAt), { 'syncline.run': run, 'syncline.sync': sync, 'syncline.kind': kind, 'syncline.status': status, temporalWorkflowID: workflowId, ...rows });
      ends(span, Date.parse(endedAt), status !== 'failed');
    },
    called: ({ account, destination, kind, batch, rows, outcome, httpStatus, runs, startedAt, tookMs }) => {
      const span = spans.below(runs, kind === 'send' ? 'call' : 'poll', startedAt, {
        'syncline.batch': batch, 'syncline.runs': [...runs], 'syncline.account': account, 'syncline.destination': destination, 'syncline.rows': rows, 'syncline.outcome': outcome,
        ...(httpStatus !== null && { 'http.response.status_code': httpStatus }),
      }, SpanKind.CLIENT);
      ends(span, startedAt + tookMs, WELL.has(outcome));
    },
    read: ({ run, sync, activity, pages, startedAt, tookMs, error }) => {
      const span = spans.below([run], 'read', startedAt, { 'syncline.run': run, 'syncline.sync': sync, ...temporal(activity), ...(error !== null && { 'error.type': error }) });
      for (const { at, extracted, queued } of pages) span.addEvent('page staged', { 'syncline.extracted': extracted, 'syncline.queued': queued }, at);
      ends(span, startedAt + tookMs, error === null);
    },
    verified: ({ run, sync, activity, document, startedAt, tookMs, error }) => {
      const span = spans.below(run === null ? [] : [run], 'verify', startedAt, {
        'syncline.sync': sync, ...(run !== null && { 'syncline.run': run }), ...temporal(activity),
        ...(document !== null && { 'syncline.verdict': document.verdict, 'syncline.method': document.method }), ...(error !== null && { 'error.type': error }),
      });
      ends(span, startedAt + tookMs, document?.verdict === 'pass');
    },
  };
}

/** The names Temporal's own interceptors give these. */
function temporal({ workflowId, workflowRunId, activityId, activityType, attempt }: SeenActivity): Attributes {
  return { temporalWorkflowID: workflowId, temporalRunID: workflowRunId, temporalActivityID: activityId, temporalActivityType: activityType, temporalAttempt: attempt };
}

function ends(span: Span, at: number, well: boolean): void {
  if (!well) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(at);
}

/** Makes spans of what has come to its end. */
class Spans {
  constructor(
    private readonly tracer: Tracer,
    private readonly ids: Ids,
  ) {}

  /** The span of a run itself. */
  ofRun(run: string, startTime: number, attributes: Attributes): Span {
    return this.ids.as(run, () => this.tracer.startSpan('run', { root: true, startTime, attributes }, ROOT_CONTEXT));
  }

  /** A span below the first of the runs, linked to the others. */
  below(runs: readonly string[], name: string, startTime: number, attributes: Attributes, kind: SpanKind = SpanKind.INTERNAL): Span {
    const [parent, ...others] = runs.map((run) => this.contextOf(run));
    const links: Link[] = others.map((context) => ({ context }));
    const context: Context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
    return this.tracer.startSpan(name, { startTime, attributes, kind, links }, context);
  }

  /** The run's span may be somebody else's, and is made last. Whether its trace is kept the sampler decides by its id alone. */
  private contextOf(run: string): SpanContext {
    return { ...this.ids.as(run, () => this.tracer.startSpan('run', { root: true }, ROOT_CONTEXT)).spanContext(), isRemote: true };
  }
}

interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

function idsOf(run: string): TraceIds {
  const hash = createHash('sha256').update(run).digest('hex');
  return { traceId: hash.slice(0, 32), spanId: hash.slice(32, 48) };
}

/** Random ids, but for a run's own span. */
class Ids implements IdGenerator {
  private own: TraceIds | undefined;
  private readonly random = new RandomIdGenerator();

  generateTraceId = (): string => this.own?.traceId ?? this.random.generateTraceId();
  generateSpanId = (): string => this.own?.spanId ?? this.random.generateSpanId();

  /** Starts a span that has the ids of the run. */
  as(run: string, start: () => Span): Span {
    this.own = idsOf(run);
    try {
      return start();
    } finally {
      this.own = undefined;
    }
  }
}

/** An exporter that says when it fails, once, and when it works again. */
function telling(exporter: SpanExporter, warn: (line: string) => void): SpanExporter {
  let failing = false;
  return {
    export: (spans: ReadableSpan[], done) => {
      exporter.export(spans, (result) => {
        const fails = result.code !== 0;
        if (fails !== failing) warn(fails ? 'traces cannot be handed over (OTEL_EXPORTER_OTLP_ENDPOINT): they are lost until they can' : 'traces are handed over again');
        failing = fails;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
