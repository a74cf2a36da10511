import type { WriteStream } from 'node:tty'

const WIDTH = 80

/** Whether somebody sits in front of this process, and can be asked. */
export function isInteractive({ stdin, stdout }: Pick<NodeJS.Process, 'stdin' | 'stdout'> = process): boolean {
  return stdin.isTTY === true && stdout.isTTY === true
}

/**
 * Gives a terminal that does not know how wide it is 80 columns; a new one of a container may not. Prompts would put
 * every character on a line of its own.
 */
export function assumeWidth(stream: Pick<WriteStream, 'columns'> & { readonly isTTY?: boolean }): void {
  if (stream.isTTY === true && !(stream.columns > 0)) stream.columns = WIDTH
}
