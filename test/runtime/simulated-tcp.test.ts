/** The simulated TCP does what a kernel does: one row per thing that can happen to a connection. */
import { describe, expect, it } from 'vitest';
import { Pair } from '../support/tcp-ends.js';

const CUT = (pair: Pair) => pair.network.cut('10.0.0.1', '10.0.0.2');
const HEAL = (pair: Pair) => pair.network.heal('10.0.0.1', '10.0.0.2');

describe('connecting', () => {
  const rows = [
    { name: 'a listener for this peer', listen: {}, connect: {}, told: ['opened'], accepted: 1 },
    { name: 'no listener', connect: {}, told: ['failed: connection refused'] },
    { name: 'a listener for others', listen: { address: '10.0.0.9' }, told: ['opened', 'failed: reset by peer'] },
    { name: 'nobody there', connect: { remote: { address: '10.0.0.77', port: 179 } }, told: ['failed: timed out'] },
    {
      name: 'another port',
      listen: {},
      connect: { remote: { address: '10.0.0.2', port: 180 } },
      told: ['failed: connection refused'],
    },
    {
      name: 'from an address of another',
      listen: {},
      connect: { localAddress: '10.0.0.3' },
      told: ['failed: network is unreachable'],
    },
    { name: 'MD5 on both sides', listen: { md5Key: 'k' }, connect: { md5Key: 'k' }, told: ['opened'], accepted: 1 },
    { name: 'another MD5 key', listen: { md5Key: 'k' }, connect: { md5Key: 'x' }, told: ['failed: timed out'] },
    { name: 'MD5 here alone', listen: {}, connect: { md5Key: 'k' }, told: ['failed: timed out'] },
    { name: 'MD5 there alone', listen: { md5Key: 'k' }, connect: {}, told: ['failed: timed out'] },
    { name: 'MD5 and no listener: the RST is not signed', connect: { md5Key: 'k' }, told: ['failed: timed out'] },
    {
      name: 'GTSM on both sides',
      listen: { ttlSecurityHops: 1 },
      connect: { ttlSecurityHops: 1 },
      told: ['opened'],
      accepted: 1,
    },
    { name: 'GTSM there alone', listen: { ttlSecurityHops: 1 }, connect: {}, told: ['failed: timed out'] },
    { name: 'GTSM here alone', listen: {}, connect: { ttlSecurityHops: 1 }, told: ['failed: timed out'] },
    {
      name: 'GTSM for neighbours, over a router',
      hops: 2,
      listen: { ttlSecurityHops: 1 },
      connect: { ttlSecurityHops: 1 },
      told: ['failed: timed out'],
    },
    {
      name: 'GTSM for two hops',
      hops: 2,
      listen: { ttlSecurityHops: 2 },
      connect: { ttlSecurityHops: 2 },
      told: ['opened'],
      accepted: 1,
    },
  ];
  it.each(rows)('$name', async ({ listen, connect = {}, hops = 1, told, accepted }) => {
    const pair = new Pair();
    for (const [from, to] of [
      ['10.0.0.1', '10.0.0.2'],
      ['10.0.0.2', '10.0.0.1'],
    ] as const) {
      pair.network.path(from, to).hops = hops;
    }
    if (listen !== undefined) await pair.listen(listen);
    const end = pair.connect(connect);
    expect(end.told).toEqual([]);
    await pair.network.clock.runFor(200_000);
    expect(end.told).toEqual(told);
    expect(pair.accepted).toHaveLength(accepted ?? 0);
  });

  it('a wildcard listens on every address of its family alone', async () => {
    const pair = new Pair();
    await pair.listen({ address: '2001:db8::1' }, '::');
    const ends = [pair.connect({ remote: { address: '2001:db8:0::2', port: 179 } }), pair.connect()];
    await pair.network.clock.runFor(20);
    expect(ends.map(({ told }) => told)).toEqual([['opened'], ['failed: connection refused']]);
    expect(pair.accepted[0]!.connection.remote.address).toBe('2001:db8::1');
    expect(pair.accepted[0]!.connection.local).toEqual({ address: '2001:db8::2', port: 179 });
  });

  it('a partition that ends soon delays it', async () => {
    const pair = new Pair();
    await pair.listen();
    CUT(pair);
    const end = pair.connect();
    await pair.network.clock.runFor(5000);
    expect(end.told).toEqual([]);
    HEAL(pair);
    await pair.network.clock.runFor(5000);
    expect(end.told).toEqual(['opened']);
  });

  it('an attempt that is taken back reaches nobody', async () => {
    const pair = new Pair();
    await pair.listen();
    const end = pair.connect();
    end.connection.abort();
    await pair.network.clock.runFor(5000);
    expect(end.told).toEqual([]);
    expect(pair.accepted).toEqual([]);
  });

  it('a firewall refuses', async () => {
    const pair = new Pair();
    await pair.listen();
    pair.network.path('10.0.0.1', '10.0.0.2').isRefusing = true;
    const end = pair.connect();
    await pair.network.clock.runFor(20);
    expect(end.told).toEqual(['failed: connection refused']);
  });

  it('a port is bound once, and by who has the address', async () => {
    const pair = new Pair();
    const listener = await pair.listen();
    await expect(pair.listen()).rejects.toMatchObject({ code: 'ERR_SOCKET' });
    await expect(pair.listen({}, '10.0.0.3')).rejects.toMatchObject({ code: 'ERR_SOCKET' });
    listener.close();
    await expect(pair.listen()).resolves.toBeDefined();
  });
});

describe('an open connection', () => {
  it('carries bytes in order, in pieces of any size, and says when they have left', async () => {
    const pair = new Pair();
    const { near, far } = await pair.open();
    const text = Array.from({ length: 40_000 }, (_, i) => String(i % 10)).join('');
    near.write(text);
    expect(near.connection.bufferedByteCount).toBe(40_000);
    await pair.network.clock.runFor(50);
    expect(near.connection.bufferedByteCount).toBe(0);
    expect(near.told).toEqual(['opened', 'drained']);
    expect(far.text).toBe(text);
    expect(far.pieceCount).toBeGreaterThan(20);
  });

  it('close sends what is queued first', async () => {
    const pair = new Pair();
    const { near, far } = await pair.open();
    near.write('NOTIFICATION');
    near.connection.close();
    far.write('ignored');
    await pair.network.clock.runFor(50);
    expect([near.text, far.text]).toEqual(['', 'NOTIFICATION']);
    expect([near.told, far.told]).toEqual([['opened'], ['drained', 'ended: closed by peer']]);
    expect([...pair.client.tcp.ends, ...pair.server.tcp.ends]).toEqual([]);
  });

  it('abort drops what is queued', async () => {
    const pair = new Pair();
    const { near, far } = await pair.open();
    near.write('never sent');
    near.connection.abort();
    await pair.network.clock.runFor(50);
    expect([far.text, far.told]).toEqual(['', ['failed: reset by peer']]);
  });

  it('a receiver that does not read fills both kernels, then the writer', async () => {
    const pair = new Pair();
    const { near, far } = await pair.open();
    pair.server.stopReading();
    near.write('x'.repeat(100_000));
    await pair.network.clock.runFor(10_000);
    expect(near.connection.bufferedByteCount).toBe(100_000 - 65_536);
    expect([far.text, near.told]).toEqual(['', ['opened']]);
    pair.server.startReading();
    await pair.network.clock.runFor(50);
    expect([far.text.length, near.told]).toEqual([100_000, ['opened', 'drained']]);
  });

  it('a stopped process is told everything when it goes on', async () => {
    const pair = new Pair();
    const { near, far } = await pair.open();
    let firedMs = 0;
    pair.server.clock.after(10, () => {
      firedMs = pair.network.clock.nowMs();
    });
    pair.server.stop();
    near.write('one');
    await pair.network.clock.runFor(1000);
    near.connection.close();
    await pair.network.clock.runFor(1000);
    expect([far.text, far.told, firedMs]).toEqual(['', [], 0]);
    pair.server.continue();
    await pair.network.clock.runFor(1);
    expect([far.text, far.told]).toEqual(['one', ['ended: closed by peer']]);
    expect(firedMs).toBeGreaterThan(2000);
  });

  it('survives a partition, late', async () => {
    const pair = new Pair();
    const { near, far } = await pair.open();
    CUT(pair);
    near.write('late');
    await pair.network.clock.runFor(60_000);
    expect(far.text).toBe('');
    HEAL(pair);
    await pair.network.clock.runFor(3000);
    expect(far.text).toBe('late');
  });

  it('gives up after a quarter of an hour of silence', async () => {
    const pair = new Pair();
    const { near } = await pair.open();
    CUT(pair);
    near.write('lost');
    await pair.network.clock.runFor(1_000_000);
    expect(near.told).toEqual(['opened', 'drained', 'failed: timed out']);
  });

  it('a RST that is lost leaves the other side half open, until it sends', async () => {
    const pair = new Pair();
    const { near, far } = await pair.open();
    CUT(pair);
    near.connection.abort();
    await pair.network.clock.runFor(1000);
    HEAL(pair);
    await pair.network.clock.runFor(60_000);
    expect(far.told).toEqual([]);
    far.write('KEEPALIVE');
    await pair.network.clock.runFor(100);
    expect(far.told).toEqual(['drained', 'failed: reset by peer']);
  });

  it.each([
    { death: 'ended', told: ['ended: closed by peer'] },
    { death: 'reset', told: ['failed: reset by peer'] },
    { death: 'silent', told: [] },
  ] as const)('its peer dies: $death', async ({ death, told }) => {
    const pair = new Pair();
    const { near, far } = await pair.open();
    pair.client.kill(death);
    near.write('from the grave');
    await pair.network.clock.runFor(5000);
    expect([far.text, far.told]).toEqual(['', told]);
    expect(near.told).toEqual(['opened']);
  });

  it('a machine that comes back knows nothing of it', async () => {
    const pair = new Pair();
    const { near } = await pair.open();
    pair.server.kill('silent');
    near.write('lost');
    await pair.network.clock.runFor(5000);
    expect(near.told).toEqual(['opened', 'drained']);
    pair.network.host('10.0.0.2');
    await pair.network.clock.runFor(5000);
    expect(near.told).toEqual(['opened', 'drained', 'failed: reset by peer']);
  });

  it('is reset by a middlebox', async () => {
    const pair = new Pair();
    const { near, far } = await pair.open();
    pair.network.reset('10.0.0.1', '10.0.0.2');
    await pair.network.clock.runFor(1);
    expect([near.told, far.told]).toEqual([['opened', 'failed: reset by peer'], ['failed: reset by peer']]);
  });
});
