import { setImmediate as turn } from 'node:timers/promises'
import type { TestReply } from '../kernel.ts'
import { ResourceWatch } from '../resources.ts'
import { sse, type TestAnswer } from '../upstream.ts'
import { ConformanceError, type StreamCase } from './cases.ts'
import { answerText } from './default-streams.ts'
import { inWorld, streamsOf, type Subject, type World } from './world.ts'

/** How the upstream's bytes are cut changes nothing: at all of them, and at each with whole pieces around it. */
export async function cutsChangeNothing(subject: Subject): Promise<'passed' | 'skipped'> {
  let result: 'passed' | 'skipped' = 'passed'
  const { streams, missing } = await streamsOf(subject)
  if (missing !== undefined) {
    const fact = `it reads the wire events of the dialect '${missing}', of which the checks know none`
    throw new ConformanceError(`${fact}; add one of its streams to the cases`)
  }
  for (const stream of streams) {
    if ((await cutEverywhere(subject, stream)) === 'skipped') result = 'skipped'
  }
  return result
}

async function cutEverywhere(subject: Subject, stream: StreamCase): Promise<'passed' | 'skipped'> {
  const bytes = Buffer.from(answerText(stream))
  const contentType = stream.contentType ?? 'text/event-stream'
  let pieces: readonly Uint8Array[] = [bytes]
  const how = { stream, answer: (): TestAnswer => ({ headers: { 'content-type': contentType }, body: pieces }) }
  const ask = async (world: World, cut: readonly Uint8Array[]): Promise<string> => {
    pieces = cut
    return shown(await world.ask())
  }
  const cuts = [cutEvery(bytes, 1, 1)]
  for (let first = 1; first <= Math.min(STRIDE, bytes.length - 1); first++) cuts.push(cutEvery(bytes, first, STRIDE))

  let whole = ''
  let remembers = false
  const result = await inWorld(subject, how, async (world) => {
    // Who neither reads the bytes nor sees the events makes no difference between cuts.
    if (!takesPart(world)) cuts.splice(1)
    whole = await ask(world, [bytes])
    remembers = (await ask(world, [bytes])) !== whole
    if (!remembers) await compareAll(whole, cuts, (cut) => ask(world, cut))
  })
  if (!remembers) return result
  // What an answer is depends on those before it, so each is asked of a plugin that has seen none.
  const afresh = async (cut: readonly Uint8Array[]): Promise<string> => {
    let answer = ''
    await inWorld(subject, how, async (world) => void (answer = await ask(world, cut)))
    return answer
  }
  if ((await afresh([bytes])) !== whole) {
    const fact = 'two equal answers of an upstream become different ones'
    throw new ConformanceError(`${fact}; take identifiers from exchange.newId and the time from exchange.startedAt`)
  }
  await compareAll(whole, cuts, afresh)
  return result
}

/** Bytes between two cuts of the same answer. */
const STRIDE = 32

/** The first piece has `first` bytes, the others `every`. */
function cutEvery(bytes: Buffer, first: number, every: number): readonly Uint8Array[] {
  const pieces = [bytes.subarray(0, first)]
  for (let at = first; at < bytes.length; at += every) pieces.push(bytes.subarray(at, at + every))
  return pieces
}

function takesPart({ instance }: World): boolean {
  return instance.taps.some(({ hook }) => hook === 'transformStream') || instance.dialects.some(({ target }) => target)
}

type Ask = (cut: readonly Uint8Array[]) => Promise<string>

async function compareAll(whole: string, cuts: readonly (readonly Uint8Array[])[], ask: Ask): Promise<void> {
  for (const cut of cuts) {
    const other = await ask(cut)
    if (other === whole) continue
    const at = [...whole].findIndex((_, index) => whole[index] !== other[index])
    const from = Math.max(0, at - 20)
    const [first, second] = [whole, other].map((text) => JSON.stringify(text.slice(from, from + 80)))
    const where = cut[1]?.length === 1 ? 'at every byte' : `after byte ${cut[0]!.length} and every ${STRIDE} more`
    const fact = `an answer that is cut ${where} becomes another one: ${second} where the whole one becomes ${first}`
    throw new ConformanceError(`${fact}; hold back what is not complete, as rewriteText and bufferToolArguments do`)
  }
}

function shown({ status, text, cut }: TestReply): string {
  return `${status} ${cut ? 'cut ' : ''}${text}`
}

/** Parts of the answer after which the client leaves. */
const PARTS = [0.3, 0.6, 0.9]
const ABORT_MS = 5_000

/** A client that leaves in the middle of an answer leaves nothing behind. */
export async function abortLeavesNothing(subject: Subject): Promise<'passed' | 'skipped'> {
  let result: 'passed' | 'skipped' = 'passed'
  for (const stream of (await streamsOf(subject)).streams) {
    for (const part of PARTS) {
      if ((await abortAt(subject, stream, part)) === 'skipped') result = 'skipped'
    }
  }
  return result
}

async function abortAt(subject: Subject, stream: StreamCase, part: number): Promise<'passed' | 'skipped'> {
  const watch = new ResourceWatch({ offline: true })
  const leave = new AbortController()
  const answer = (body: string, signal: AbortSignal): TestAnswer => ({
    ...sse(body),
    ...(stream.contentType !== undefined && { headers: { 'content-type': stream.contentType } }),
    body: begin(Buffer.from(body), part, signal, leave),
  })
  try {
    return await inWorld(subject, { stream, answer, watch }, async (world) => {
      const targets = [undefined, ...localTargets(world)]
      for (const target of targets) {
        const before = watch.mark()
        await endOf(world, leave.signal, target, subject.limits.abortMs ?? ABORT_MS)
        const left = await watch.left(before)
        if (left.length === 0) continue
        const fact = `an exchange whose client left has left ${[...new Set(left)].join(', ')}`
        throw new ConformanceError(`${fact}; undo it in the transform's abort(), or by attempt.signal`)
      }
    })
  } finally {
    watch.close()
  }
}

/** The first part of the answer; then the client leaves. */
async function* begin(body: Buffer, part: number, signal: AbortSignal, leave: AbortController) {
  yield body.subarray(0, Math.floor(body.length * part))
  for (let turns = 0; turns < 3; turns++) await turn()
  leave.abort()
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  yield* []
}

async function endOf(world: World, leaving: AbortSignal, target: string | undefined, limitMs: number): Promise<void> {
  const local = new AbortController()
  const signal = target === undefined ? leaving : local.signal
  const asked = world.ask({
    signal,
    ...(target !== undefined && { target, onChunk: () => void setImmediate(() => local.abort()) }),
  })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = ResourceWatch.outside(() => setTimeout(() => resolve('late'), limitMs))
  })
  const ended = await Promise.race([asked, late])
  clearTimeout(timer)
  if (ended !== 'late') return
  throw new ConformanceError(`an exchange goes on ${limitMs} ms after its client left; end what attempt.signal ends`)
}

/** Providers whose answers the plugin itself makes. */
export function localTargets({ instance }: World): readonly string[] {
  return instance.contributions.flatMap(({ point, value }) =>
    point === 'providers' && typeof value === 'object' && 'local' in value
      ? `${value.name},${value.models[0] ?? 'model'}`
      : [],
  )
}
