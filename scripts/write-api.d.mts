/** The surface of the SDK as Markdown. */
export function apiText(): string
