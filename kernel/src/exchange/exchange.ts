import { CcrError, isCcrError, isEnd, isProgress, isSkipTarget, isSubstantive, outcomeOf, replyEvents } from '@ccr/sdk'
import type { AttemptFailure, AttemptRecord, FailureReply, Target, TargetDialect, UsageRecord } from '@ccr/sdk'
import { Held, hiding, pause, Pipeline, readRefusal, readSome, replyFault } from '@ccr/sdk/kernel'
import { ofOwnAccount, replyTo, statusFailure, thrownFailure, UsageTracker, Watchdog } from '@ccr/sdk/kernel'
import type { Cancellation, Piece } from '@ccr/sdk/kernel'
import type { Made } from '../core/hooks.ts'
import type { Profile } from '../core/profile.ts'
import type { Lease } from '../core/kernel.ts'
import type { Log } from '../core/log.ts'
import { readLocal, readRemote, type Reading, type Take } from './answer.ts'
import { AttemptState } from './attempt.ts'
import { Delivery, sendFailure } from './delivery.ts'
import { ofDialect, prepareOutbound } from './outbound.ts'
import { planRoute } from './plan.ts'
import type { RoutingNote, Runtime, TransportResponse } from './ports.ts'
import { ExchangeState, type Incoming } from './state.ts'

/** Longest wait for the durable onUsage taps before the terminal frame goes out. */
const DURABLE_MS = 50

/** What stands for a provider where a plugin answers by itself. */
const REPLYING = { name: 'reply', models: [], dialect: 'canonical', local: true, baseUrl: '', secret: undefined }

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

type Headers = TransportResponse['headers']

/** Why an attempt did not answer the client; nothing when it did. */
type Failed = AttemptFailure | 'skipped' | undefined

class Running {
  readonly #exchange: ExchangeState
  readonly #delivery: Delivery
  readonly #profile: Profile
  readonly #runtime: Runtime
  readonly #tracker = new UsageTracker()
  readonly #attempts: AttemptState[] = []
  #record: UsageRecord | undefined
  #adopted = false
  #durable: Promise<unknown> | undefined

  constructor(exchange: ExchangeState, incoming: Incoming) {
    this.#exchange = exchange
    this.#profile = exchange.world
    this.#runtime = exchange.served.runtime
    this.#delivery = new Delivery(exchange, incoming, this.#runtime)
  }

  /** Answers the client, or throws what prevents it. */
  async answer(): Promise<void> {
    // An inner exchange was asked for by a plugin, not by a client.
    const guarded = this.#exchange.inner ? undefined : this.#profile.hooks.onRequest
    const replied = guarded && (await guarded.promise(undefined, this.#exchange))
    if (replied) return 'failure' in replied ? this.#delivery.fail(replied.failure) : this.#reply(replied)
    const targets = await planRoute(this.#exchange)
    const { decidedBy, rule, source, scenario, family, targets: chosen, passedOver } = this.#exchange.plan!
    this.#note({ event: 'route', decidedBy, rule, source, scenario, family, targets: chosen, passedOver })
    const { limits, timeouts } = this.#runtime.settings
    const latest = performance.now() + timeouts.attempts
    let failed: { readonly reply: FailureReply; readonly target: Target } | undefined
    for (let index = 0; ;) {
      // When every target was passed over, the first one runs once all the same.
      const lastResort = index >= targets.length
      if (lastResort && failed) return this.#delivery.fail(failed.reply, failed.target)
      const planned = targets[lastResort ? 0 : index]!
      const attempt = new AttemptState(this.#exchange, planned, this.#attempts.length + 1, lastResort)
      this.#attempts.push(attempt)
      const failure = await this.#attempt(attempt)
      if (failure === undefined) return
      if (failure === 'skipped') {
        this.#attempts.pop()
        index++
        continue
      }
      const decision = await this.#profile.hooks.onError?.promise(failure, attempt)
      const told = decision && 'reply' in decision ? decision.reply : undefined
      failed = { reply: told ?? failure.reply, target: attempt.target }
      const waitMs = decision?.action === 'retry' ? decision.afterMs : 0
      const exhausted = this.#attempts.length >= limits.attempts || performance.now() + waitMs >= latest
      if (!decision || exhausted || decision.action === 'reply') return this.#delivery.fail(failed.reply, failed.target)
      if (decision.action === 'retry') await pause(waitMs, this.#exchange.cancellation)
      else index++
    }
  }

  /** What a plugin made is read like the answer of a target; nobody changes it, or hears of it as an attempt. */
  async #reply(made: Made): Promise<void> {
    const target = { provider: 'reply', model: this.#exchange.requestedModel }
    const attempt = new AttemptState(this.#exchange, { target, provider: REPLYING }, 1, true)
    const failure = await this.#attempt(attempt, made)
    if (typeof failure === 'object') this.#delivery.fail(failure.reply)
  }

  /** One attempt, or a plugin's own answer: nothing when the client has got it, the failure when it still waits. */
  async #attempt(attempt: AttemptState, made?: Made): Promise<Failed> {
    const { target, provider, cancellation } = attempt
    const { settings, transport, redact: known } = this.#runtime
    const subject = made ? 'the reply' : `provider '${target.provider}' (model '${target.model}')`
    const watchdog = new Watchdog(subject, settings.timeouts, this.#exchange.stream, cancellation)
    const pipeline = new Pipeline(provider.dialect, cancellation, this.#exchange.served.log)
    const reading: Reading = { attempt, pipeline, watchdog, settings }
    const redact = provider.clientCredentials ? hiding(this.#exchange.headers, known) : known
    this.#tracker.reset(pipeline)
    // What has begun to run is passed over no more.
    let runs = made !== undefined
    try {
      if (made) {
        await readLocal(replyEvents(made.reply), reading, this.#taker(reading))
        return undefined
      }
      const { request, wire } = await prepareOutbound(attempt)
      runs = true
      this.#note({ event: 'attempt', number: attempt.number, provider: target.provider, model: target.model })
      if (!wire) {
        this.#build(reading, undefined)
        const events = ofDialect(target.provider, () => provider.contributed!.local(request, attempt))
        await readLocal(events, reading, this.#taker(reading))
        return undefined
      }
      const response = await transport.send(wire)
      watchdog.read()
      const dialect = this.#profile.dialects.get(provider.dialect)!.target!
      if (response.status !== 200)
        return this.#failed(attempt, await this.#refusal(attempt, wire.url, response, redact))
      this.#build(reading, dialect)
      const passthrough = wire.passthrough && pipeline.observesOnly
      const take = this.#taker(reading, passthrough ? response.headers : undefined)
      await readRemote({ response, dialect, passthrough, url: wire.url, redact }, reading, take)
      return undefined
    } catch (thrown) {
      pipeline.abort(thrown)
      if (isSkipTarget(thrown) && !attempt.lastResort && !runs) {
        attempt.settle('neutral')
        return 'skipped'
      }
      // An abort reaches us as whatever was being waited for; its reason is what happened.
      const cause = cancellation.aborted ? cancellation.reason : thrown
      // Whatever is still open towards the upstream is closed.
      cancellation.abort(cause)
      if (this.#exchange.cancellation.aborted || this.#delivery.stalled) {
        attempt.settle('neutral')
        throw cause
      }
      const fault = made ? replyFault(cause, made.by) : runs ? cause : lastSkip(cause)
      return this.#failed(attempt, thrownFailure(target, fault, redact))
    } finally {
      watchdog.stop()
    }
  }

  /** The answer's head is an error: its body says more. */
  async #refusal(attempt: AttemptState, url: string, response: TransportResponse, redact: Runtime['redact']) {
    const { target, provider, cancellation } = attempt
    const { status, headers, body } = response
    const bytes = await readSome(body, this.#runtime.settings.limits.errorBytes)
    cancellation.throwIfAborted()
    const dialect = this.#profile.dialects.get(provider.dialect)!.target!
    const { said, unread } = readRefusal(bytes, dialect, url, redact)
    const failure = statusFailure(target, status, headers, said, redact, unread)
    return provider.clientCredentials ? ofOwnAccount(failure, attempt, response, bytes, said, redact) : failure
  }

  /** Settles the attempt; a failure after content was sent is the client's last event. */
  #failed(attempt: AttemptState, failure: AttemptFailure): AttemptFailure | undefined {
    attempt.settle(outcomeOf(failure), failure)
    if (!this.#delivery.committed) return failure
    this.#delivery.fail(failure.reply)
    return undefined
  }

  #build({ attempt, pipeline, settings }: Reading, dialect: TargetDialect | undefined): void {
    this.#profile.targetHooks(pipeline.dialect, attempt.target).stream?.call(pipeline, attempt)
    const { idle: timeoutMs } = settings.timeouts
    const owner = { plugin: `dialect ${pipeline.dialect}`, hook: 'transformStream', timeoutMs }
    // A dialect's decoder only ever sees what its own reader made.
    const transform = dialect?.decoder(attempt) as never
    pipeline.seal(transform && { transform, owner }, this.#exchange.requestedModel)
  }

  /** Holds an answer back until its first content, then hands it to the client as it comes. */
  #taker({ attempt, watchdog, settings }: Reading, forwarded?: Headers): Take {
    const { stream } = this.#exchange
    const held = new Held(settings.limits, stream)
    return (events, bytes) => {
      // Another one may have begun.
      if (attempt.record) return undefined
      this.#tracker.see(events)
      const last = isEnd(events)
      if (this.#delivery.committed && !last) {
        if (events.some(isProgress)) watchdog.progress()
        return this.#delivery.write(events, bytes, watchdog)
      }
      held.add({ events, bytes })
      if (last) return this.#finish(held.take(), attempt, forwarded)
      if (!stream || (!held.full && !events.some(isSubstantive))) return undefined
      this.#commit(attempt, forwarded)
      watchdog.committed()
      return this.#writeAll(held.take(), watchdog)
    }
  }

  async #writeAll(pieces: readonly Piece[], watchdog: Watchdog): Promise<void> {
    for (const { events, bytes } of pieces) await this.#delivery.write(events, bytes, watchdog)
  }

  /** The answer is complete: usage is settled before what was held back of it goes out. */
  #finish(pieces: readonly Piece[], attempt: AttemptState, forwarded?: Headers): Promise<void> | undefined {
    const { stream } = this.#exchange
    const send = stream ? this.#delivery.last(pieces) : this.#delivery.whole(pieces, attempt.target, forwarded)
    this.#commit(attempt, forwarded)
    attempt.settle('ok')
    const closing = this.#close('ok', 200)
    return closing ? closing.then(send) : void send()
  }

  #commit(attempt: AttemptState, forwarded: Headers | undefined): void {
    if (!attempt.commit()) return
    this.#tracker.committed()
    const { number, target } = attempt
    this.#note({ event: 'commit', number, provider: target.provider, model: target.model })
    this.#delivery.commit(target, forwarded)
  }

  /** Whatever ends the exchange without an answer. */
  giveUp(thrown: unknown): void {
    const { id, cancellation, served } = this.#exchange
    if (this.#delivery.stalled || isClosed(cancellation)) return this.#delivery.leave()
    const reason = cancellation.aborted ? cancellation.reason : thrown
    if (!isCcrError(reason)) served.log.error({ exchange: id, err: reason }, 'an exchange failed')
    this.#delivery.fail(replyTo(reason, this.#runtime.redact))
  }

  /** Settles outcome and usage; the durable taps hear of it before the last bytes go out. */
  #close(status: UsageRecord['status'], httpStatus: number): Promise<unknown> | undefined {
    if (this.#record) return undefined
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
