import { type Emit, isObject, type JsonObject, type StreamTransform } from '@ccr/sdk'

const NUMBER = /^\d+$/

/**
 * Gives calls whose ids are mere numbers ids of their own: a model that counts its calls from 0 in every turn would
 * have clients take each for the first one.
 */
export class OwnCallIds implements StreamTransform<JsonObject> {
  readonly #newId: (prefix: string) => string
  readonly #own = new Map<string, string>()

  constructor(newId: (prefix: string) => string) {
    this.#newId = newId
  }

  chunk(event: JsonObject, emit: Emit<JsonObject>): void {
    const choices = event['choices']
    emit(Array.isArray(choices) && choices.some(hasCalls) ? { ...event, choices: choices.map(this.#inChoice) } : event)
  }

  readonly #inChoice = (choice: unknown): unknown => {
    if (!hasCalls(choice)) return choice
    const { delta } = choice
    return { ...choice, delta: { ...delta, tool_calls: delta.tool_calls.map(this.#inCall) } }
  }

  readonly #inCall = (call: unknown): unknown => {
    const given = isObject(call) ? call['id'] : undefined
    if (typeof given !== 'number' && !(typeof given === 'string' && NUMBER.test(given))) return call
    const id = this.#own.get(`${given}`) ?? this.#newId('call_')
    this.#own.set(`${given}`, id)
    return { ...(call as JsonObject), id }
  }
}

interface Calling extends JsonObject {
  readonly delta: JsonObject & { readonly tool_calls: readonly unknown[] }
}

function hasCalls(choice: unknown): choice is Calling {
  if (!isObject(choice)) return false
  const { delta } = choice
  return isObject(delta) && Array.isArray(delta['tool_calls'])
}
