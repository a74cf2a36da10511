import { CcrError, MAX_HELD, writeJson } from '@ccr/sdk'
import { isFields, type FunctionCall, type PartialArg } from './wire.ts'

type Step = string | number

/** What one step of a path costs beside its characters. */
const STEP_COST = 16

/** Deepest value that a path may name. */
const MAX_STEPS = 100

/**
 * The arguments of one call that come in pieces, each with the path of its value; a string may come in several.
 * Source: https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc
 */
export class PartialArguments {
  readonly #root: Record<string, unknown> = {}
  /** The path of the string that goes on. */
  #going: string | undefined
  #held = 0
  /** The arguments as they came, where they came in one piece. */
  #whole: object | undefined
  #begun = false

  /** @throws CcrError `CCR_STREAM_INVALID` for a path that leads nowhere, `CCR_STREAM_LIMIT` for too much of them */
  add({ args, partialArgs }: FunctionCall): void {
    this.#whole = isFields(args) && !this.#begun && partialArgs === undefined ? args : undefined
    this.#begun = true
    if (isFields(args)) for (const key of Object.keys(args)) this.#set([key], args[key], 1)
    if (!Array.isArray(partialArgs)) return
    for (const piece of partialArgs as readonly unknown[]) if (isFields(piece)) this.#piece(piece as PartialArg)
  }

  /** The arguments so far, as JSON. */
  toJson(): string {
    return writeJson(this.#whole ?? this.#root)
  }

  #piece(piece: PartialArg): void {
    const path = piece.jsonPath ?? ''
    const steps = stepsOf(path)
    const { stringValue, numberValue, boolValue } = piece
    if (typeof stringValue === 'string') {
      const before = this.#going === path ? this.#get(steps) : undefined
      this.#set(steps, typeof before === 'string' ? before + stringValue : stringValue, stringValue.length)
      this.#going = piece.willContinue === true ? path : undefined
    } else if (typeof numberValue === 'number') this.#set(steps, numberValue, 1)
    else if (typeof boolValue === 'boolean') this.#set(steps, boolValue, 1)
    else if ('nullValue' in piece) this.#set(steps, null, 1)
  }

  #get(steps: readonly Step[]): unknown {
    let value: unknown = this.#root
    for (const step of steps) value = own(value, step)
    return value
  }

  #set(steps: readonly Step[], value: unknown, length: number): void {
    this.#held += length + steps.length * STEP_COST
    if (this.#held > MAX_HELD)
      throw new CcrError('CCR_STREAM_LIMIT', `the arguments of a call exceed ${MAX_HELD} characters; it was given up`)
    let target: object = this.#root
    steps.forEach((step, at) => {
      const last = at === steps.length - 1
      if (typeof step === 'number' ? !Array.isArray(target) || step > target.length : Array.isArray(target))
        throw nowhere()
      if (last) return define(target, step, value)
      const next = own(target, step)
      if (next === undefined) define(target, step, typeof steps[at + 1] === 'number' ? [] : {})
      else if (typeof next !== 'object' || next === null) throw nowhere()
      target = own(target, step) as object
    })
  }
}

/** The names and places that a path such as `$.a["b c"][0]` leads through. */
function stepsOf(path: string): readonly Step[] {
  const steps: Step[] = []
  const step = /\.([^.[\]'"]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\['((?:[^'\\]|\\.)*)'\]/y
  step.lastIndex = 1
  while (path.startsWith('$') && step.lastIndex < path.length) {
    const found = step.exec(path)
    if (!found || steps.length >= MAX_STEPS) throw nowhere()
    const [, name, place, quoted, single] = found
    if (place !== undefined) steps.push(Number(place))
    else steps.push(name ?? (quoted !== undefined ? (JSON.parse(quoted) as string) : single!.replace(/\\(.)/g, '$1')))
  }
  if (steps.length === 0) throw nowhere()
  return steps
}

function own(value: unknown, step: Step): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, step)
    ? (value as Record<Step, unknown>)[step]
    : undefined
}

/** A key may have any name, `__proto__` too. */
function define(target: object, step: Step, value: unknown): void {
  Object.defineProperty(target, step, { value, enumerable: true, configurable: true, writable: true })
}

function nowhere(): CcrError {
  return new CcrError('CCR_STREAM_INVALID', 'a piece of the arguments of a call has no usable path; it was given up')
}
