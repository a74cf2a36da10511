import { defineTransformer, renumberBlocks, type Attempt } from '@ccr/sdk'
import { ExitCalls } from './exit-calls.ts'
import { offerExit } from './offer-exit.ts'

/** The attempt's request offers the tool. Kept on the attempt itself, which costs less than a WeakMap. */
const OFFERED = Symbol('offered')
type MarkedAttempt = Attempt & { [OFFERED]?: boolean }

export default defineTransformer({
  name: 'patch-tooluse',
  transformer: 'tooluse',
  description: 'Makes a model call a tool in every turn; it answers by calling one of the router.',
  dialect: 'canonical',
  request(body, { attempt }) {
    const offered = offerExit(body)
    ;(attempt as MarkedAttempt)[OFFERED] = offered !== undefined
    return offered
  },
  stream({ attempt }) {
    if (!(attempt as MarkedAttempt)[OFFERED]) return undefined
    const calls = new ExitCalls()
    return renumberBlocks({ chunk: (event, emit) => calls.chunk(event, emit) })
  },
})
