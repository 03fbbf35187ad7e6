// A Fivefold client: signs every request (RFC 9421, RFC 9530), and believes no answer that does not
// verify. It needs Node 18 or later, and no package.
//
//   import { Client } from './client.mjs'
//   const bank = new Client()            // FIVEFOLD_URL, FIVEFOLD_KEY in the environment
//   const answer = await bank.post('/v1/inquiries', { … })
//
// As a program it does one request that it reads as JSON: what `fivefold conformance --client` wants.

import crypto from 'node:crypto'
import fs from 'node:fs'
import { pathToFileURL } from 'node:url'

const LABEL = 'bank'
const TRIES_MAX = 4

/** The bureau said no: `code` says why, /docs/errors what to do. */
export class Refused extends Error {
  constructor(status, problem) {
    super(`${status} ${problem.code}: ${problem.detail}`)
    Object.assign(this, { status, problem, code: problem.code })
  }
}

/** The answer does not verify: nothing in it may be believed. */
export class NotSigned extends Error {}

const digest = (body) => `sha-256=:${crypto.createHash('sha256').update(body).digest('base64')}:`
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000))

export class Client {
  constructor(url = process.env.FIVEFOLD_URL, key = process.env.FIVEFOLD_KEY) {
    this.url = url.replace(/\/+$/, '')
    this.key = crypto.createPrivateKey(fs.readFileSync(key))
    const { crv, kty, x } = crypto.createPublicKey(this.key).export({ format: 'jwk' })
    // RFC 7638: the digest of the key's required members, sorted, without spaces.
    const members = JSON.stringify({ crv, kty, x })
    this.keyid = crypto.createHash('sha256').update(members).digest('base64url')
    this.bureau = new Map()
  }

  // ---- What you call --------------------------------------------------------------------------

  get(path) {
    return this.#done('GET', path, '', '')
  }

  /** Repeats by itself what may be repeated, always under one Idempotency-Key. */
  post(path, body, key = crypto.randomUUID()) {
    return this.#done('POST', path, JSON.stringify(body), key)
  }

  async #done(method, path, body, key) {
    for (let attempt = 1; ; attempt += 1) {
      let got
      try {
        got = await this.send(method, path, body, key)
      } catch (error) {
        if (attempt === TRIES_MAX) throw error
        await pause(1)
        continue
      }
      const said = JSON.parse(got.body)
      if (got.status < 400) return said
      const wait = Number(got.headers.get('retry-after') ?? Infinity)
      if (wait > 60 || attempt === TRIES_MAX) throw new Refused(got.status, said)
      await pause(wait)
    }
  }

  // ---- One request, signed; its answer, verified ----------------------------------------------

  async send(method, path, body = '', key = '', contentType = 'application/json') {
    const target = this.url + path
    const fields = {}
    if (body) fields['content-digest'] = digest(body)
    if (key) fields['idempotency-key'] = key
    const lines = [`"@method": ${method}`, `"@target-uri": ${target}`]
    for (const [name, value] of Object.entries(fields)) lines.push(`"${name}": ${value}`)
    const covered = lines.map((line) => line.split(': ')[0]).join(' ')
    const nonce = crypto.randomBytes(16).toString('base64url')
    const params =
      `(${covered});created=${Math.floor(Date.now() / 1000)};nonce="${nonce}"` +
      `;keyid="${this.keyid}";tag="fivefold-request"`
    const base = [...lines, `"@signature-params": ${params}`].join('\n')
    const signature = `:${crypto.sign(null, Buffer.from(base), this.key).toString('base64')}:`
    const headers = { ...fields, 'signature-input': `${LABEL}=${params}` }
    headers.signature = `${LABEL}=${signature}`
    if (body) headers['content-type'] = contentType
    const signal = AbortSignal.timeout(30_000)
    const response = await fetch(target, { method, headers, body: body || undefined, signal })
    const answer = Buffer.from(await response.arrayBuffer())
    const sent = { '@method': method, '@target-uri': target, signature, ...fields }
    await this.verify(response.status, response.headers, answer, sent)
    return { status: response.status, headers: response.headers, body: answer.toString() }
  }

  /** Builds the signature base again from what the answer says it covers. */
  async verify(status, headers, answer, sent) {
    const input = headers.get('signature-input') ?? ''
    const [label, params] = [input.split('=')[0], input.slice(input.indexOf('=') + 1)]
    if (!params.includes(';tag="fivefold-response"')) throw new NotSigned('no signature')
    const own = { '@status': String(status), 'content-digest': headers.get('content-digest') }
    const list = params.slice(1, params.indexOf(')'))
    const lines = []
    for (const [, name, flags] of list.matchAll(/"([^"]+)"((?:;[a-z]+(?:="[^"]*")?)*)/g)) {
      const value = (flags.includes(';req') ? sent : own)[name]
      if (value == null) throw new NotSigned(`it covers ${name}, which is not there`)
      lines.push(`"${name}"${flags}: ${value}`)
    }
    const covered = new Set(lines.map((line) => line.split(': ')[0]))
    const wanted = ['"@status"', '"content-digest"', '"@method";req', '"@target-uri";req']
    if (status < 400) wanted.push(`"signature";req;key="${LABEL}"`)
    if (!wanted.every((part) => covered.has(part))) throw new NotSigned('it covers too little')
    const base = [...lines, `"@signature-params": ${params}`].join('\n')
    const key = await this.#bureauKey(/;keyid="([^"]*)"/.exec(params)?.[1])
    const signature = (headers.get('signature') ?? '').slice(label.length + 2, -1)
    const holds = crypto.verify(null, Buffer.from(base), key, Buffer.from(signature, 'base64'))
    if (!holds) throw new NotSigned('the signature does not hold')
    if (headers.get('content-digest') !== digest(answer)) {
      throw new NotSigned('the body is not the one that was signed')
    }
  }

  async #bureauKey(keyid) {
    if (!this.bureau.has(keyid)) {
      const path = '/.well-known/http-message-signatures-directory'
      const { keys } = await (await fetch(this.url + path)).json()
      for (const key of keys) {
        this.bureau.set(key.kid, crypto.createPublicKey({ key, format: 'jwk' }))
      }
    }
    const key = this.bureau.get(keyid)
    if (!key) throw new NotSigned(`the bureau has no key ${keyid}`)
    return key
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const asked = JSON.parse(fs.readFileSync(0, 'utf8'))
  const client = new Client()
  const path = asked.url.slice(client.url.length)
  const key = asked.headers['idempotency-key'] ?? ''
  let got
  try {
    got = await client.send(asked.method, path, asked.body ?? '', key)
  } catch (error) {
    if (!(error instanceof NotSigned)) throw error
    console.error(`thrown away: ${error.message}`)
    process.exit(1)
  }
  console.log(JSON.stringify({ ...got, headers: Object.fromEntries(got.headers) }))
}
