import type { HookTable } from './contract'

/** haraka-plugin-relay 1.x as far as it is used; it says itself whom it lets relay. */
interface RelayPlugin {
  readonly cfg?: { readonly relay?: { readonly acl?: unknown } }
  is_acl_allowed?(connection: object): unknown
}

/** Whether the relay plugin, where it is in use, lets a client relay by its IP address. */
export function mayRelay({ registered_plugins }: HookTable, ip: string): boolean {
  const relay = registered_plugins?.['relay'] as RelayPlugin | undefined
  if (!relay?.cfg?.relay?.acl) return false
  return Boolean(relay.is_acl_allowed?.({ remote: { ip }, logdebug: () => {} }))
}
