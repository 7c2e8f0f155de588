/**
 * TCP MD5 signatures and TTL security against the kernel: what arrives, and what never does.
 *
 * In a network namespace of this process's own, where a connection that nobody answers gives up after a second or two,
 * and where the TTL of a plain socket is what the test says.
 */

import { execFileSync } from 'node:child_process';
import { connect as netConnect } from 'node:net';
import { nodeRuntime } from 'edgemux/node';
import { afterEach, describe, expect, it } from 'vitest';
import type { TcpConnection, TcpListenPeer, TcpProtection } from '../../sdk/runtime/index.js';
import { enterNetworkNamespace, sysctl } from './namespace.js';
import { Recorder, socketCount, untilSocketCount, utf8 } from './recorder.js';

const { tcp } = nodeRuntime();
const KEY: TcpProtection = { md5Key: 'correct horse' };
const OTHER_KEY: TcpProtection = { md5Key: 'battery staple' };
const NEIGHBOUR: TcpProtection = { ttlSecurityHops: 1 };
const TIMED_OUT = 'failed: timed out';

const missing = await enterNetworkNamespace();
if (missing) console.log(`skipped: TCP MD5 and TTL security were not tried, as ${missing}`);
else sysctl('net.ipv4.tcp_syn_retries', 1);

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
  if (!missing) setPlainHopLimit(64);
});

/** What a socket without TTL security sends. */
function setPlainHopLimit(hopLimit: number): void {
  sysctl('net.ipv4.ip_default_ttl', hopLimit);
  sysctl('net.ipv6.conf.lo.hop_limit', hopLimit);
}

async function listen(localAddress: string, peers: readonly TcpListenPeer[]) {
  const servers: Recorder[] = [];
  const listener = await tcp.listen({ localAddress, port: 0, peers }, (connection) => {
    servers.push(new Recorder().accepted(connection));
    open.push({ close: () => connection.abort() });
    return servers.at(-1);
  });
  open.push(listener);
  return { listener, servers };
}

function connect(port: number, address: string, protection: TcpProtection = {}, localAddress = address) {
  const client = new Recorder();
  const connection = tcp.connect({ remote: { address, port }, localAddress, ...protection }, client);
  open.push({ close: () => connection.abort() });
  return { client, connection };
}

/** Opened, or why not. */
async function outcome(client: Recorder): Promise<string> {
  await client.untilTrue(() => client.events.length > 0);
  return client.events[0];
}

async function exchange(connection: TcpConnection, server: Recorder, text: string): Promise<void> {
  connection.write(utf8(text));
  await server.untilTrue(() => server.text.endsWith(text));
}

describe.skipIf(missing)('TCP MD5 signatures', () => {
  it.each([
    { name: 'the same key', ours: KEY, theirs: KEY, says: 'opened' },
    { name: 'another key', ours: KEY, theirs: OTHER_KEY, says: TIMED_OUT },
    { name: 'no key', ours: KEY, theirs: {}, says: TIMED_OUT },
    { name: 'a key nobody asked for', ours: {}, theirs: KEY, says: TIMED_OUT },
    { name: 'a key of 80 bytes', ours: { md5Key: 'é'.repeat(40) }, theirs: { md5Key: 'é'.repeat(40) }, says: 'opened' },
    {
      name: 'a key and TTL security',
      ours: { ...KEY, ...NEIGHBOUR },
      theirs: { ...KEY, ...NEIGHBOUR },
      says: 'opened',
    },
  ])('a peer with $name: $says', async ({ ours, theirs, says }) => {
    const isOpened = says === 'opened';
    const tries = ['127.0.0.1', '::1'].map(async (address) => {
      const { listener, servers } = await listen(address, [{ address, ...ours }]);
      const { client, connection } = connect(listener.local.port, address, theirs);
      expect(await outcome(client)).toBe(says);
      expect(servers.length).toBe(isOpened ? 1 : 0);
      if (!isOpened) return;
      await exchange(connection, servers[0], 'signed');
      await exchange(servers[0].connection!, client, 'too');
    });
    await Promise.all(tries);
  });

  it('each peer has the key of its own', async () => {
    const { listener, servers } = await listen('0.0.0.0', [
      { address: '127.0.0.2', ...KEY },
      { address: '127.0.0.3', ...OTHER_KEY },
      { address: '127.0.0.4' },
      { address: '::1', ...KEY },
    ]);
    const tries = [
      { from: '127.0.0.2', by: KEY, says: 'opened' },
      { from: '127.0.0.2', by: OTHER_KEY, says: TIMED_OUT },
      { from: '127.0.0.3', by: OTHER_KEY, says: 'opened' },
      { from: '127.0.0.3', by: {}, says: TIMED_OUT },
      { from: '127.0.0.4', by: {}, says: 'opened' },
    ];
    const outcomes = tries.map(({ from, by }) => outcome(connect(listener.local.port, '127.0.0.1', by, from).client));
    expect(await Promise.all(outcomes)).toEqual(tries.map(({ says }) => says));
    expect(servers.length).toBe(3);
  });

  it.each([
    { name: 'changed', before: KEY, after: OTHER_KEY },
    { name: 'taken away', before: KEY, after: {} },
    { name: 'given', before: {}, after: KEY },
  ])('a key that is $name counts for new connections; the open one stays', async ({ before, after }) => {
    const address = '127.0.0.1';
    const { listener, servers } = await listen(address, [{ address, ...before }]);
    const { port } = listener.local;
    const old = connect(port, address, before);
    await old.client.until('opened');
    await exchange(old.connection, servers[0], 'before');
    listener.setPeers([{ address, ...after }]);
    expect(listener.local.port).toBe(port);
    expect(await outcome(connect(port, address, before).client)).toBe(TIMED_OUT);
    expect(await outcome(connect(port, address, after).client)).toBe('opened');
    await exchange(old.connection, servers[0], 'after');
  });

  it('a connection from before its peer had a key is not taken for one with the key', async () => {
    const address = '127.0.0.1';
    const { listener, servers } = await listen(address, [{ address }]);
    const { client } = connect(listener.local.port, address);
    // Node connects at the end of this turn; on loopback the handshake is over then, and nobody has accepted yet.
    await new Promise((resolve) => process.nextTick(() => process.nextTick(resolve)));
    listener.setPeers([{ address, ...KEY }]);
    await client.until('failed: reset by peer');
    expect(servers).toEqual([]);
  });

  it.each(['', 'x'.repeat(81), 'é'.repeat(41)])('a key the kernel would not take is refused: %j', async (md5Key) => {
    const before = socketCount();
    const peer = { address: '127.0.0.1', md5Key };
    const refusal = { code: 'ERR_UNSUPPORTED', message: expect.stringContaining('has 1..80 bytes') };
    expect(() => connect(179, '127.0.0.1', { md5Key })).toThrow(expect.objectContaining(refusal));
    const listening = tcp.listen({ localAddress: '127.0.0.1', port: 0, peers: [peer] }, () => undefined);
    await expect(listening).rejects.toMatchObject(refusal);
    const { listener } = await listen('127.0.0.1', [{ address: '127.0.0.1' }]);
    expect(() => listener.setPeers([peer])).toThrow(expect.objectContaining(refusal));
    expect(await outcome(connect(listener.local.port, '127.0.0.1').client)).toBe('opened');
    for (const one of open.splice(0)) one.close();
    await untilSocketCount(before);
  });
});

describe.skipIf(missing)('TTL security', () => {
  it.each([
    { name: 'a neighbour', hopLimit: 255, hops: 1, says: 'opened' },
    { name: 'one a router away', hopLimit: 254, hops: 1, says: TIMED_OUT },
    { name: 'one a router away, which is allowed', hopLimit: 254, hops: 2, says: 'opened' },
    { name: 'one two routers away', hopLimit: 253, hops: 2, says: TIMED_OUT },
    { name: 'anyone', hopLimit: 2, hops: 254, says: 'opened' },
  ])('$name, TTL $hopLimit for $hops hops: $says', async ({ hopLimit, hops, says }) => {
    setPlainHopLimit(hopLimit);
    const protection = { ttlSecurityHops: hops };
    const tries = ['127.0.0.1', '::1'].map(async (address) => {
      const guarded = await listen(address, [{ address, ...protection }]);
      const plain = await listen(address, [{ address }]);
      const coming = connect(guarded.listener.local.port, address);
      const going = connect(plain.listener.local.port, address, protection);
      expect(await Promise.all([outcome(coming.client), outcome(going.client)])).toEqual([says, says]);
      expect(guarded.servers.length).toBe(says === 'opened' ? 1 : 0);
    });
    await Promise.all(tries);
  });

  it.each(['127.0.0.1', '::1'])('segments from too far into an open connection of %s are not read', async (address) => {
    setPlainHopLimit(255);
    const { listener, servers } = await listen(address, [{ address, ...NEIGHBOUR }]);
    const { client, connection } = connect(listener.local.port, address);
    await client.until('opened');
    await exchange(connection, servers[0], 'near');
    setPlainHopLimit(254);
    connection.write(utf8('far'));
    await exchange(servers[0].connection!, client, 'meanwhile');
    expect(servers[0].text).toBe('near');
    // TCP sends again what was not acknowledged.
    setPlainHopLimit(255);
    await servers[0].untilTrue(() => servers[0].text === 'nearfar');
  });

  it.each(['127.0.0.1', '::1'])('sends from %s what the other end of a protected pair takes', async (address) => {
    const { listener, servers } = await listen(address, [{ address, ...NEIGHBOUR }]);
    const { client, connection } = connect(listener.local.port, address, NEIGHBOUR);
    await client.until('opened');
    await exchange(connection, servers[0], 'x'.repeat(100_000));
    await exchange(servers[0].connection!, client, 'y'.repeat(100_000));
  });

  it('each peer has a limit of its own', async () => {
    setPlainHopLimit(254);
    const { listener, servers } = await listen('0.0.0.0', [
      { address: '127.0.0.2', ttlSecurityHops: 1 },
      { address: '127.0.0.3', ttlSecurityHops: 2 },
      { address: '127.0.0.4' },
    ]);
    const froms = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'];
    const clients = froms.map((from) => connect(listener.local.port, '127.0.0.1', {}, from).client);
    await clients[3].until('failed: reset by peer');
    expect(await Promise.all(clients.slice(0, 3).map(outcome))).toEqual([TIMED_OUT, 'opened', 'opened']);
    expect(servers.map((server) => server.connection?.remote.address).sort()).toEqual(['127.0.0.3', '127.0.0.4']);
  });

  it('each IPv6 peer too, however alike their addresses', async () => {
    const near = '2001:db8:1:2:3:4:5:6';
    const alike = ['2001:db8:1:2:3:4:5:7', '2001:db8:1:2:3:4:6:6', '2001:db8:1:2:4:4:5:6', '2001:db9:1:2:3:4:5:6'];
    for (const address of [near, ...alike]) execFileSync('ip', ['addr', 'add', `${address}/128`, 'dev', 'lo', 'nodad']);
    const { listener } = await listen('::', [
      { address: near, ...NEIGHBOUR },
      ...alike.map((address) => ({ address })),
    ]);
    const clients = [near, ...alike].map((from) => connect(listener.local.port, '::1', {}, from).client);
    expect(await Promise.all(clients.map(outcome))).toEqual([TIMED_OUT, ...alike.map(() => 'opened')]);
  });

  it.each([0, 255, 1.5, Number.NaN])('%d hops are refused', (ttlSecurityHops) => {
    const before = socketCount();
    expect(() => connect(179, '127.0.0.1', { ttlSecurityHops })).toThrow('1..254 hops');
    expect(socketCount()).toBe(before);
  });
});

describe.skipIf(missing)('TCP on a link', () => {
  it('resets a link-local stranger, whose address has a zone', async () => {
    execFileSync('ip', ['addr', 'add', 'fe80::1/64', 'dev', 'lo', 'nodad']);
    const { listener, servers } = await listen('::', [{ address: '::1' }]);
    const stranger = netConnect({ host: 'fe80::1%lo', port: listener.local.port });
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => stranger.once('error', resolve));
    expect(error.code).toBe('ECONNRESET');
    expect(servers).toEqual([]);
  });
});

describe.skipIf(missing)('protected TCP: what fails leaves no socket behind', () => {
  it.each([
    { name: 'nobody listens', by: NEIGHBOUR, from: '127.0.0.1', says: 'failed: connection refused' },
    { name: 'nobody listens, and the RST is not signed', by: KEY, from: '127.0.0.1', says: TIMED_OUT },
    { name: 'the source is not ours', by: KEY, from: '192.0.2.1', says: 'failed: not an address of this machine' },
  ])('$name', async ({ by, from, says }) => {
    setPlainHopLimit(255);
    const before = socketCount();
    const { client } = connect(9, '127.0.0.1', by, from);
    expect(client.events).toEqual([]);
    await client.until(says);
    await untilSocketCount(before);
    expect(client.events).toEqual([says]);
  });

  it('there is no route', async () => {
    const before = socketCount();
    const client = new Recorder();
    tcp.connect({ remote: { address: '198.51.100.1', port: 179 }, ...KEY }, client);
    await client.until('failed: no route to network');
    await untilSocketCount(before);
  });

  it('there is no such port', async () => {
    const before = socketCount();
    expect(() => connect(65_536, '127.0.0.1', KEY)).toThrow(RangeError);
    await untilSocketCount(before);
  });

  it('it is given up while it opens', async () => {
    const before = socketCount();
    const { listener } = await listen('127.0.0.1', [{ address: '127.0.0.1', ...KEY }]);
    const { client, connection } = connect(listener.local.port, '127.0.0.1', OTHER_KEY);
    connection.abort();
    listener.close();
    await untilSocketCount(before);
    expect(client.events).toEqual([]);
  });

  it('the port is in use, or the address not ours', async () => {
    const { listener } = await listen('127.0.0.1', [{ address: '127.0.0.1', ...KEY }]);
    const { port } = listener.local;
    const before = socketCount();
    for (const [localAddress, says] of [
      ['127.0.0.1', 'address in use'],
      ['192.0.2.1', 'not an address of this machine'],
    ]) {
      const listening = tcp.listen({ localAddress, port, peers: [{ address: '127.0.0.2', ...KEY }] }, () => undefined);
      await expect(listening).rejects.toMatchObject({
        code: 'ERR_SOCKET',
        message: `cannot listen on ${localAddress}:${port}: ${says}`,
      });
    }
    await untilSocketCount(before);
  });

  it('keys are too many for the kernel', async () => {
    const peers = Array.from({ length: 20_000 }, (_, i) => ({ address: `10.1.${i >> 8}.${i & 255}`, ...KEY }));
    const before = socketCount();
    const listening = tcp.listen({ localAddress: '127.0.0.1', port: 0, peers }, () => undefined);
    await expect(listening).rejects.toMatchObject({ code: 'ERR_SOCKET' });
    expect(socketCount()).toBe(before);
  });
});
