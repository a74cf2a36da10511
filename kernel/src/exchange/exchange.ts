import { CcrError, isCcrError, isEnd, isProgress, isSkipTarget, isSubstantive, outcomeOf, replyEvents } from '@ccr/sdk'
import type { AttemptFailure, AttemptRecord, Target, UsageRecord } from '@ccr/sdk'
import { describeUnreadable, Held, hiding, pause, Pipeline, readRefusal, readSome, replyFault } from '@ccr/sdk/kernel'
import { ofOwnAccount, replyTo, statusFailure, thrownFailure, UsageTracker, Watchdog } from '@ccr/sdk/kernel'
import type { Cancellation, Piece } from '@ccr/sdk/kernel'
import type { Replied } from '../core/hooks.ts'
import type { Profile } from '../core/profile.ts'
import type { Lease } from '../core/kernel.ts'
import type { Log } from '../core/log.ts'
import { readLocal, readRemote, type Reading, type Take } from './answer.ts'
import { AttemptState } from './attempt.ts'
import { Delivery, sendFailure } from './delivery.ts'
import { ofDialect, prepareOutbound } from './outbound.ts'
import { planRoute, type FoundTarget } from './plan.ts'
import type { Incoming, RoutingNote, Runtime, TransportResponse } from './ports.ts'
import { ExchangeState } from './state.ts'

/** Longest wait for the durable onUsage taps before the terminal frame goes out. */
const DURABLE_MS = 50

/**
 * Runs one exchange: onRequest, the plan, attempts until one commits, the answer, usage. It never rejects, always
 * answers the client if it is still there, and lets go of the lease when everything is settled.
 */
export async function runExchange(lease: Lease, incoming: Incoming, runtime: Runtime, log: Log): Promise<void> {
  const id = runtime.newId('req_')
  try {
    const decoded = decode(id, incoming, runtime, log)
    if (!decoded) return
    const exchange = new ExchangeState(id, decoded, incoming, { generation: lease.generation, runtime, log })
    const running = new Running(exchange, incoming)
    try {
      await running.answer()
    } catch (thrown) {
      running.giveUp(thrown)
    } finally {
      await running.settle()
    }
  } catch (err) {
    log.error({ exchange: id, err }, 'an exchange failed outside its rules')
    incoming.sink.destroy()
  } finally {
    lease.release()
  }
}

/** The request as its dialect reads it; a client whose request cannot be read is told why. */
function decode(id: string, { client, dialect, input, sink }: Incoming, runtime: Runtime, log: Log) {
  try {
    return ofDialect(dialect, () => client.decode(input))
  } catch (thrown) {
    if (isCcrError(thrown) && thrown.code === 'CCR_HOOK_FAILED')
      log.error({ exchange: id, err: thrown }, 'a client dialect failed to decode a request')
    sendFailure(sink, client, replyTo(thrown, runtime.redact), id)
    return undefined
  }
}

type Headers = Readonly<Record<string, string>>

/** Why an attempt did not answer the client; nothing when it did. */
type Failed = AttemptFailure | 'skipped' | undefined

class Running {
  readonly #exchange: ExchangeState
  readonly #delivery: Delivery
  readonly #profile: Profile
  readonly #runtime: Runtime
  readonly #log: Log
  readonly #tracker = new UsageTracker()
  readonly #attempts: AttemptState[] = []
  #record: UsageRecord | undefined
  #adopted = false
  #durable: Promise<unknown> | undefined

  constructor(exchange: ExchangeState, incoming: Incoming) {
    const { runtime, log } = exchange.served
    this.#exchange = exchange
    this.#delivery = new Delivery(exchange, incoming, runtime)
    this.#profile = exchange.world
    this.#runtime = runtime
    this.#log = log
  }

  /** Answers the client, or throws what prevents it. */
  async answer(): Promise<void> {
    // An inner exchange was asked for by a plugin, not by a client.
    const guarded = this.#exchange.inner ? undefined : this.#profile.hooks.onRequest
    const replied = guarded && (await guarded.promise(undefined, this.#exchange))
    if (replied) return this.#replyLocally(replied)
    const targets = await planRoute(this.#exchange, this.#profile)
    const { decidedBy, rule, source, scenario, family, targets: chosen, passedOver } = this.#exchange.plan!
    this.#note({ event: 'route', decidedBy, rule, source, scenario, family, targets: chosen, passedOver })
    const { limits, timeouts } = this.#runtime.settings
    const latest = performance.now() + timeouts.attempts
    let failed: AttemptFailure | undefined
    let target: Target | undefined
    for (let index = 0; index <= targets.length;) {
      // When every target was passed over, the first one runs once all the same.
      const lastResort = index === targets.length
      if (lastResort && failed) return this.#delivery.fail(failed.reply, target)
      const planned = targets[lastResort ? 0 : index]!
      const number = this.#attempts.length + 1
      const attempt = new AttemptState(this.#exchange, planned, number, lastResort, this.#log)
      const failure = await this.#attempt(attempt, planned)
      if (failure === undefined) return
      if (failure === 'skipped') {
        index++
        continue
      }
      failed = failure
      target = attempt.target
      const decision = await this.#profile.hooks.onError?.promise(failure, attempt)
      const waitMs = decision?.action === 'retry' ? decision.afterMs : 0
      const exhausted = this.#attempts.length >= limits.attempts || performance.now() + waitMs >= latest
      if (decision?.action === 'reply') return this.#delivery.fail(decision.reply, target)
      const another = decision?.action === 'retry' || (decision?.action === 'next' && index + 1 < targets.length)
      if (!another || exhausted) return this.#delivery.fail(failure.reply, target)
      if (decision.action === 'retry') await pause(waitMs, this.#exchange.cancellation)
      else index++
    }
  }

  /** One attempt: nothing when it answered the client, its failure when the client still waits. */
  async #attempt(attempt: AttemptState, { target, provider }: FoundTarget): Promise<Failed> {
    const { timeouts } = this.#runtime.settings
    const subject = `provider '${target.provider}' (model '${target.model}')`
    const watchdog = new Watchdog(subject, timeouts, this.#exchange.stream, attempt.cancellation)
    const pipeline = new Pipeline(provider.dialect, attempt.cancellation, this.#log)
    const known = this.#runtime.redact
    const redact = provider.clientCredentials ? hiding(this.#exchange.headers, known) : known
    this.#tracker.reset(pipeline)
    try {
      const { request, wire } = await prepareOutbound(attempt, provider, this.#profile)
      this.#attempts.push(attempt)
      this.#note({ event: 'attempt', number: attempt.number, provider: target.provider, model: target.model })
      const describe = (text: string): string => describeUnreadable(wire!.url, text, redact)
      const reading: Reading = { attempt, pipeline, watchdog, settings: this.#runtime.settings, describe }
      if (!wire) {
        this.#build(pipeline, attempt, undefined)
        const events = ofDialect(target.provider, () => provider.contributed!.local(request, attempt))
        await readLocal(events, reading, this.#taker(attempt, watchdog))
        return undefined
      }
      const response = await this.#runtime.transport.send(wire)
      watchdog.read()
      if (response.status !== 200)
        return this.#failed(attempt, await this.#refusal(attempt, provider, wire.url, response, redact))
      const dialect = this.#profile.dialects.get(provider.dialect)!.target!
      this.#build(pipeline, attempt, () => dialect.decoder(attempt))
      const passthrough = wire.passthrough && pipeline.observesOnly
      const take = this.#taker(attempt, watchdog, passthrough ? response.headers : undefined)
      await readRemote({ response, dialect, passthrough }, reading, take)
      return undefined
    } catch (thrown) {
      pipeline.abort(thrown)
      if (isSkipTarget(thrown) && !attempt.lastResort) {
        attempt.settle('neutral')
        return 'skipped'
      }
      if (!this.#attempts.includes(attempt)) this.#attempts.push(attempt)
      // An abort reaches us as whatever was being waited for; its reason is what happened.
      const cause = attempt.cancellation.aborted ? attempt.cancellation.reason : lastSkip(thrown)
      // Whatever is still open towards the upstream is closed.
      attempt.cancellation.abort(cause)
      if (this.#exchange.cancellation.aborted || this.#delivery.stalled) {
        attempt.settle('neutral')
        throw cause
      }
      return this.#failed(attempt, thrownFailure(attempt.target, cause, redact))
    } finally {
      watchdog.stop()
    }
  }

  /** The answer's head is an error: its body says more. */
  async #refusal(
    attempt: AttemptState,
    provider: FoundTarget['provider'],
    url: string,
    response: TransportResponse,
    redact: Runtime['redact'],
  ): Promise<AttemptFailure> {
    const { status, headers, body } = response
    const bytes = await readSome(body, this.#runtime.settings.limits.errorBytes)
    attempt.cancellation.throwIfAborted()
    const dialect = this.#profile.dialects.get(attempt.provider.dialect)!.target!
    const { said, unread } = readRefusal(bytes, dialect, url, redact)
    const failure = statusFailure(attempt.target, status, headers, said, redact, unread)
    return provider.clientCredentials ? ofOwnAccount(failure, attempt, response, bytes, said, redact) : failure
  }

  /** Settles the attempt; a failure after content was sent is the client's last event. */
  #failed(attempt: AttemptState, failure: AttemptFailure): AttemptFailure | undefined {
    attempt.settle(outcomeOf(failure), failure)
    if (!this.#delivery.committed) return failure
    this.#delivery.fail(failure.reply)
    return undefined
  }

  #build(pipeline: Pipeline, attempt: AttemptState, decoder: (() => { chunk: unknown }) | undefined): void {
    this.#profile.targetHooks(pipeline.dialect, attempt.target).stream?.call(pipeline, attempt)
    const { idle } = this.#runtime.settings.timeouts
    const owner = { plugin: `dialect ${pipeline.dialect}`, hook: 'transformStream', timeoutMs: idle }
    // A dialect's decoder only ever sees what its own reader made.
    const transform = decoder?.() as never
    pipeline.seal(transform && { transform, owner }, this.#exchange.requestedModel)
  }

  /** Holds an answer back until its first content, then hands it to the client as it comes. */
  #taker(attempt: AttemptState, watchdog: Watchdog, forwarded?: Headers): Take {
    const { stream } = this.#exchange
    const held = new Held(this.#runtime.settings.limits, stream)
    return (piece) => {
      // Another one may have begun.
      if (attempt.record) return undefined
      if (isEnd(piece.events)) return this.#finish(piece, held, attempt, forwarded)
      this.#tracker.see(piece.events)
      if (this.#delivery.committed) {
        if (piece.events.some(isProgress)) watchdog.progress()
        return this.#delivery.write(piece, watchdog)
      }
      held.add(piece)
      if (!stream || (!held.full && !piece.events.some(isSubstantive))) return undefined
      this.#commit(attempt)
      watchdog.committed()
      this.#delivery.commit(attempt.target, forwarded)
      return this.#writeAll(held.take(), watchdog)
    }
  }

  async #writeAll(pieces: readonly Piece[], watchdog: Watchdog): Promise<void> {
    for (const piece of pieces) await this.#delivery.write(piece, watchdog)
  }

  /** The last piece: usage is settled before it goes out, with what was held back, if anything. */
  #finish(last: Piece, held: Held, attempt: AttemptState, forwarded?: Headers): Promise<void> | undefined {
    this.#tracker.see(last.events)
    held.add(last)
    const { stream } = this.#exchange
    const pieces = held.take()
    const send = stream ? this.#delivery.last(pieces) : this.#delivery.whole(pieces, attempt.target, forwarded)
    this.#commit(attempt)
    if (stream && !this.#delivery.committed) this.#delivery.commit(attempt.target, forwarded)
    const closing = this.#close('ok', 200, attempt)
    return closing ? closing.then(send) : void send()
  }

  #commit(attempt: AttemptState): void {
    if (!attempt.commit()) return
    this.#tracker.committed()
    const { provider, model } = attempt.target
    this.#note({ event: 'commit', number: attempt.number, provider, model })
  }

  async #replyLocally({ reply, by }: Replied): Promise<void> {
    if ('failure' in reply) return this.#delivery.fail(reply.failure)
    const target = { provider: 'reply', model: this.#exchange.requestedModel }
    const planned = { target, provider: { name: 'reply', models: [], dialect: 'canonical', local: true } }
    const attempt = new AttemptState(this.#exchange, planned, 1, false, this.#log)
    const { settings } = this.#runtime
    const watchdog = new Watchdog('the reply', settings.timeouts, this.#exchange.stream, attempt.cancellation)
    const pipeline = new Pipeline('canonical', attempt.cancellation, this.#log)
    pipeline.seal(undefined, undefined)
    try {
      const reading: Reading = { attempt, pipeline, watchdog, settings }
      await readLocal(replyEvents(reply), reading, this.#taker(attempt, watchdog))
    } catch (thrown) {
      if (this.#exchange.cancellation.aborted || this.#delivery.stalled) throw thrown
      const fault = replyFault(thrown, by)
      this.#delivery.fail(thrownFailure(attempt.target, fault, this.#runtime.redact).reply)
    } finally {
      watchdog.stop()
      attempt.settle('neutral')
    }
  }

  /** Whatever ends the exchange without an answer. */
  giveUp(thrown: unknown): void {
    const { cancellation } = this.#exchange
    if (this.#delivery.stalled || isClosed(cancellation)) return this.#delivery.leave()
    const reason = cancellation.aborted ? cancellation.reason : thrown
    if (!isCcrError(reason)) this.#log.error({ exchange: this.#exchange.id, err: reason }, 'an exchange failed')
    this.#delivery.fail(replyTo(reason, this.#runtime.redact))
  }

  /** Settles outcome and usage; the durable taps hear of it before the last bytes go out. */
  #close(status: UsageRecord['status'], httpStatus: number, answering?: AttemptState): Promise<unknown> | undefined {
    if (this.#record) return undefined
    answering?.settle('ok')
    const attempts: AttemptRecord[] = []
    for (const { record } of this.#attempts) if (record) attempts.push(record)
    attempts.push(...this.#exchange.innerAttempts)
    this.#record = this.#exchange.frozen(this.#tracker.record(this.#exchange, { status, httpStatus, attempts }))
    this.#exchange.ended = true
    // An inner one that outlives its parent is recorded by itself.
    this.#adopted = this.#exchange.inner?.parent.adopt(this.#record) === true
    if (!this.#adopted) this.#durable = this.#profile.hooks.onUsageDurable?.promise(this.#record, this.#exchange)
    return this.#durable && Promise.race([this.#durable, pause(DURABLE_MS)])
  }

  /** Closes what is still open and records what was used. */
  async settle(): Promise<void> {
    this.#delivery.close()
    const gone = isClosed(this.#exchange.cancellation) ? 'client_closed' : 'error'
    await this.#close(this.#delivery.stalled ? 'client_stalled' : gone, this.#delivery.status)
    this.#note({ event: 'done', record: this.#record! })
    if (this.#adopted) return
    const told = this.#profile.hooks.onUsage?.promise(this.#record!, this.#exchange)
    await (this.#durable ? Promise.all([this.#durable, told]) : told)
  }

  #note(note: RoutingNote): void {
    this.#runtime.routing.record(this.#exchange, note)
  }
}

/** Passing over the last resort leaves nothing, so that it is an error. */
function lastSkip(thrown: unknown): unknown {
  if (!isSkipTarget(thrown)) return thrown
  return new CcrError('CCR_HOOK_FAILED', `every target was passed over, the last one too: ${thrown.message}`)
}

/** The client has left. */
function isClosed({ aborted, reason }: Cancellation): boolean {
  return aborted && isCcrError(reason) && reason.code === 'CCR_CLIENT_CLOSED'
}
