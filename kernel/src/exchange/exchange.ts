import {
  CcrError,
  isCcrError,
  isSkipTarget,
  messageEvents,
  outcomeOf,
  pause,
  type AttemptFailure,
  type AttemptRecord,
  type CanonicalEvent,
  type DecodedRequest,
  type ErrorDecision,
  type LocalReply,
  type UsageRecord,
} from '@ccr/sdk'
import type { Generation } from '../core/generation.ts'
import type { Lease } from '../core/kernel.ts'
import type { Log } from '../core/log.ts'
import { localAnswer, readWhole, remoteAnswer, type Piece, type Reading } from './answer.ts'
import { AttemptState } from './attempt.ts'
import { replyTo, statusFailure, thrownFailure } from './classify.ts'
import { Delivery, sendFailure } from './delivery.ts'
import { prepareOutbound } from './outbound.ts'
import { Pipeline } from './pipeline.ts'
import { planRoute, type PlannedTarget } from './plan.ts'
import type { Incoming, Runtime } from './ports.ts'
import { ExchangeState } from './state.ts'
import { UsageTracker } from './usage.ts'
import { Watchdog } from './watchdog.ts'

/** Longest wait for the durable onUsage taps before the terminal frame goes out. */
const DURABLE_MS = 50

/**
 * Runs one exchange: onRequest, the plan, attempts until one commits, the answer, usage. It never rejects, always answers
 * the client if it is still there, and lets go of the lease when everything is settled.
 */
export async function runExchange(lease: Lease, incoming: Incoming, runtime: Runtime, log: Log): Promise<void> {
  const id = runtime.newId('req_')
  try {
    let decoded: DecodedRequest
    try {
      decoded = incoming.client.decode(incoming.input)
    } catch (thrown) {
      if (!isCcrError(thrown)) log.error({ exchange: id, err: thrown }, 'a client dialect failed to decode a request')
      return sendFailure(incoming.sink, incoming.client, replyTo(thrown, runtime.redact), id)
    }
    await new Running(id, decoded, incoming, lease.generation, runtime, log).run()
  } catch (err) {
    log.error({ exchange: id, err }, 'an exchange failed outside its rules')
    incoming.sink.destroy()
  } finally {
    lease.release()
  }
}

class Running {
  readonly #decoded: DecodedRequest
  readonly #exchange: ExchangeState
  readonly #delivery: Delivery
  readonly #generation: Generation
  readonly #runtime: Runtime
  readonly #log: Log
  readonly #tracker = new UsageTracker()
  readonly #attempts: AttemptState[] = []
  #record: UsageRecord | undefined

  constructor(
    id: string,
    decoded: DecodedRequest,
    incoming: Incoming,
    generation: Generation,
    runtime: Runtime,
    log: Log,
  ) {
    this.#decoded = decoded
    this.#exchange = new ExchangeState(id, decoded, incoming, generation, runtime)
    this.#delivery = new Delivery(this.#exchange, incoming, runtime)
    this.#generation = generation
    this.#runtime = runtime
    this.#log = log
  }

  async run(): Promise<void> {
    try {
      const reply = await this.#generation.hooks.onRequest?.promise(this.#exchange)
      if (reply) await this.#replyLocally(reply)
      else await this.#tryTargets(await planRoute(this.#exchange, this.#generation))
    } catch (thrown) {
      this.#giveUp(thrown)
    }
    await this.#settle()
  }

  async #tryTargets(targets: readonly PlannedTarget[]): Promise<void> {
    const { plan } = this.#exchange
    this.#note('route', {
      decidedBy: plan?.decidedBy,
      source: plan?.source,
      scenario: plan?.scenario,
      targets: plan?.targets,
    })
    const { limits, timeouts } = this.#runtime.settings
    const latest = performance.now() + timeouts.attempts
    let failed: AttemptFailure | undefined
    for (let index = 0; index <= targets.length;) {
      // When every target was passed over, the first one runs once all the same.
      const lastResort = index === targets.length
      if (lastResort && failed) return this.#delivery.fail(failed.reply)
      const planned = targets[lastResort ? 0 : index]!
      const attempt = new AttemptState(
        this.#exchange,
        planned.target,
        planned.provider,
        { number: this.#attempts.length + 1, lastResort },
        this.#log,
      )
      const failure = await this.#attempt(attempt, planned)
      if (failure === undefined) return
      if (failure === 'skipped') {
        index++
        continue
      }
      failed = failure
      const decision = await this.#decide(failure, attempt)
      const exhausted = this.#attempts.length >= limits.attempts || performance.now() >= latest
      if (decision?.action === 'reply') return this.#delivery.fail(decision.reply)
      const another = decision?.action === 'retry' || (decision?.action === 'next' && index + 1 < targets.length)
      if (!another || exhausted) return this.#delivery.fail(failure.reply)
      if (decision.action === 'retry') await pause(decision.afterMs, this.#exchange.signal)
      else index++
    }
  }

  /** One attempt: nothing when it answered the client, its failure when the client still waits. */
  async #attempt(
    attempt: AttemptState,
    { target, provider }: PlannedTarget,
  ): Promise<AttemptFailure | 'skipped' | undefined> {
    const { timeouts } = this.#runtime.settings
    const subject = `provider '${target.provider}' (model '${target.model}')`
    const watchdog = new Watchdog(subject, timeouts, this.#exchange.stream, (reason) => attempt.abort(reason))
    const pipeline = new Pipeline(provider.dialect, attempt.signal, this.#log)
    this.#tracker.reset()
    try {
      const raw = this.#exchange.request === this.#decoded.request ? this.#decoded.raw : undefined
      const { request, wire } = await prepareOutbound(attempt, provider, this.#generation, raw)
      this.#attempts.push(attempt)
      this.#note('attempt', { number: attempt.number, provider: target.provider, model: target.model })
      const reading: Reading = { attempt, pipeline, watchdog, settings: this.#runtime.settings }
      if (!wire) {
        this.#build(pipeline, attempt, undefined)
        await this.#deliver(localAnswer(provider.contributed!, request, reading), attempt, watchdog, undefined)
        return undefined
      }
      const response = await this.#runtime.transport.send({
        ...wire,
        stream: this.#exchange.stream,
        connectTimeoutMs: timeouts.connect,
        signal: attempt.signal,
      })
      watchdog.head(timeouts)
      if (response.status !== 200) return this.#failed(attempt, await this.#refusal(attempt, response))
      const dialect = this.#generation.dialects.get(provider.dialect)!.target!
      this.#build(pipeline, attempt, () => dialect.decoder(attempt))
      const passthrough = wire.passthrough && pipeline.observesOnly
      await this.#deliver(
        remoteAnswer(response, dialect, passthrough, reading),
        attempt,
        watchdog,
        passthrough ? response.headers : undefined,
      )
      return undefined
    } catch (thrown) {
      pipeline.abort(thrown)
      if (isSkipTarget(thrown) && !attempt.lastResort) {
        attempt.settle('neutral')
        return 'skipped'
      }
      if (!this.#attempts.includes(attempt)) this.#attempts.push(attempt)
      // An abort reaches us as whatever was being waited for; its reason is what happened.
      const cause = attempt.signal.aborted
        ? (attempt.signal.reason as unknown)
        : isSkipTarget(thrown)
          ? lastSkip(thrown)
          : thrown
      if (this.#exchange.signal.aborted || this.#delivery.stalled) {
        attempt.settle('neutral')
        throw cause
      }
      return this.#failed(attempt, thrownFailure(attempt, cause, this.#runtime.redact))
    } finally {
      watchdog.stop()
      if (!attempt.record) attempt.settle('ok')
    }
  }

  /** The answer's head is an error: its body says more. */
  async #refusal(
    attempt: AttemptState,
    response: { status: number; headers: Readonly<Record<string, string>>; body: AsyncIterable<Uint8Array> },
  ): Promise<AttemptFailure> {
    const { limits } = this.#runtime.settings
    const text = await readWhole(response.body, limits.errorBytes).then(
      (bytes) => bytes.toString('utf8'),
      () => '',
    )
    const dialect = this.#generation.dialects.get(attempt.provider.dialect)!.target!
    let said: ReturnType<typeof dialect.error>
    try {
      said = dialect.error(JSON.parse(text))
    } catch {
      said = undefined
    }
    return statusFailure(attempt, response.status, response.headers, said, this.#runtime.redact)
  }

  /** Settles the attempt; a failure after content was sent is the client's last event. */
  #failed(attempt: AttemptState, failure: AttemptFailure): AttemptFailure | undefined {
    attempt.settle(outcomeOf(failure), failure)
    if (!this.#delivery.committed) return failure
    this.#delivery.fail(failure.reply)
    return undefined
  }

  #build(pipeline: Pipeline, attempt: AttemptState, decoder: (() => { chunk: unknown }) | undefined): void {
    this.#generation.targetHooks(pipeline.dialect).stream?.call(pipeline, attempt)
    const owner = {
      plugin: `dialect ${pipeline.dialect}`,
      hook: 'transformStream' as const,
      timeoutMs: this.#runtime.settings.timeouts.idle,
    }
    // A dialect's decoder only ever sees what its own reader made.
    const transform = decoder?.() as never
    pipeline.seal(transform && { transform, owner }, this.#exchange.requestedModel)
  }

  /** Holds an answer back until its first content, then hands it to the client as it comes. */
  async #deliver(
    answer: AsyncGenerator<Piece, void, undefined>,
    attempt: AttemptState,
    watchdog: Watchdog,
    forwarded: Readonly<Record<string, string>> | undefined,
  ): Promise<void> {
    const { limits, timeouts } = this.#runtime.settings
    const held: Piece[] = []
    let heldEvents = 0
    let heldBytes = 0
    const wait = (waiting: boolean): void => (waiting ? watchdog.pause() : watchdog.resume())
    for await (const piece of answer) {
      this.#tracker.see(piece.events)
      const last = isEnd(piece.events)
      if (!this.#exchange.stream) {
        held.push(piece)
        if (!last) continue
        this.#commit(attempt)
        await this.#close('ok', 200, attempt)
        return this.#delivery.whole(held, attempt.target, forwarded)
      }
      if (!this.#delivery.committed) {
        held.push(piece)
        heldEvents += piece.events.length
        heldBytes += piece.bytes?.byteLength ?? 0
        if (
          !last &&
          !piece.events.some(isSubstantive) &&
          heldEvents <= limits.heldEvents &&
          heldBytes <= limits.heldBytes
        )
          continue
        this.#commit(attempt)
        watchdog.committed(timeouts)
        this.#delivery.commit(attempt.target, forwarded)
        for (const early of held.slice(0, -1)) await this.#delivery.write(early, wait)
      } else if (piece.events.some((event) => event.type !== 'ping')) watchdog.progress()
      if (!last) await this.#delivery.write(piece, wait)
      else {
        await this.#close('ok', 200, attempt)
        return this.#delivery.end(piece)
      }
    }
  }

  #commit(attempt: AttemptState): void {
    attempt.commit()
    this.#tracker.committed()
    this.#note('commit', { number: attempt.number, provider: attempt.target.provider, model: attempt.target.model })
  }

  async #decide(failure: AttemptFailure, attempt: AttemptState): Promise<ErrorDecision | undefined> {
    const { onError } = this.#generation.hooks
    const decision = await onError?.promise(failure, attempt)
    return decision ?? undefined
  }

  async #replyLocally(reply: LocalReply): Promise<void> {
    if ('failure' in reply) return this.#delivery.fail(reply.failure)
    const events = 'message' in reply ? one(messageEvents(reply.message)) : reply.events
    const provider = { name: 'reply', models: [], local: () => events }
    const target = { provider: 'reply', model: this.#exchange.requestedModel }
    const described = { name: 'reply', models: [], dialect: 'canonical', local: true }
    const attempt = new AttemptState(this.#exchange, target, described, { number: 1, lastResort: false }, this.#log)
    const watchdog = new Watchdog('the local reply', this.#runtime.settings.timeouts, this.#exchange.stream, (reason) =>
      attempt.abort(reason),
    )
    const pipeline = new Pipeline('canonical', attempt.signal, this.#log)
    pipeline.seal(undefined, undefined)
    try {
      const reading: Reading = { attempt, pipeline, watchdog, settings: this.#runtime.settings }
      await this.#deliver(localAnswer(provider, this.#exchange.request, reading), attempt, watchdog, undefined)
    } finally {
      watchdog.stop()
      attempt.settle('neutral')
    }
  }

  /** Whatever ends the exchange without an answer. */
  #giveUp(thrown: unknown): void {
    const { signal } = this.#exchange
    if (this.#delivery.stalled || isClosed(signal)) return this.#delivery.leave()
    const reason = signal.aborted ? (signal.reason as unknown) : thrown
    if (!isCcrError(reason)) this.#log.error({ exchange: this.#exchange.id, err: reason }, 'an exchange failed')
    this.#delivery.fail(replyTo(reason, this.#runtime.redact))
  }

  /** Settles outcome and usage; the durable taps hear of it before the last bytes go out. */
  async #close(status: UsageRecord['status'], httpStatus: number, answering: AttemptState | undefined): Promise<void> {
    if (this.#record) return
    answering?.settle('ok')
    const attempts = this.#attempts
      .map(({ record }) => record)
      .filter((record): record is AttemptRecord => record !== undefined)
    this.#record = this.#exchange.frozen(this.#tracker.record(this.#exchange, { status, httpStatus, attempts }))
    const { onUsageDurable } = this.#generation.hooks
    if (onUsageDurable) await Promise.race([onUsageDurable.promise(this.#record, this.#exchange), pause(DURABLE_MS)])
  }

  async #settle(): Promise<void> {
    const gone = isClosed(this.#exchange.signal)
    await this.#close(
      this.#delivery.stalled ? 'client_stalled' : gone ? 'client_closed' : 'error',
      this.#delivery.status,
      undefined,
    )
    const { status, httpStatus, ms, tokens, attempts } = this.#record!
    this.#note('done', { status, httpStatus, ms, tokens, attempts })
    await this.#generation.hooks.onUsage?.promise(this.#record!, this.#exchange)
  }

  #note(event: 'route' | 'attempt' | 'commit' | 'done', fields: Readonly<Record<string, unknown>>): void {
    this.#runtime.routing.record(event, this.#exchange, fields)
  }
}

function lastSkip(skip: Error): CcrError {
  return new CcrError('CCR_HOOK_FAILED', `every target was passed over, the last one too: ${skip.message}`, {
    cause: skip,
  })
}

/** The client has left. */
function isClosed({ aborted, reason }: AbortSignal): boolean {
  return aborted && isCcrError(reason) && reason.code === 'CCR_CLIENT_CLOSED'
}

/** The first event that a client would miss if another target answered instead. */
function isSubstantive(event: CanonicalEvent): boolean {
  return event.type === 'content_block_start' || event.type === 'content_block_delta'
}

function isEnd(events: readonly CanonicalEvent[]): boolean {
  return events.at(-1)?.type === 'message_stop'
}

async function* one(batch: readonly CanonicalEvent[]): AsyncGenerator<readonly CanonicalEvent[]> {
  yield batch
}
