import { describe, expect, it } from 'vitest'
import type { Outbound, RoutePlan } from '../exchange.ts'
import { decisionFault, outboundFault, planFault, requestFault } from './results.ts'

const target = { provider: 'p', model: 'm' }
const events = (async function* () {})()
const reply = { status: 400, type: 'api_error', message: 'm' }

describe('a result of onRequest', () => {
  it.each<[unknown, string | undefined]>([
    [null, 'it is not { reply } or { request }'],
    ['text', 'it is not { reply } or { request }'],
    [{}, 'it is not { reply } or { request }'],
    [{ request: 'm' }, 'it is not { reply } or { request }'],
    [{ request: {} }, 'its request names no model'],
    [{ request: { model: 1 } }, 'its request names no model'],
    [{ request: { model: 'm' } }, undefined],
    [{ reply: null }, 'its reply holds no message, failure or events'],
    [{ reply: {} }, 'its reply holds no message, failure or events'],
    [{ reply: { message: {} } }, 'its reply holds no message, failure or events'],
    [{ reply: { message: { content: [] } } }, undefined],
    [{ reply: { events } }, undefined],
    [{ reply: { events: [] } }, 'its reply holds no message, failure or events'],
    [{ reply: { failure: {} } }, 'its reply holds no message, failure or events'],
    [{ reply: { failure: reply } }, undefined],
  ])('%j: %s', (result, fault) => {
    expect(requestFault(result)).toBe(fault)
  })
})

describe('a failure to reply with', () => {
  it.each<[object, boolean]>([
    [{}, true],
    [{ status: 599 }, true],
    [{ status: 399 }, false],
    [{ status: 600 }, false],
    [{ status: 400.5 }, false],
    [{ status: '400' }, false],
    [{ type: 1 }, false],
    [{ message: undefined }, false],
    [{ retryAfter: '5', headers: { allow: 'GET' } }, true],
    [{ retryAfter: 5 }, false],
    [{ retryAfter: '5\n' }, false],
    [{ body: Buffer.from('{}') }, true],
    [{ body: new ArrayBuffer(2) }, false],
    [{ body: new Uint16Array(2) }, false],
    [{ headers: 'x' }, false],
    [{ headers: { allow: 1 } }, false],
    [{ headers: { allow: 'ä' } }, false],
    [{ headers: { 'a\r\nb': 'x' } }, false],
  ])('%j: %s', (fields, isOne) => {
    const result = { action: 'reply', reply: { ...reply, ...fields } }
    expect(decisionFault(result)).toBe(isOne ? undefined : 'reply needs an error status, a type and a message')
  })
})

describe('a result of onError', () => {
  it.each<[unknown, string | undefined]>([
    ['retry', 'it is not a decision'],
    [{ action: 'again' }, 'its action is not retry, next or reply'],
    [{ action: 'next' }, undefined],
    [{ action: 'next', reply: { status: 200 } }, 'reply needs an error status, a type and a message'],
    [{ action: 'next', reply: { status: 500, type: 'api_error', message: 'm' } }, undefined],
    [{ action: 'reply' }, 'reply needs an error status, a type and a message'],
    [{ action: 'retry' }, 'retry needs afterMs >= 0'],
    [{ action: 'retry', afterMs: '5' }, 'retry needs afterMs >= 0'],
    [{ action: 'retry', afterMs: -1 }, 'retry needs afterMs >= 0'],
    [{ action: 'retry', afterMs: 2 ** 31 }, 'retry needs afterMs >= 0'],
    [{ action: 'retry', afterMs: 2 ** 31 - 1 }, undefined],
    [{ action: 'retry', afterMs: 0 }, undefined],
  ])('%j: %s', (result, fault) => {
    expect(decisionFault(result)).toBe(fault)
  })
})

describe('a result of selectRoute', () => {
  const plan = { targets: [target], passedOver: [], request: undefined } as unknown as RoutePlan

  it('is no plan where it is no object', () => {
    for (const result of [null, 'plan', []]) expect(planFault(result, plan)).toBe('it is not a plan')
  })

  it.each<[object, string | undefined]>([
    [{}, undefined],
    [{ targets: 'p,m' }, 'its targets are not { provider, model } pairs'],
    [{ targets: [target, 'p,m'] }, 'its targets are not { provider, model } pairs'],
    [{ targets: [{ provider: 'p' }] }, 'its targets are not { provider, model } pairs'],
    [{ targets: [{ model: 'm' }] }, 'its targets are not { provider, model } pairs'],
    [{ targets: [] }, 'it removed the last target'],
    [{ passedOver: undefined }, 'its passedOver is not a list of { reason }'],
    [{ passedOver: ['r'] }, 'its passedOver is not a list of { reason }'],
    [{ passedOver: [{ reason: 1 }] }, 'its passedOver is not a list of { reason }'],
    [{ passedOver: [{ reason: 'r', rule: 1 }] }, 'its passedOver is not a list of { reason }'],
    [{ passedOver: [{ reason: 'r', target: 'p,m' }] }, 'its passedOver is not a list of { reason }'],
    [{ passedOver: [{ reason: 'r' }, { reason: 'r', rule: 'x', target }] }, undefined],
    [{ primary: 'p,m' }, 'its primary is not { provider, model }'],
    [{ primary: target }, undefined],
    [{ request: null }, 'its request names no model'],
    [{ request: {} }, 'its request names no model'],
    [{ request: { model: 'm' } }, undefined],
    ...(['decidedBy', 'rule', 'source', 'scenario', 'family'] as const).flatMap(
      (field): [object, string | undefined][] => [
        [{ [field]: 1 }, `its ${field} is not a text`],
        [{ [field]: 'x' }, undefined],
      ],
    ),
  ])('%j: %s', (fields, fault) => {
    expect(planFault({ ...plan, ...fields }, plan)).toBe(fault)
  })

  it('may name no target where there was none', () => {
    expect(planFault({ ...plan, targets: [] }, { ...plan, targets: [] })).toBeUndefined()
  })
})

describe('a result of transformRequest', () => {
  const before: Outbound = {
    dialect: 'd',
    body: {},
    headers: {},
    baseUrl: 'http://a',
    model: 'm',
    stream: true,
  }
  const sent = 'in the send stage only url, headers and auth may change'
  const missing = 'baseUrl, model or stream is missing'

  it.each<[stage: string, fields: object | null, fault: string | undefined]>([
    ['wire', null, 'it is not an outbound request'],
    ['wire', {}, undefined],
    ['wire', { headers: undefined }, 'its headers are not an object'],
    ['wire', { headers: { a: 1 } }, 'a header value is not one line of text'],
    ['wire', { headers: { a: 'b\rc' } }, 'a header value is not one line of text'],
    ['wire', { headers: { a: 'b\nc' } }, 'a header value is not one line of text'],
    ['wire', { headers: { a: 'b', c: 'd\0' } }, 'a header value is not one line of text'],
    ['wire', { headers: { a: 'b ä' } }, undefined],
    ['wire', { baseUrl: undefined }, missing],
    ['wire', { model: 1 }, missing],
    ['wire', { stream: 'true' }, missing],
    ['wire', { dialect: 'e' }, "it changed the dialect of the body from 'd'"],
    ['wire', { body: 'text' }, 'its body is not an object'],
    ['wire', { body: { a: 1 }, model: 'n', stream: false, baseUrl: 'http://b' }, undefined],
    ['wire', { auth: 'key' }, 'its auth is not { scheme, secret }'],
    ['wire', { auth: [{}, 'key'] }, 'its auth is not { scheme, secret }'],
    ['send', { auth: [] }, undefined],
    ['send', { auth: [{}, {}] }, undefined],
    ['wire', { modelField: { name: 'a', value: 'b' } }, undefined],
    ['wire', { modelField: { name: 'a' } }, 'its modelField is not { name, value }'],
    ['wire', { modelField: null }, 'its modelField is not { name, value }'],
    ['send', { headers: { a: 'b' }, baseUrl: 'http://b', auth: {} }, undefined],
    ['send', { body: {} }, sent],
    ['send', { model: 'n' }, sent],
    ['send', { stream: false }, sent],
  ])('in the stage %s: %j: %s', (stage, fields, fault) => {
    expect(outboundFault(fields && { ...before, ...fields }, before, stage)).toBe(fault)
  })
})
