/** The part of haraka-net-utils, which has no types of its own, that the delivery uses. */
declare module 'haraka-net-utils' {
  /**
   * MX records, or, when there are none, the domain's own addresses as exchanges. Empty when
   * neither was found, whatever the reason; rejects only when the MX query itself failed.
   */
  export function get_mx(domain: string): Promise<{ exchange: string; priority: number }[]>
}
