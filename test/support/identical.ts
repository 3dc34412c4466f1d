/** The header line that the connector puts on top of the attached original. */
export const addedHeader = (ip: string) => `X-IronPort-RemoteIP: ${ip}\r\n`

/** Whether the attachment is the added header and then, byte for byte, the original as delivered. */
export function isCopyOf(attached: Buffer, original: Buffer, clientIp = '127.0.0.1'): boolean {
  return attached.equals(Buffer.concat([Buffer.from(addedHeader(clientIp)), original]))
}

/** Whether a delivered original is what was sent below nothing but the gateway's Received header. */
export function isDeliveryOf(original: Buffer, sent: Buffer): boolean {
  if (!original.subarray(original.length - sent.length).equals(sent)) return false
  const added = original.toString('latin1', 0, original.length - sent.length)
  return /^Received: [^\r\n]+\r\n([ \t][^\r\n]+\r\n)*$/.test(added)
}
