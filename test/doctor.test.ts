import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  statfsSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import type { Context } from 'mocha'
import { diagnose, diagnoseKeyMode, diagnosisText } from '../plugins/tdc/doctor/doctor'
import { RECORDS_AT, SEGMENT_SIZE } from '../plugins/tdc/queue/log/format'
import type { Installation } from '../plugins/tdc/doctor/finding'
import { makeQueueDirectory } from '../plugins/tdc/doctor/given-files'
import { serverUserOf } from '../plugins/tdc/doctor/server-user'
import { queuePathOf } from '../plugins/tdc/haraka/standalone-settings'
import { sendMail } from './support/smtp-client'
import { Stage } from './support/stage'
import { makeTempDir } from './support/temp-dir'
import { WrittenSegment } from './support/written-segment'

/** On every system some user who is not root. */
const NOBODY = 65534
/** No process has this number. */
const GONE = 2 ** 31 - 2
const NOW = Date.UTC(2026, 10, 27)
const LONG_AGO = new Date(0)
const nobody = {
  kind: 'user' as const,
  user: { name: 'nobody', uid: NOBODY, gid: NOBODY },
}

/** A server directory that everybody may look into. */
function server(): Installation {
  const directory = makeTempDir('doctor')
  chmodSync(directory, 0o755)
  mkdirSync(join(directory, 'config'))
  const queue = join(directory, 'queue')
  mkdirSync(queue)
  const settings = { queueSetting: undefined, writesLog: false, minFreeSpace: 0 }
  return { directory, queue, user: { kind: 'unchanged' }, starts: true, now: NOW, ...settings }
}

interface Row {
  readonly it: string
  readonly ill: (place: Installation) => Partial<Installation>
  /** What is said; DIR stands for the server directory. */
  readonly says: readonly string[]
  readonly grave?: boolean
  /** Only root can become somebody else. */
  readonly root?: boolean
}

/** A link stands for a mount, which a container may not make. */
const ELSEWHERE: Row = {
  it: 'finds a part of the queue that nothing can be renamed into',
  ill: ({ queue }) => {
    symlinkSync('/dev/shm', join(queue, 'error.tdc'))
    return { starts: false }
  },
  says: [
    'DIR/queue/error.tdc is on another file system than DIR/queue: copies cannot be kept or held there, for nothing can be renamed into it; umount DIR/queue/error.tdc',
  ],
}

const ROWS: readonly Row[] = [
  { it: 'says nothing of a server that is well', ill: () => ({}), says: [] },
  {
    it: 'says nothing of a queue directory that belongs to the user',
    ill: ({ queue }) => (chownSync(queue, NOBODY, NOBODY), { user: nobody }),
    says: [],
    root: true,
  },
  {
    it: 'finds a queue directory of root, where Haraka becomes another user',
    ill: () => ({ user: nobody }),
    says: [
      'DIR/queue: user nobody may not write there (open: EACCES), no message is copied; chown -R nobody DIR/queue',
    ],
    grave: true,
    root: true,
  },
  {
    it: 'finds kept copies of root',
    ill: ({ queue }) => {
      chownSync(queue, NOBODY, NOBODY)
      mkdirSync(join(queue, 'error.tdc', 'kept'), { recursive: true })
      chownSync(join(queue, 'error.tdc'), NOBODY, NOBODY)
      return { user: nobody }
    },
    says: [
      'DIR/queue/error.tdc/kept: user nobody may not write there (open: EACCES), copies cannot be kept or held there; chown -R nobody DIR/queue',
    ],
    root: true,
  },
  {
    it: 'finds queue files that the user may not read',
    ill: ({ queue }) => {
      writeFileSync(join(queue, '1796000000000_1796000000000_0_1_x_tdc_1_mx'), '', { mode: 0o600 })
      chownSync(queue, NOBODY, NOBODY)
      return { user: nobody }
    },
    says: [
      'DIR/queue: user nobody may not read 1 of the first files, such as 1796000000000_1796000000000_0_1_x_tdc_1_mx; chown -R nobody DIR/queue',
    ],
    root: true,
  },
  {
    it: 'finds a file where the queue directory should be',
    ill: ({ directory }) => {
      const queue = join(directory, 'file')
      writeFileSync(queue, '')
      return { queue }
    },
    says: [
      'DIR/file: root may not write there (open: ENOTDIR), no message is copied; DIR/file is no directory: move it away',
    ],
    grave: true,
    root: true,
  },
  {
    it: 'finds a key that the user may not read',
    ill: ({ directory, queue }) => {
      chownSync(queue, NOBODY, NOBODY)
      key(directory, 0o600, NOW)
      return { user: nobody }
    },
    says: [
      'DIR/config/tdc.key: user nobody may not read it, a change of the key is not seen while the server runs; chown -R nobody DIR/config/tdc.key',
    ],
    root: true,
  },
  {
    it: 'finds a user whom the system does not know',
    ill: () => ({ user: serverUserOf({ user: 'no-such-user' }) }),
    says: [
      'smtp.ini user="no-such-user": the system knows no such user; Haraka ends when it becomes that user: correct it',
    ],
    grave: true,
  },
  {
    it: 'has a command that a shell takes, whatever the path is',
    ill: ({ directory }) => {
      const queue = join(directory, "mail it's #1")
      mkdirSync(queue)
      return { queue, user: nobody }
    },
    says: [
      `DIR/mail it's #1: user nobody may not write there (open: EACCES), no message is copied; chown -R nobody 'DIR/mail it'\\''s #1'`,
    ],
    grave: true,
    root: true,
  },
  {
    it: 'finds a queue directory that is another one wherever Haraka is started',
    ill: () => ({ queueSetting: 'spool/queue' }),
    says: [
      'DIR/config/queue_dir says "spool/queue", a relative path: Haraka takes it from where it is started, now DIR/queue; echo DIR/queue > DIR/config/queue_dir',
    ],
  },
  {
    it: 'finds the directory above that is closed, whoever owns the queue',
    ill: ({ directory }) => {
      mkdirSync(join(directory, 'spool'), { mode: 0o700 })
      const queue = join(directory, 'spool', 'queue')
      mkdirSync(queue)
      chownSync(queue, NOBODY, NOBODY)
      return { queue, user: nobody }
    },
    says: [
      'DIR/spool/queue: user nobody may not write there (open: EACCES), no message is copied; chmod o+x DIR/spool: on the way, and closed to that user',
    ],
    grave: true,
    root: true,
  },
  {
    it: 'has the command for what is behind a link',
    ill: ({ directory, queue }) => {
      symlinkSync(queue, join(directory, 'link'))
      return { queue: join(directory, 'link'), user: nobody }
    },
    says: [
      'DIR/link: user nobody may not write there (open: EACCES), no message is copied; chown -R nobody DIR/queue',
    ],
    grave: true,
    root: true,
  },
  ...(['none', 'link'] as const).map((target) => ({
    it: `finds a link that leads ${target === 'none' ? 'nowhere' : 'to itself'}`,
    ill: ({ directory }: Installation) => {
      symlinkSync(target, join(directory, 'link'))
      return { queue: join(directory, 'link'), starts: false }
    },
    says: [
      `DIR/link is a link to DIR/${target}, where nothing is: no message is copied; mkdir -p DIR/${target}, or take the link away`,
    ],
    grave: true,
  })),
  {
    it: 'says nothing of logs that are well, whether their process runs or not',
    ill: ({ queue }) => {
      for (const pid of [process.ppid, GONE]) segment(queue, `${pid}.0123456789abcdef`)
      return { starts: false, writesLog: true }
    },
    says: [],
  },
  {
    it: 'finds a segment of which a part cannot be read',
    ill: ({ queue }) => {
      segment(queue, `free.${GONE}.0123456789abcdef`, 'damaged')
      return { starts: false }
    },
    says: [
      `DIR/queue/error.tdc/log/free.${GONE}.0123456789abcdef/1.log: a part of this segment cannot be read, copies in it are lost; those around it are sent at the next start, and it is set aside: look at its disk (dmesg)`,
    ],
  },
  {
    it: 'leaves that to a start, which takes the log over, and to the process that writes it',
    ill: ({ queue }) => {
      segment(queue, `${GONE}.0123456789abcdef`, 'damaged')
      segment(queue, `${process.ppid}.0123456789abcdef`, 'damaged')
      return {}
    },
    says: [],
  },
  {
    it: 'finds what was set aside of a log',
    ill: ({ queue }) => {
      writeFileSync(join(queue, 'error.tdc.7.0123456789abcdef.1.log'), '')
      return {}
    },
    says: [
      'DIR/queue: 1 damaged segments of the log were set aside, such as error.tdc.7.0123456789abcdef.1.log: copies in them are lost; rm DIR/queue/error.tdc.7.0123456789abcdef.1.log, when nobody wants to look at it',
    ],
  },
  {
    it: 'finds what is no log where the logs are',
    ill: ({ queue }) => {
      writeFileSync(join(segment(queue, `${GONE}.0123456789abcdef`), 'notes'), '')
      mkdirSync(join(queue, 'error.tdc', 'log', 'backup'))
      return { starts: false }
    },
    says: [
      'DIR/queue/error.tdc/log: 2 names are no log, such as DIR/queue/error.tdc/log/STRANGER: nobody reads them; mv DIR/queue/error.tdc/log/STRANGER elsewhere',
    ],
  },
  {
    it: 'finds a log of root that the user may not read',
    ill: ({ queue }) => {
      const log = segment(queue, `${GONE}.0123456789abcdef`)
      for (const path of [queue, join(queue, 'error.tdc'), join(log, '..')]) {
        chownSync(path, NOBODY, NOBODY)
      }
      return { user: nobody }
    },
    says: [
      `DIR/queue/error.tdc/log: user nobody may not read 1 segments, such as DIR/queue/error.tdc/log/${GONE}.0123456789abcdef/1.log: their copies are not sent; chown -R nobody DIR/queue/error.tdc/log`,
    ],
    root: true,
  },
  {
    it: 'finds too little room for a segment',
    ill: ({ queue }) => {
      const { bavail, bsize } = statfsSync(queue)
      return { writesLog: true, minFreeSpace: bavail * bsize - SEGMENT_SIZE / 2 }
    },
    says: [
      'DIR/queue: ROOM MB free, no segment of the log can be made: each copy is a file, and slower; make room: df -h DIR/queue; df -i DIR/queue',
    ],
  },
  ...(existsSync('/dev/shm') ? [ELSEWHERE] : []),
  {
    it: 'passes over a pipe and a folder in the queue directory',
    ill: ({ queue }) => {
      spawnSync('mkfifo', [join(queue, 'pipe')])
      mkdirSync(join(queue, 'lost+found'), { mode: 0o700 })
      chownSync(queue, NOBODY, NOBODY)
      return { user: nobody }
    },
    says: [],
    root: true,
  },
  {
    it: 'does not accuse a server that was not started yet',
    ill: ({ directory }) => ({ queue: join(directory, 'none'), starts: false }),
    says: ['DIR/none: there is no queue directory yet; it is made at the start of Haraka'],
  },
  {
    it: 'finds too little room',
    ill: () => ({ minFreeSpace: 2 ** 70 }),
    says: [
      'DIR/queue: ROOM MB free, no copy is written below 1125899906842624 MB (min_free_space); make room: df -h DIR/queue; df -i DIR/queue',
    ],
    grave: true,
  },
  {
    it: 'finds a clock that is not set',
    ill: () => ({ now: 0 }),
    says: [
      'the clock says 1970-01-01T00:00:00Z; set the clock (timedatectl set-ntp true): certificates and the age of copies need it',
    ],
    grave: true,
  },
  {
    it: 'finds a clock behind what was written',
    ill: ({ directory }) => (key(directory, 0o600, NOW + 3_600_000), {}),
    says: [
      'the clock says 2026-11-27T00:00:00Z, and DIR/config/tdc.key was written at 2026-11-27T01:00:00Z; set the clock (timedatectl set-ntp true): certificates and the age of copies need it',
    ],
  },
  {
    it: 'finds a file in place of the control socket',
    ill: ({ directory }) => (writeFileSync(join(directory, 'tdc.sock'), ''), {}),
    says: [
      'DIR/tdc.sock is a file, where the control socket should be: haraka-tdc cannot reach the server; mv DIR/tdc.sock elsewhere',
    ],
  },
]

/** A log with one segment of three copies; what of it is damaged is in the middle. */
function segment(queue: string, name: string, state?: 'damaged'): string {
  const folder = join(queue, 'error.tdc', 'log', name)
  mkdirSync(folder, { recursive: true })
  const records = [0, 1, 2].map((at) => ({ name: `n${at}`, content: Buffer.from('x') }))
  const written = new WrittenSegment(RECORDS_AT + 200).add(...records)
  if (state) written.harm(1, 0)
  writeFileSync(join(folder, '1.log'), written.bytes, { mode: 0o600 })
  return folder
}

function key(directory: string, mode: number, written: number): void {
  const path = join(directory, 'config', 'tdc.key')
  writeFileSync(path, 'x', { mode })
  utimesSync(path, new Date(written), new Date(written))
}

/** Skips the test with a line: the others become nobody, whom only root can become. */
function needRoot(test: Context): void {
  if (process.geteuid?.() === 0) return
  console.log('      only root can become another user')
  test.skip()
}

describe('doctor', () => {
  for (const { it: name, ill, says, grave = false, root = false } of ROWS) {
    it(name, function () {
      if (root) needRoot(this)
      const place = server()
      const changed = { ...place, ...ill(place) }
      if (existsSync(changed.queue)) utimesSync(changed.queue, LONG_AGO, LONG_AGO)
      const found = diagnose(changed)
      const texts = found.map((each) =>
        diagnosisText(each)
          .replaceAll(place.directory, 'DIR')
          .replace(/: \d+ MB/, ': ROOM MB')
          .replaceAll(/log\/(?:backup|\d+\.\w+\/notes)/g, 'log/STRANGER'),
      )
      assert.deepEqual(texts, says)
      assert.equal(
        found.some((each) => each.grave),
        grave,
      )
    })
  }

  it('leaves nothing behind, and has its own rights again', () => {
    const place = server()
    diagnose({ ...place, user: nobody })
    diagnose(place)
    assert.deepEqual(readdirSync(place.queue), [])
    assert.equal(process.geteuid?.(), process.getuid?.())
  })

  it('takes away what a trial left that was cut short, not the files of one that runs', () => {
    const { queue, ...place } = server()
    const running = `error.tdc-trial.${process.ppid}.renamed`
    for (const left of [
      'error.tdc-trial.2147483646.renamed',
      'error.tdc-trial.2147483646',
      running,
    ]) {
      writeFileSync(join(queue, left), '')
    }
    diagnose({ ...place, queue })
    assert.deepEqual(readdirSync(queue), [running])
  })

  it('a relative queue directory is looked for where the server is, and then where one stands', () => {
    const { directory } = server()
    const queueOf = (setting: string) => {
      writeFileSync(join(directory, 'config', 'queue_dir'), `# where\n${setting}\n`)
      return relative(directory, queuePathOf(directory))
    }
    assert.equal(relative(directory, queuePathOf(directory)), 'queue')
    assert.equal(queueOf('queue'), 'queue')
    assert.equal(queueOf('none'), 'none')
    assert.equal(queueOf('../elsewhere'), '../elsewhere')
    assert.equal(queueOf(join(directory, 'whole')), 'whole')
    assert.equal(queueOf('test'), relative(directory, join(process.cwd(), 'test')))
  })

  it('a key that is open to every user', () => {
    const { directory } = server()
    key(directory, 0o644, NOW)
    chmodSync(join(directory, 'config', 'tdc.key'), 0o644)
    assert.match(
      diagnoseKeyMode(directory).map(diagnosisText).join(),
      /open to every user.*chmod 600/,
    )
    chmodSync(join(directory, 'config', 'tdc.key'), 0o600)
    assert.deepEqual(diagnoseKeyMode(directory), [])
  })

  describe('for a server that starts', () => {
    it('the queue directory is made', () => {
      const queue = join(server().directory, 'spool', 'queue')
      makeQueueDirectory(queue, undefined)
      assert.equal(existsSync(queue), true)
    })

    it('it is made for the user that Haraka becomes; one that is there stays whose it is', function () {
      needRoot(this)
      const there = server()
      const queue = join(there.directory, 'new')
      makeQueueDirectory(queue, nobody.user)
      assert.equal(statSync(queue).uid, NOBODY)
      makeQueueDirectory(there.queue, nobody.user)
      assert.equal(statSync(there.queue).uid, 0)
    })

    it('a link in its place gives nothing away', function () {
      needRoot(this)
      const { directory, queue: others } = server()
      const link = join(directory, 'link')
      symlinkSync(others, link)
      makeQueueDirectory(link, nobody.user)
      assert.equal(statSync(others).uid, 0)
    })

    it('what cannot be made costs nobody the start, and is found', () => {
      const place = server()
      writeFileSync(join(place.directory, 'file'), '')
      const queue = join(place.directory, 'file', 'queue')
      makeQueueDirectory(queue, undefined)
      const [first] = diagnose({ ...place, queue })
      assert.match(first?.text ?? '', /there is no queue directory, and it could not be made/)
    })

    for (const nodes of [0, 1])
      it(`a real one with nodes=${nodes} copies mail as another user, in a directory made by root`, async function () {
        this.timeout(60_000)
        needRoot(this)
        const stage = await Stage.start({ 'scan.example': {} })
        try {
          const tdc = `[main]\nenabled=true\nintake_address=journal@scan.example\n[policy.DEFAULT]\nintake=default\n[delivery]\nport=${stage.port}\n`
          const gateway = await stage.gateway({
            domains: ['example.com'],
            tdc,
            config: { 'smtp.ini': `[main]\nlisten=127.0.0.1:0\nnodes=${nodes}\nuser=nobody\n` },
            open: true,
          })
          const raw = Buffer.from('Subject: a mail\r\n\r\nhello\r\n')
          const sent = await sendMail(gateway, {
            from: 'ann@sender.example',
            to: ['bob@example.com'],
            raw,
          })
          assert.equal(sent.code, 250, gateway.tail())
          await stage.intake('scan.example').until('BODY')
          assert.equal(statSync(join(gateway.dir, 'queue')).uid, NOBODY)
          assert.equal((await gateway.tdc('status')).code, 0, gateway.tail())
          assert.deepEqual(
            gateway.log.filter((line) => /may not|cannot|chown/.test(line)),
            [],
          )
        } finally {
          await stage.close()
        }
      })
  })
})
