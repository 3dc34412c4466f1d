import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mayRelay } from '../plugins/tdc/cli/relay-clients'
import { makeTempDir } from './support/temp-dir'

const NETWORKS = `# ours
10.1.0.0/16
192.0.2.7   ; one machine
2001:db8::/32
10.0.0.0/99
no network
`

function server(plugins: string): string {
  const dir = makeTempDir('relay')
  mkdirSync(join(dir, 'config'))
  writeFileSync(join(dir, 'config', 'plugins'), plugins)
  writeFileSync(join(dir, 'config', 'relay_acl_allow'), NETWORKS)
  return dir
}

describe('a client that may relay by its address', () => {
  const dir = server('relay\ntdc\n')
  const ROWS: [string, boolean][] = [
    ['10.1.2.3', true],
    ['10.2.2.3', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['2001:db8::1', true],
    ['2001:db9::1', false],
  ]
  for (const [ip, may] of ROWS) it(`${ip}: ${may}`, () => assert.equal(mayRelay(dir, ip), may))

  it('nobody, when the relay plugin is not in use', () => {
    assert.equal(mayRelay(server('#relay\ntdc\n'), '10.1.2.3'), false)
    assert.equal(mayRelay(makeTempDir('empty'), '10.1.2.3'), false)
  })
})
