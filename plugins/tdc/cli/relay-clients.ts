import { readFileSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import { join } from 'node:path'

/** Bits of an address of each family. */
const BITS: Readonly<Record<number, number>> = { 4: 32, 6: 128 }

/** Whether Haraka's relay plugin, if it is in use, lets this client relay by its address. */
export function mayRelay(directory: string, ip: string): boolean {
  if (!entriesOf(directory, 'plugins').includes('relay')) return false
  const list = new BlockList()
  for (const network of entriesOf(directory, 'relay_acl_allow')) enter(list, network)
  return list.check(ip, familyOf(ip))
}

/** An entry that is no network is none for the plugin either. */
function enter(list: BlockList, network: string): void {
  const [address = '', length] = network.split('/')
  const bits = BITS[isIP(address)]
  const prefix = length === undefined ? bits : Number(length)
  if (bits === undefined || prefix === undefined || !(prefix >= 0 && prefix <= bits)) return
  list.addSubnet(address, prefix, familyOf(address))
}

function familyOf(ip: string): 'ipv4' | 'ipv6' {
  return isIP(ip) === 6 ? 'ipv6' : 'ipv4'
}

function entriesOf(directory: string, name: string): string[] {
  try {
    return readFileSync(join(directory, 'config', name), 'utf8')
      .split('\n')
      .map((line) => line.replace(/[#;].*/, '').trim())
      .filter((line) => line !== '')
  } catch {
    return []
  }
}
