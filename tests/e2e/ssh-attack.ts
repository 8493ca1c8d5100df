// A brute force that really happens: an sshd on loopback whose own log goes through a syslog sender, and a client that
// guesses. The line of the log clearing is sent by the same program, in the form in which sudo writes it.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { endProcess } from '#tests/end-process.ts'

const run = promisify(execFile)
const sshd = '/usr/sbin/sshd'

/** @returns what is missing for it */
export function attackable(): string[] {
  const needs: [string, boolean][] = [
    ['sshd', existsSync(sshd)],
    ['ssh', existsSync('/usr/bin/ssh')],
    ['logger', existsSync('/usr/bin/logger')],
    // An sshd that serves another than its own user needs root.
    ['root', process.getuid?.() === 0],
  ]
  return needs.filter(([, there]) => !there).map(([name]) => name)
}

export interface Attacked {
  /** Lines of sshd that say that a password failed. */
  failures: number
}

const attempts = 3
const promptsEach = 3

export async function attackSsh(syslogPort: number): Promise<Attacked> {
  const directory = await mkdtemp(join(tmpdir(), 'guanlan-sshd-'))
  const port = await freePort()
  const key = join(directory, 'host_key')
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  await mkdir('/run/sshd', { recursive: true })
  const config = join(directory, 'sshd_config')
  const lines = [`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${key}`, `PidFile ${join(directory, 'pid')}`]
  await writeFile(config, [...lines, 'PasswordAuthentication yes', 'PermitRootLogin yes', 'UsePAM no'].join('\n'))
  // -e: the log goes to standard error, from there line by line through logger into the receiver.
  const server = spawn(sshd, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  const sender = spawn('logger', [...loggerTo(syslogPort), '-t', 'sshd'], { stdio: ['pipe', 'ignore', 'inherit'] })
  let failures = 0
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    failures += text.split('Failed password').length - 1
    // The carriage return is for terminals.
    sender.stdin.write(text.replaceAll('\r', ''))
  })
  try {
    await listening(port)
    const askpass = join(directory, 'askpass')
    await writeFile(askpass, '#!/bin/sh\necho wrong-password\n')
    await chmod(askpass, 0o700)
    const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'PreferredAuthentications=password']
    const guess = [
      '-p',
      String(port),
      ...[...options, `NumberOfPasswordPrompts=${promptsEach}`].flatMap((one) => ['-o', one]),
    ]
    const env = { ...process.env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' }
    for (let i = 0; i < attempts; i++)
      await run('ssh', [...guess, 'root@127.0.0.1', 'true'], { env }).then(
        () => Promise.reject(new Error('the wrong password was taken')),
        () => undefined,
      )
    while (failures < attempts * promptsEach) await new Promise((resolve) => setTimeout(resolve, 20))
  } finally {
    await endProcess(server)
    sender.stdin.end()
    if (sender.exitCode === null) await once(sender, 'exit')
    await rm(directory, { recursive: true, force: true })
  }
  return { failures }
}

export async function clearLogs(syslogPort: number): Promise<void> {
  const line = 'eve : TTY=pts/0 ; PWD=/home/eve ; USER=root ; COMMAND=/usr/bin/rm -f /var/log/auth.log'
  await run('logger', [...loggerTo(syslogPort), '-t', 'sudo', line])
}

const loggerTo = (port: number): string[] => ['-n', '127.0.0.1', '-P', String(port), '-T', '-p', 'authpriv.notice']

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  return port
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; ; tries++)
    try {
      await run('ssh-keyscan', ['-T', '2', '-p', String(port), '127.0.0.1'])
      return
    } catch (error) {
      if (tries > 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
}
