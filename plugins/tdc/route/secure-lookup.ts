import type { Clock } from '../clock'
import { type CachedAnswer, AnswerCache } from './answer-cache'
import { type DaneLookup, daneOf, type SecureDns } from './dane'
import type { DnsAnswer, RecordType } from './dns-answer'
import type { DnsClient } from './dns-client'
import { isFinal } from './dns-failure'
import { addressesOf, dnsQuestions } from './dns-questions'
import type { MxLookup } from './mx-lookup'

interface SecureAddresses {
  readonly addresses: readonly string[]
  readonly secure: boolean
  readonly canonical: string
}

/**
 * The DNS by a resolver whose word on what is authentic is believed. MX and address records come from the
 * same answers for a connection and for DANE, so that no other answer can stand between.
 */
export function secureLookup(
  client: DnsClient,
  clock: Clock,
): { lookup: MxLookup; dane: DaneLookup } {
  const ask =
    <T extends RecordType>(type: T) =>
    async (name: string): Promise<CachedAnswer<DnsAnswer<T>>> => {
      const answer = await client.ask(name, type)
      return { value: answer, ttl: answer.ttl }
    }
  const mx = new AnswerCache(ask('MX'), clock)
  const tlsa = new AnswerCache(ask('TLSA'), clock)
  const aliases = new AnswerCache(ask('CNAME'), clock)
  const addresses = new AnswerCache((host) => bothFamilies(client, host), clock)
  const dns: SecureDns = {
    mx: (domain) => mx.get(domain),
    addresses: (host) => addresses.get(host),
    tlsa: (name) => tlsa.get(name),
    isSecureAlias: (host) =>
      aliases.get(host).then(
        ({ secure }) => secure,
        (error: unknown) => {
          if (isFinal(error)) return false
          throw error
        },
      ),
  }
  return {
    lookup: {
      mx: async (domain) => (await mx.get(domain)).records,
      addresses: async (host) => (await addresses.get(host)).addresses,
      system: (host) =>
        dnsQuestions()
          .system(host)
          .then(({ value }) => value),
    },
    dane: (domain, host) => daneOf(dns, domain, host),
  }
}

async function bothFamilies(
  client: DnsClient,
  host: string,
): Promise<CachedAnswer<SecureAddresses>> {
  const answers: DnsAnswer<'A' | 'AAAA'>[] = []
  const family = (type: 'A' | 'AAAA') => async () => {
    const answer = await client.ask(host, type)
    answers.push(answer)
    const ttl = answer.ttl / 1000
    return answer.records.map((address) => ({ address, ttl }))
  }
  const found = await addressesOf(family('AAAA'), family('A'))
  const canonical = answers[0]?.canonical ?? host
  return {
    ...found,
    value: { addresses: found.value, canonical, secure: answers.every(({ secure }) => secure) },
  }
}
