import type { SharedCluster } from '../cluster/shared-cluster'
import { QUICK_TIME, LISTING, ofOne, type Parts, SOUGHT, FIELD } from './asking'

/** `spreads`: also if that turns off machines which it does not name. */
const BY_WHOM = { user: FIELD.text, spreads: FIELD.flag }
/**
 * `level`: `cluster`, `group=NAME` or `machine=HOST`; `policy` '': the values are the level's own. `values`:
 * `KEY=VALUE` each, or `KEY` where they are taken back.
 */
const CHANGE = { level: FIELD.text, policy: FIELD.text, values: FIELD.texts, ...BY_WHOM }

/** What concerns all machines: the only process or the master has it. */
export const OF_MACHINES = {
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

const NOT_SHARED =
  'this server shares nothing: set redis=true in [cluster] of config/tdc.ini, and the server in config/redis.ini'

function sharedOf({ shared, settings }: Parts): SharedCluster {
  if (!shared) throw new Error('only the master can answer that')
  if (!settings.value.cluster.redis) throw new Error(NOT_SHARED)
  return shared
}
