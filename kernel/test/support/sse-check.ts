/*
 * A black-box judge of one streamed answer in the canonical (Messages) form, written from the rules I1–I24 alone. It
 * shares no code with the kernel or the SDK, so that a fault in their reading of the rules cannot hide.
 */

/** A rule that was broken, and where. */
export interface SseViolation {
  /** `I1` … `I24`. */
  readonly rule: string
  readonly fact: string
}

/** What a stream said. */
export interface SseVerdict {
  readonly violations: readonly SseViolation[]
  readonly events: readonly SseEvent[]
  /** `success` ended with message_stop, `error` with an error event; the others must never be seen. */
  readonly outcome: 'success' | 'error' | 'neither' | 'both'
  readonly text: string
  readonly thinking: string
  readonly tools: readonly { readonly id: unknown; readonly name: unknown; readonly input: unknown }[]
  readonly stopReason: string | undefined
  readonly usage: Readonly<Record<string, unknown>>
  readonly model: string | undefined
  readonly error: { readonly type?: unknown; readonly message?: unknown } | undefined
}

/** One event: its name and its data. */
export interface SseEvent {
  readonly name: string | undefined
  readonly data: Fields
}

export interface SseCheckOptions {
  /** Also I13, I16, I19, I23 and I24, which need the meaning of the events; default true. */
  readonly semantic?: boolean
}

type Fields = Readonly<Record<string, unknown>>

interface Block {
  readonly index: unknown
  readonly type: unknown
  readonly start: Fields
  readonly json: string[]
}

const SEMANTIC = new Set(['I13', 'I16', 'I19', 'I23', 'I24'])

const EVENT_TYPES = new Set([
  'message_start',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
  'ping',
  'error',
])

const ERROR_TYPES = new Set([
  'invalid_request_error',
  'authentication_error',
  'permission_error',
  'not_found_error',
  'request_too_large',
  'rate_limit_error',
  'timeout_error',
  'overloaded_error',
  'api_error',
  'billing_error',
])

/** Delta types by block type; a block type that is not listed may have any. */
const DELTAS: Readonly<Record<string, readonly string[]>> = {
  text: ['text_delta', 'citations_delta'],
  tool_use: ['input_json_delta'],
  server_tool_use: ['input_json_delta'],
  thinking: ['thinking_delta', 'signature_delta'],
  redacted_thinking: [],
}

/** Stop reasons of an answer that was cut, whose last call may be incomplete. */
const CUT = new Set(['max_tokens', 'model_context_window_exceeded'])

/** Judges the whole body of one streamed answer. */
export function checkSse(body: string | Uint8Array, options: SseCheckOptions = {}): SseVerdict {
  const judge = new Judge()
  for (const frame of splitFrames(typeof body === 'string' ? body : new TextDecoder().decode(body), judge)) {
    judge.event(frame)
  }
  const verdict = judge.end()
  if (options.semantic !== false) return verdict
  return { ...verdict, violations: verdict.violations.filter(({ rule }) => !SEMANTIC.has(rule)) }
}

/** The rules that a stream broke, one line each. */
export function violationsOf(body: string | Uint8Array, options?: SseCheckOptions): string[] {
  return checkSse(body, options).violations.map(({ rule, fact }) => `${rule}: ${fact}`)
}

/** Splits at blank lines, checking I1 to I3 on the way. */
function splitFrames(body: string, judge: Judge): SseEvent[] {
  const events: SseEvent[] = []
  const parts = body
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n')
    .split('\n\n')
  const rest = parts.pop() ?? ''
  if (rest !== '') judge.broke('I1', `the last event is not ended by a blank line: ${rest.slice(0, 80)}`)
  for (const part of parts) {
    const values = (field: string): string[] =>
      part
        .split('\n')
        .filter((line) => line === field || line.startsWith(`${field}:`))
        .map((line) => line.slice(field.length + 1).replace(/^ /, ''))
    const data = values('data')
    const name = values('event').at(-1)
    if (data.length === 0) {
      if (name !== undefined) judge.broke('I2', `the event '${name}' has no data`)
      continue
    }
    const parsed = parseObject(data.join('\n'))
    if (!parsed) {
      judge.broke('I2', `the data is not a JSON object: ${data.join('\n').slice(0, 80)}`)
      continue
    }
    if (name !== parsed['type']) judge.broke('I3', `event '${name}' carries data of type '${String(parsed['type'])}'`)
    events.push({ name, data: parsed })
  }
  return events
}

class Judge {
  readonly #violations: SseViolation[] = []
  readonly #events: SseEvent[] = []
  readonly #tools: { id: unknown; name: unknown; input: unknown }[] = []
  #open: Block | undefined
  #blocks = 0
  #starts = 0
  #deltas = 0
  #stops = 0
  #errors = 0
  #text = ''
  #thinking = ''
  #stopReason: string | undefined
  #usage: Record<string, unknown> = {}
  #model: string | undefined
  #error: Fields | undefined

  broke(rule: string, fact: string): void {
    this.#violations.push({ rule, fact })
  }

  event(event: SseEvent): void {
    const { data } = event
    const type = String(data['type'])
    if (this.#stops + this.#errors > 0) this.broke('I4', `'${type}' comes after the end`)
    this.#events.push(event)
    const early = type !== 'ping' && type !== 'error' && type !== 'message_start'
    if (early && this.#starts === 0) this.broke('I6', `'${type}' comes before message_start`)
    if (!EVENT_TYPES.has(type)) this.broke('I19', `the event type '${type}' is unknown`)
    if (type === 'message_start') this.#messageStart(data)
    else if (type === 'content_block_start') this.#blockStart(data)
    else if (type === 'content_block_delta') this.#blockDelta(data)
    else if (type === 'content_block_stop') this.#blockStop(data)
    else if (type === 'message_delta') this.#messageDelta(data)
    else if (type === 'message_stop') this.#messageStop()
    else if (type === 'error') this.#failed(data)
  }

  end(): SseVerdict {
    const [stopped, failed] = [this.#stops > 0, this.#errors > 0]
    const outcome = stopped ? (failed ? 'both' : 'success') : failed ? 'error' : 'neither'
    if (outcome === 'neither') this.broke('I21', 'the stream ended neither with message_stop nor with an error')
    if (outcome === 'both' || this.#errors > 1) this.broke('I22', 'the stream ended more than once')
    if (outcome === 'success') this.#success()
    return {
      violations: this.#violations,
      events: this.#events,
      outcome,
      text: this.#text,
      thinking: this.#thinking,
      tools: this.#tools,
      stopReason: this.#stopReason,
      usage: this.#usage,
      model: this.#model,
      error: this.#error,
    }
  }

  #messageStart(data: Fields): void {
    if (++this.#starts > 1) this.broke('I7', 'there is more than one message_start')
    const message = objectOf(data['message'])
    const usage = objectOf(message['usage'])
    const wellFormed =
      isName(message['id']) &&
      message['type'] === 'message' &&
      message['role'] === 'assistant' &&
      isName(message['model']) &&
      Array.isArray(message['content']) &&
      message['content'].length === 0 &&
      message['stop_reason'] === null &&
      message['stop_sequence'] === null &&
      isCount(usage['input_tokens']) &&
      isCount(usage['output_tokens'])
    if (!wellFormed) this.broke('I7', `message_start is not well formed: ${JSON.stringify(message).slice(0, 200)}`)
    if (isName(message['model'])) this.#model = message['model']
    this.#count(usage)
  }

  #blockStart(data: Fields): void {
    const start = objectOf(data['content_block'])
    if (this.#open) {
      this.broke('I8', `block ${String(data['index'])} starts while block ${String(this.#open.index)} is open`)
      this.broke('I12', `block ${String(this.#open.index)} has no stop`)
    }
    if (data['index'] !== this.#blocks) this.broke('I9', `index ${String(data['index'])}, expected ${this.#blocks}`)
    this.#blocks++
    this.#open = { index: data['index'], type: start['type'], start, json: [] }
    if (this.#deltas > 0) this.broke('I14', 'a block starts after message_delta')
  }

  #blockDelta(data: Fields): void {
    const delta = objectOf(data['delta'])
    const type = String(delta['type'])
    if (!this.#open || this.#open.index !== data['index']) {
      this.broke('I10', `a delta for block ${String(data['index'])}, which is not open`)
      return
    }
    const fitting = DELTAS[String(this.#open.type)]
    if (fitting && !fitting.includes(type)) this.broke('I11', `a ${type} in a ${String(this.#open.type)} block`)
    if (type === 'text_delta') this.#text += String(delta['text'])
    if (type === 'thinking_delta') this.#thinking += String(delta['thinking'])
    if (type === 'input_json_delta') this.#open.json.push(String(delta['partial_json']))
  }

  #blockStop(data: Fields): void {
    const block = this.#open
    if (!block || block.index !== data['index']) {
      this.broke('I12', `a stop of block ${String(data['index'])}, which is not open`)
      return
    }
    this.#open = undefined
    if (block.type !== 'tool_use') return
    const text = block.json.join('')
    const input = text === '' ? objectOf(block.start['input']) : parseObject(text)
    this.#tools.push({ id: block.start['id'], name: block.start['name'], input: input ?? text })
  }

  #messageDelta(data: Fields): void {
    if (this.#open) this.broke('I14', `block ${String(this.#open.index)} is open at message_delta`)
    if (++this.#deltas > 1) this.broke('I18', 'there is more than one message_delta')
    const reason = objectOf(data['delta'])['stop_reason']
    if (typeof reason === 'string') {
      if (this.#stopReason !== undefined) this.broke('I15', `a second stop_reason, '${reason}'`)
      this.#stopReason = reason
    }
    this.#count(objectOf(data['usage']))
  }

  #messageStop(): void {
    if (++this.#stops > 1) this.broke('I18', 'there is more than one message_stop')
    if (this.#deltas === 0) this.broke('I17', 'message_stop comes without message_delta')
    if (this.#open) this.broke('I12', `block ${String(this.#open.index)} has no stop`)
  }

  #failed(data: Fields): void {
    this.#errors++
    const error = objectOf(data['error'])
    this.#error = error
    const wellFormed = typeof error['type'] === 'string' && ERROR_TYPES.has(error['type']) && isName(error['message'])
    if (!wellFormed) this.broke('I5', `the error is not well formed: ${JSON.stringify(data).slice(0, 200)}`)
  }

  #success(): void {
    if (this.#starts === 0) this.broke('I20', 'the stream succeeded without message_start')
    if (this.#stopReason === undefined) this.broke('I20', 'the stream succeeded without a stop_reason')
    if (CUT.has(this.#stopReason ?? '')) return
    for (const { name, input } of this.#tools) {
      if (typeof input === 'string') this.broke('I13', `the input of '${String(name)}' is no JSON object: ${input}`)
    }
    const called = this.#tools.length > 0
    if (this.#stopReason === 'tool_use' && !called) this.broke('I23', 'stop_reason is tool_use, but there is no call')
    if (this.#stopReason === 'end_turn' && called) this.broke('I24', 'there is a call, but stop_reason is end_turn')
  }

  /** Counts only grow. */
  #count(usage: Fields): void {
    for (const [field, value] of Object.entries(usage)) {
      if (!field.endsWith('_tokens') || value === null) continue
      const before = this.#usage[field]
      if (!isCount(value)) this.broke('I16', `${field} is ${String(value)}`)
      // An upstream may only learn at the end how long the input was; what it said before stays a lower bound.
      else if (typeof before === 'number' && value < before)
        this.broke('I16', `${field} fell from ${before} to ${value}`)
    }
    for (const [field, value] of Object.entries(usage)) if (value !== null) this.#usage[field] = value
  }
}

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
  } catch {
    return undefined
  }
}

function objectOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}
