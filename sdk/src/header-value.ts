const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g

/** A value for a header: one short line of ASCII; what is not is cut to 200 characters or percent-encoded. */
export function toHeaderValue(value: string): string {
  const short = value.slice(0, 200)
  return /^[\x20-\x7e]*$/.test(short) ? short : encodeURIComponent(short.replace(LONE_SURROGATE, '\uFFFD'))
}
