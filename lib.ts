// c

export function g(): number {
  return (undefined as unknown as { b: { c: number } }).b.c
}
