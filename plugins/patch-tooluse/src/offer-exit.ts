import { askedThinking, isClientTool, isObject } from '@ccr/sdk'
import type { CanonicalRequest, TextBlock, Tool } from '@ccr/sdk'

/** The tool by which the model answers. */
export const EXIT = 'ExitTool'

const TOOL: Tool = {
  name: EXIT,
  description:
    'Ends the turn with an answer to the user. Call it when the work is done, when you need something from the user, ' +
    'or when none of the other tools helps.',
  input_schema: {
    type: 'object',
    properties: {
      response: {
        type: 'string',
        description: 'All that the user is to read, complete and in the form it shall have.',
      },
    },
    required: ['response'],
  },
}

const REMINDER =
  `<system-reminder>\nIn this conversation you act by calling tools. Each of your turns calls at least one tool: the ` +
  `one that brings the work forward, or, when nothing is left to do or no tool fits, ${EXIT}. The user reads what ` +
  `you pass to ${EXIT} as \`response\`, and your turn ends with it. Never call ${EXIT} while work is left that ` +
  `another tool can do, and do not mention it to the user.\n</system-reminder>`

/**
 * The request with the tool by which the model answers; nothing where it stays as it is, because the client offers no
 * tool, has one of this name, says itself which tools are to be called, or wants an answer of a
 * form that no tool keeps.
 *
 * A model that thinks is not forced to call: several servers refuse that, and the client wants its thinking.
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking (tool use)
 */
export function offerExit(request: CanonicalRequest): CanonicalRequest | undefined {
  const { tools, tool_choice: choice, system, thinking, output_config } = request
  if (!Array.isArray(tools) || isObject(output_config?.format)) return undefined
  const offered = (tools as readonly (Tool | null)[]).filter((tool) => tool !== null)
  if (!offered.some(isClientTool) || offered.some(({ name }) => name === EXIT)) return undefined
  if ((choice && choice.type !== 'auto') || choosesByItself(request)) return undefined
  const reminded = { ...request, tools: [...(tools as readonly Tool[]), TOOL], system: withReminder(system) }
  if (thinking && askedThinking(request)?.on !== false) return reminded
  return { ...reminded, tool_choice: { ...choice, type: 'any' } }
}

/** Some protocols let a client choose in words that the canonical form has no place for. */
function choosesByItself({ extra }: CanonicalRequest): boolean {
  return Object.values(extra ?? {}).some((fields) => isObject(fields) && isObject(fields['tool_choice']))
}

/** At the end of the system prompt, where it is the same in every turn, so that prompts stay cached. */
function withReminder(system: CanonicalRequest['system']): CanonicalRequest['system'] {
  if (Array.isArray(system)) return [...(system as readonly TextBlock[]), { type: 'text', text: REMINDER }]
  return typeof system === 'string' && system !== '' ? `${system}\n\n${REMINDER}` : REMINDER
}
