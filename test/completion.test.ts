import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context } from 'mocha'
import { completionCommand } from '../plugins/tdc/cli/completion-command'
import { commandsOfProgram, textOf } from './support/documents'

/** Runs a program on a terminal and types what stands on standard input. */
const PTY = `
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
for line in sys.stdin.buffer.read().splitlines(True):
    time.sleep(0.3)
    os.write(fd, line)
try:
    while True:
        out = os.read(fd, 4096)
        if not out: break
        sys.stdout.buffer.write(out)
except OSError: pass
os.waitpid(pid, 0)
`

/** The script for a shell. */
async function script(shell: string): Promise<string> {
  const lines: string[] = []
  await completionCommand.run({
    directory: () => '',
    json: false,
    values: {},
    words: [shell],
    terminal: {
      print: (more) => void lines.push(...more),
      complain: assert.fail,
      progress: assert.fail,
      agreed: () => assert.fail(),
      repaint: () => assert.fail(),
    },
    program: [...commandsOfProgram().values()],
  })
  return lines.join('\n') + '\n'
}

function missing(test: Context, program: string): void {
  console.log(`      ${program} is not installed`)
  test.skip()
}

function has(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0
}

describe('completion', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-completion-'))
  after(() => rmSync(folder, { recursive: true }))

  function fileOf(text: string): string {
    const path = join(folder, 'script')
    writeFileSync(path, text)
    return path
  }

  /** What bash offers behind these words. */
  async function offered(...words: string[]): Promise<string[]> {
    const list = ['haraka-tdc', ...words].map((word) => `'${word}'`).join(' ')
    const asked = `COMP_WORDS=(${list}); COMP_CWORD=${words.length}; _haraka_tdc; printf '%s\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr } = spawnSync('bash', ['-c', (await script('bash')) + asked], {
      encoding: 'utf8',
    })
    assert.equal(stderr, '')
    return stdout.split('\n').filter((line) => line !== '')
  }

  it('in bash: commands, and the options of each, also behind -c DIR', async () => {
    const names = [...commandsOfProgram().keys(), 'help'].sort()
    assert.deepEqual((await offered('')).sort(), names)
    assert.deepEqual((await offered('help', '')).sort(), names)
    assert.deepEqual(await offered('rel'), ['release'])
    assert.deepEqual(await offered('hold', '--'), ['--intake', '--config', '--json', '--help'])
    assert.deepEqual(await offered('-c', '/srv/mx', 'kept', '--re'), ['--reason'])
    assert.deepEqual(await offered('completion', 'z'), ['zsh'])
    assert.deepEqual(await offered('track', '--sort', ''), ['newest', 'oldest'])
    assert.deepEqual(await offered('-c', '/srv/mx', 'kept', '--reason', 'e'), ['expired'])
    assert.deepEqual(await offered('kept', '--reason', 'x'), [])
    assert.deepEqual(await offered('queue', '--most', ''), [])
  })

  it('in bash: a file name, also one with blanks', async function () {
    const spoken = spawnSync('python3', ['-c', 'import pty'])
    if (spoken.status !== 0) return missing(this, 'python3')
    mkdirSync(join(folder, 'mail server one'))
    const rc = fileOf(`PS1='> '\n${await script('bash')}`)
    // Only a terminal makes readline complete; the TAB in the middle does.
    const typed = `haraka-tdc() { printf '<%s>' "$@"; exit; }\nharaka-tdc -c ${folder}/ma\t status\n`
    const { stdout } = spawnSync(
      'python3',
      ['-c', PTY, 'bash', '--noprofile', '--rcfile', rc, '-i'],
      { input: typed, encoding: 'utf8', timeout: 20_000 },
    )
    assert.match(stdout, new RegExp(`<-c><${folder}/mail server one/?><status>`))
  })

  for (const shell of ['zsh', 'fish']) {
    it(`in ${shell}: a script that it takes, with every command and option`, async function () {
      const text = await script(shell)
      for (const [name, { options }] of commandsOfProgram()) {
        assert.ok(text.includes(name), name)
        for (const option of Object.keys(options))
          assert.match(text, new RegExp(`-l? ?-?${option}\\b`))
      }
      if (!has(shell)) return missing(this, shell)
      const { status, stderr } = spawnSync(shell, ['-n', fileOf(text)], { encoding: 'utf8' })
      assert.deepEqual([status, stderr], [0, ''])
    })
  }

  it('in fish: commands, and the options of each', async function () {
    const file = fileOf(await script('fish'))
    if (!has('fish')) return missing(this, 'fish')
    const offered = (line: string) => {
      const asked = `source ${file}; complete -C '${line}'`
      const { stdout } = spawnSync('fish', ['--no-config', '-c', asked], { encoding: 'utf8' })
      return stdout.split('\n').map((row) => row.split('\t')[0])
    }
    assert.deepEqual(offered('haraka-tdc rel'), ['release', ''])
    assert.deepEqual(offered('haraka-tdc kept --re'), ['--reason', ''])
    assert.deepEqual(offered('haraka-tdc hold --re'), [''])
    assert.deepEqual(offered('haraka-tdc completion z'), ['zsh', ''])
    assert.deepEqual(offered('haraka-tdc track --sort '), ['newest', 'oldest', ''])
    assert.deepEqual(offered('haraka-tdc kept --reason e'), ['expired', ''])
    assert.deepEqual(offered('haraka-tdc queue --most '), [''])
  })

  it('in zsh: commands, options and their values, also behind -c DIR', async function () {
    const file = fileOf(await script('zsh'))
    if (!has('zsh')) return missing(this, 'zsh')
    // What the script offers is told by the builtins that it calls.
    const offered = (...words: string[]) => {
      const list = ['haraka-tdc', ...words].map((word) => `'${word}'`).join(' ')
      const asked = `compdef() {}; compadd() { shift; print -l -- $@ }; _files() {}; _message() {}
        _describe() { print -l \${commands%%:*} }
        source ${file}; words=(${list}); CURRENT=${words.length + 1}; _haraka_tdc`
      const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', asked], { encoding: 'utf8' })
      assert.equal(stderr, '')
      return stdout.split('\n').filter((line) => line !== '')
    }
    const names = [...commandsOfProgram().keys(), 'help'].sort()
    assert.deepEqual(offered('').sort(), names)
    assert.deepEqual(offered('-c', '/srv/mx', '').sort(), names)
    assert.deepEqual(offered('help', '').sort(), names)
    assert.deepEqual(offered('-c', '/srv/mx', 'hold', ''), [
      ...['--intake', '--config', '--json', '--help'],
    ])
    assert.deepEqual(offered('track', '--sort', ''), ['newest', 'oldest'])
    assert.deepEqual(offered('queue', '--most', ''), [])
  })

  it('in no other shell', async () => {
    await assert.rejects(script('tcsh'), /no completion for "tcsh"; those are: bash, zsh, fish$/)
  })

  it('the manual page is one that groff takes without a warning', function () {
    if (!has('groff')) return missing(this, 'groff')
    const { stdout, stderr } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z'], {
      input: textOf('man/haraka-tdc.1'),
      encoding: 'utf8',
    })
    assert.deepEqual([stdout, stderr], ['', ''])
  })
})
