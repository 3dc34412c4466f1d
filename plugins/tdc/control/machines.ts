import { sectionFinder } from '../cluster/overlay'
import type { SharedCluster } from '../cluster/shared-cluster'
import { FIXED, SECTIONS } from '../settings/keys'
import { isSecret } from '../settings/section'
import { NO_FILES } from '../settings/source'
import { QUICK_TIME, LISTING, ofOne, type Parts, SOUGHT, FIELD } from './asking'

/** `spreads`: also if that turns off machines which it does not name. */
const BY_WHOM = { user: FIELD.text, spreads: FIELD.flag }
/**
 * `level`: `cluster`, `group=NAME` or `machine=HOST`; `policy` '': the values are the level's own. `values`:
 * `KEY=VALUE` each, or `KEY` where they are taken back.
 */
const CHANGE = { level: FIELD.text, policy: FIELD.text, values: FIELD.texts, ...BY_WHOM }

/** A value that is in force, and whose word it is; '': it is not set. */
interface InForce {
  readonly section: string
  readonly key: string
  readonly value: string
  readonly from: 'shared' | 'tdc.ini' | 'default'
}

/** What concerns all machines: the only process or the master has it. */
export const OF_MACHINES = {
  /** Every value that is in force, and why the last reading was refused, if it was. */
  settings: ofOne('primary', {
    fields: {},
    within: QUICK_TIME,
    here: (parts) => ({ values: inForce(parts), problems: parts.settings.problems }),
  }),
  'shared-set': ofOne('primary', {
    fields: CHANGE,
    here: (parts, asked) => sharedOf(parts).set(asked),
  }),
  'shared-unset': ofOne('primary', {
    fields: CHANGE,
    here: (parts, asked) => sharedOf(parts).unset(asked),
  }),
  'shared-revert': ofOne('primary', {
    fields: { change: FIELD.text, ...BY_WHOM },
    here: (parts, asked) => sharedOf(parts).revert(asked),
  }),
  'shared-history': ofOne('primary', { fields: {}, here: (parts) => sharedOf(parts).history }),
  /** What is in the way between this machine and Redis. */
  'shared-trouble': ofOne('primary', {
    fields: {},
    within: QUICK_TIME,
    here: (parts) => sharedOf(parts).trouble,
  }),
  'cluster-status': ofOne('primary', { fields: {}, here: (parts) => sharedOf(parts).view() }),
  'cluster-track': ofOne('primary', {
    fields: { wanted: FIELD.text, ...SOUGHT, ...LISTING },
    here: (parts, asked) => sharedOf(parts).find(asked),
  }),
}

function inForce({ settings, shared }: Parts): InForce[] {
  const { ini, headings } = settings.files ?? NO_FILES
  const entries = settings.value.cluster.redis ? (shared?.history.entries ?? []) : []
  const find = sectionFinder(
    { ini, headings },
    entries.map(({ section }) => section),
  )
  const over = entries.map((each) => ({ ...each, section: find(each.section) }))
  const sections = [...Object.keys(FIXED), ...headings, ...over.map(({ section }) => section)]
  return [...new Set(sections)].flatMap((section) => {
    const [keys, own] = [SECTIONS[section] ?? {}, ini[section] ?? {}]
    const said = over.filter((each) => each.section === section)
    const names = [...Object.keys(keys), ...Object.keys(own), ...said.map(({ key }) => key)]
    return [...new Set(names)].map((key) => {
      const shares = said.find((each) => each.key === key)
      const written = shares?.value ?? [own[key] ?? ''].flat().join(', ')
      const value = written || (keys[key]?.text ?? '')
      const from = shares ? 'shared' : written === '' ? 'default' : 'tdc.ini'
      return { section, key, value: isSecret(key) && value !== '' ? '(secret)' : value, from }
    })
  })
}

const NOT_SHARED =
  'this server shares nothing: set redis=true in [cluster] of config/tdc.ini, and the server in config/redis.ini'

function sharedOf({ shared, settings }: Parts): SharedCluster {
  if (!shared) throw new Error('only the master can answer that')
  if (!settings.value.cluster.redis) throw new Error(NOT_SHARED)
  return shared
}
