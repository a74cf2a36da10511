import { CcrError } from '@ccr/sdk'
import { confirm, isCancel, spinner } from '@clack/prompts'
import type { CommandContext } from '../context.ts'
import { isInteractive } from '../terminal.ts'

/**
 * Asks a person, in a terminal.
 *
 * @throws CcrError `CCR_INSTALL_CONSENT` when the answer is not yes
 */
export async function askConsent(question: string): Promise<void> {
  const answer = await confirm({ message: question, initialValue: false })
  if (isCancel(answer) || !answer) {
    throw new CcrError('CCR_INSTALL_CONSENT', 'nothing was changed, because it was not agreed to.')
  }
}

/** Tells what takes long. */
export interface Progress {
  readonly step: (text: string) => void
  readonly end: () => void
}

/** On a terminal one line that is replaced; else a line for each step, apart from the result. */
export function createProgress({ complain }: CommandContext, quiet = false): Progress {
  if (quiet) return { step: () => undefined, end: () => undefined }
  if (!isInteractive()) return { step: (text) => complain(`ccr: ${text}`), end: () => undefined }
  const line = spinner()
  let running = false
  return {
    step: (text) => {
      if (running) line.message(text)
      else line.start(text)
      running = true
    },
    end: () => {
      if (running) line.stop()
      running = false
    },
  }
}
