'use strict'
/* global exports, require, process, setTimeout, OK, CONT, DENY, DENYSOFT, DENYDISCONNECT, DENYSOFTDISCONNECT, STOP */
/*
 * A queue plugin of its own: MAIL FROM, as `<own.DENY.first.ID@sender.example>`, says what it answers
 * and to which mailboxes, lines of a file, it delivers before that.
 */
// Plain CommonJS, for Haraka's process loads no TypeScript.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { appendFileSync, createWriteStream } = require('node:fs')

const ANSWERS = { OK, CONT, DENY, DENYSOFT, DENYDISCONNECT, DENYSOFTDISCONNECT, STOP }

exports.register = function () {
  const priority = Number(process.env.MODEL_QUEUE_PRIORITY)
  this.register_hook('queue', 'deliver', priority)
  this.register_hook('queue_outbound', 'deliver', priority)
}

exports.deliver = function (next, { transaction }) {
  const [, result, delivers, id] = transaction.mail_from.user.split('.')
  const asked = transaction.rcpt_to.map((to) => `${to.user}@${to.host}`)
  const kept = { all: asked, first: asked.slice(0, 1), none: [] }[delivers]
  const mailboxes = process.env.MODEL_MAILBOXES
  appendFileSync(mailboxes, JSON.stringify({ id, result, asked, kept }) + '\n')
  const answer = () => result === 'hang' || next(ANSWERS[result], 'as it was wished')
  if (kept.length === 0) setTimeout(answer, 5)
  else transaction.message_stream.pipe(createWriteStream(`${mailboxes}.${id}`).on('close', answer))
  if (result === 'throw') throw new Error('as it was wished')
}
