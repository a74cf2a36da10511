import { setFlagsFromString } from 'node:v8'

/**
 * Lets the heap of this process grow to four times what the last full collection left before the next one, which is the
 * most that V8 would choose itself. It counts the bodies that pass through, and lets a small heap grow by little, so
 * that every few dozen requests of 60 KB all of the heap was collected: a fifth of what they cost.
 */
export function letHeapGrow(): void {
  setFlagsFromString('--heap-growing-percent=300')
}
