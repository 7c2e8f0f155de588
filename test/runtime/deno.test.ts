/** The runtime of Node under Deno, where a `deno` is on the PATH: what works there, and what says that it does not. */
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;
const hasDeno = spawnSync('deno', ['--version']).status === 0;
if (!hasDeno) console.log('skipped: the runtime was not tried under Deno, as there is no deno on the PATH');

const SCRIPT = `
  import { nodeRuntime, SpeakerThread } from 'edgemux/node';
  const { tcp, udp, clock } = nodeRuntime();
  const address = '127.0.0.1';
  const events = [];
  const told = (who) => ({
    opened() { events.push(who + ' opened'); },
    received(bytes) { events.push(who + ' received ' + new TextDecoder().decode(bytes)); },
    closed({ how, text }) { events.push(who + ' ' + how + ': ' + text); },
  });
  const until = async (event) => { while (!events.includes(event)) await new Promise((resolve) => clock.after(5, resolve)); };
  const outcome = async (attempt) => { try { await attempt(); return 'works'; } catch (error) { return error.code + ': ' + error.message; } };

  const listener = await tcp.listen({ localAddress: address, port: 0, peers: [{ address }] }, (connection) => {
    connection.write(new TextEncoder().encode('hello'));
    return told('server');
  });
  const client = tcp.connect({ remote: listener.local }, told('client'));
  await until('client received hello');
  client.write(new TextEncoder().encode('bye'));
  await until('server received bye');
  client.close();
  await until('server ended: closed by peer');
  const aborted = tcp.connect({ remote: listener.local }, told('aborted'));
  await until('aborted received hello');
  aborted.abort();
  await until('server failed: reset by peer');
  tcp.connect({ remote: listener.local, localAddress: '127.0.0.9' }, told('stranger'));
  await until('stranger failed: reset by peer');
  listener.close();
  tcp.connect({ remote: listener.local }, told('late'));
  await until('late failed: connection refused');

  const thread = await outcome(async () => {
    const peers = [{ address: '192.0.2.1', as: 64513, isPassive: true }];
    const speaker = await SpeakerThread.start({ as: 64512, routerId: '192.0.2.2', addresses: {}, port: 0, peers });
    speaker.announce([{ prefix: '203.0.113.7/32' }]);
    await speaker.stop();
    await speaker.ended;
  });
  const protectedPeers = [{ address, md5Key: 'key', ttlSecurityHops: 1 }];
  console.log(JSON.stringify({
    thread,
    listen: await outcome(() => tcp.listen({ localAddress: address, port: 0, peers: protectedPeers }, () => undefined)),
    connect: await outcome(() => tcp.connect({ remote: listener.local, md5Key: 'key' }, told('never'))),
    udp: await outcome(() => udp.bind({ localAddress: address, port: 0, hopLimit: 255, hopLimitMin: 255 }, () => {})),
  }));
  process.exit();
`;
// Below the root, where Deno finds the package itself and node_modules.
const script = `${root}/deno-test-${process.pid}.mjs`;
afterAll(() => rmSync(script, { force: true }));

describe.skipIf(!hasDeno)('the runtime of Node under Deno', () => {
  it('carries plain TCP, listens with protection, and says what it cannot do', () => {
    writeFileSync(script, SCRIPT);
    const output = execFileSync('deno', ['run', '-A', '--node-modules-dir=manual', script], { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual({
      thread: 'works',
      listen: 'works',
      connect: 'ERR_UNSUPPORTED: TCP MD5 signatures under Deno are for connections that the peer opens',
      udp: 'ERR_UNSUPPORTED: UDP sockets that check hop limits need Node, and this is Deno',
    });
  });
});
