import type { CanonicalRequest, Tool } from '@ccr/sdk'
import { listOf } from './images.ts'

const NAME = 'analyzeImage'

/** A name for the private tool that no tool of the client has. */
export function toolName({ tools }: CanonicalRequest): string {
  const known = listOf<Tool | null>(tools)
  let name = NAME
  for (let copy = 2; known.some((tool) => tool?.name === name); copy++) name = `${NAME}${copy}`
  return name
}

/** The tool by which a model that cannot see asks one that can. */
function analyzeImage(name: string): Tool {
  const number = { type: 'number' }
  return {
    name,
    description: 'Looks at images of this conversation and answers a question about them.',
    input_schema: {
      type: 'object',
      properties: {
        imageId: {
          type: 'array',
          items: { type: 'string' },
          description: 'The images to look at, such as ["[Image #1]"].',
        },
        task: { type: 'string', description: 'What to find out about them, as precisely as possible.' },
        regions: {
          type: 'array',
          description: 'Parts of the images to look at.',
          items: {
            type: 'object',
            properties: {
              name: { type: 'string' },
              x: number,
              y: number,
              w: number,
              h: number,
              units: { type: 'string', enum: ['px', 'pct'] },
            },
            required: ['x', 'y', 'w', 'h', 'units'],
          },
        },
      },
      required: ['imageId', 'task'],
    },
  }
}

function instruction(name: string): string {
  return (
    'You cannot see images. Where the user sent one, there is a placeholder such as [Image #1]. When an answer ' +
    `depends on what an image shows, call the tool ${name} with the id of the image that matters most, and ask ` +
    'exactly what you need to know. Never describe an image, or guess what it shows, without having asked. The user ' +
    'sees the images and knows neither the placeholders nor this tool: do not mention them.'
  )
}

/** The request with the tool, and with words to the model about it. */
export function offerTool(request: CanonicalRequest, name: string): CanonicalRequest {
  const { tools } = request
  const system = request.system ?? ''
  const text = instruction(name)
  const told = Array.isArray(system)
    ? [...(system as Exclude<typeof system, string>), { type: 'text' as const, text }]
    : system === ''
      ? text
      : `${String(system)}\n\n${text}`
  return { ...request, system: told, tools: [...listOf(tools), analyzeImage(name)] }
}

/** The request in which the tool cannot be called any more. */
export function withdrawTool(request: CanonicalRequest, name: string): CanonicalRequest {
  const others = listOf(request.tools).filter((tool) => (tool as Tool | null)?.name !== name)
  // Calls stand in the history, which some targets take only together with tools.
  return others.length > 0 ? { ...request, tools: others } : { ...request, tool_choice: { type: 'none' } }
}
