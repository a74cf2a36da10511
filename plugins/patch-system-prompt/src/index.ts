import { homedir } from 'node:os'
import { isAbsolute } from 'node:path'
import { definePlugin, messageOf, passOver, requestOf, Type } from '@ccr/sdk'
import { PromptFile } from './prompt-file.ts'
import { rewriteSystem } from './rewrite.ts'

const RULE = 'REWRITE_SYSTEM_PROMPT'

export default definePlugin({
  name: 'patch-system-prompt',
  apiVersion: 1,
  description: 'Replaces the beginning of the system prompt by the text of a file.',
  config: {
    [RULE]: Type.Optional(
      Type.String({
        description: 'File whose text replaces the system prompt up to `<env>`; `~/` is the home folder.',
      }),
    ),
  },
  activate(ctx) {
    const path = ctx.config[RULE]?.trim() ?? ''
    if (path === '') return
    const place = path.replace(/^~(?=\/)/, homedir())
    const file = new PromptFile(place, () => performance.now())
    // What a relative one means would be up to the folder in which somebody started the router.
    const isKnown = isAbsolute(place)
    // A refiner, so that it happens once for all attempts, whoever decided.
    ctx.on(
      'selectRoute',
      async (plan, exchange) => {
        const leftAsItIs = (fault: string) =>
          passOver(plan, { rule: RULE, reason: `${path} ${fault}. The prompt stays as it is.`, unmatched: true })
        if (!isKnown) return leftAsItIs("is neither absolute nor below '~/'")
        try {
          const request = rewriteSystem(requestOf(plan, exchange), await file.read())
          return request && { ...plan, request }
        } catch (thrown) {
          return leftAsItIs(`cannot be read: ${messageOf(thrown)}`)
        }
      },
      { stage: 'refine' },
    )
  },
})
