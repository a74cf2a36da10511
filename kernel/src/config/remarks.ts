import { isPlainObject } from './plain-data.ts'

/** Whether a key that nothing reads was written for people: a remark, a key put aside, or what an editor reads. */
export function isRemark(key: string): boolean {
  return /^(\/\/|#|_|\$(schema|comment)$)/.test(key)
}

/** Whether a value asks for nothing, so that nobody misses that it is not read. */
export function saysNothing(value: unknown): boolean {
  if (isPlainObject(value)) return value['enabled'] === false || Object.keys(value).length === 0
  return value === null || value === '' || (Array.isArray(value) && value.length === 0)
}
