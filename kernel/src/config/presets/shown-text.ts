/** A text of somebody else must not move the cursor or hide a line. */
export function withoutControls(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/g, '?')
}

/** The same for lines of a terminal, in which a line end and whatever JSON may hold have their meaning. */
export function withoutEscapes(lines: string): string {
  return lines.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]|\r(?!\n)/g, '?')
}
