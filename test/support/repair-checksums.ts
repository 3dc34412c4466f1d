import { crc32c } from '../../plugins/tdc/queue/log/crc32c'
import { RECORDS_AT } from '../../plugins/tdc/queue/log/format'

/** A segment in which each record has the CRC of what it holds, as if nobody looked at it. */
export function repairChecksums(segment: Buffer): Buffer {
  const repaired = Buffer.from(segment)
  for (let at = RECORDS_AT; (at = repaired.indexOf('TDCc', at)) >= 0; at += 4) {
    if (at + 24 > repaired.length) break
    const start = at + 24 + repaired.readUInt16BE(at + 18)
    const end = start + repaired.readUInt32BE(at + 4)
    if (end > repaired.length) continue
    const place = Buffer.alloc(4)
    place.writeUInt32BE(at)
    const front = crc32c(repaired.subarray(at, at + 20), crc32c(place))
    repaired.writeUInt32BE(crc32c(repaired.subarray(at + 24, end), front), at + 20)
  }
  return repaired
}
