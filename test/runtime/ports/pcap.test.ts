/** The port on captures: needs no privilege, no Linux and no koffi. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { attachPort } from '../../../sdk/runtime/node/ports/attach-port.js';
import { openPort } from '../../../sdk/runtime/node/ports/open-port.js';
import { parsePortSpec } from '../../../sdk/runtime/node/ports/port-spec.js';
import { eth, ipv4, type Packet, SYN } from '../../support/packet.js';
import { pcapFile } from '../../support/pcap.js';
import { FakeMemory } from './fake-memory.js';

const folder = mkdtempSync(join(tmpdir(), 'edgemux-pcap-port-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string) => join(folder, name);

const OPTIONS = { side: 'underlay', queueCount: 1, providerAddresses: [], mtuBytesMin: 0 } as const;
const attach = (text: string, queueCount = 1) => attachPort(parsePortSpec(text), { ...OPTIONS, queueCount });

async function open(text: string) {
  const memory = new FakeMemory();
  const attachment = await attach(text);
  return { memory, port: openPort(attachment.plans[0], memory) };
}

const bytesOf = (packets: readonly Packet[]) => packets.map((packet) => packet.bytes());
const ethernet = bytesOf([
  eth().ipv4('192.0.2.7', '80.80.80.80').tcp(40000, 443, SYN),
  eth().ipv4('192.0.2.8', '80.80.80.80').udp(40001, 53),
  eth().vlan(7).ipv6('2001:db8::7', '2001:db8::80').udp(40002, 53),
]);
const bare = bytesOf([ipv4('192.0.2.7', '80.80.80.80').tcp(40000, 443, SYN)]);

/** A capture as machines of the other byte order write it. */
function swapped(capture: Uint8Array): Uint8Array {
  const view = new DataView(capture.slice().buffer);
  const words = [0, 8, 12, 16, 20];
  for (let at = 24; at < view.byteLength; at += 16 + view.getUint32(at + 8)) {
    for (const field of [0, 4, 8, 12]) view.setUint32(at + field, view.getUint32(at + field, true));
  }
  for (const at of words) view.setUint32(at, view.getUint32(at, true));
  for (const at of [4, 6]) view.setUint16(at, view.getUint16(at, true));
  return new Uint8Array(view.buffer);
}

function withWord(capture: Uint8Array, at: number, value: number): Uint8Array {
  const copy = capture.slice();
  new DataView(copy.buffer).setUint32(at, value, true);
  return copy;
}

describe('pcap: what it reads', () => {
  it.each([
    { name: 'microseconds', capture: pcapFile(ethernet, 'ethernet'), frames: ethernet },
    { name: 'nanoseconds', capture: withWord(pcapFile(ethernet, 'ethernet'), 0, 0xa1b23c4d), frames: ethernet },
    { name: 'the other byte order', capture: swapped(pcapFile(ethernet, 'ethernet')), frames: ethernet },
    { name: 'raw IP', capture: pcapFile(bare, 'bare'), frames: bare },
    { name: 'IPv4', capture: withWord(pcapFile(bare, 'bare'), 20, 228), frames: bare },
    { name: 'no frame', capture: pcapFile([], 'ethernet'), frames: [] },
    { name: 'an empty frame', capture: pcapFile([new Uint8Array(0), ...bare], 'bare'), frames: bare },
    {
      name: 'broken off in a frame',
      capture: pcapFile(ethernet, 'ethernet').slice(0, -1),
      frames: ethernet.slice(0, 2),
    },
    {
      name: 'broken off in a header',
      capture: pcapFile(ethernet, 'ethernet').slice(0, -ethernet[2].length - 1),
      frames: ethernet.slice(0, 2),
    },
    {
      name: 'a frame too long for a chunk',
      capture: pcapFile([ethernet[0], new Uint8Array(70_000), ethernet[1]], 'ethernet'),
      frames: ethernet.slice(0, 2),
      tooLong: 1,
    },
    {
      name: 'a length that cannot be',
      capture: withWord(pcapFile(ethernet, 'ethernet'), 24 + 8, 0xffffffff),
      frames: [],
      tooLong: 1,
    },
  ])('$name', async ({ capture, frames, tooLong = 0 }) => {
    writeFileSync(file('in.pcap'), capture);
    const { memory, port } = await open(`pcap:${file('in.pcap')}`);
    expect(port.receive()).toBe(frames.length);
    expect(memory.arrivals(port.number).map(({ bytes }) => bytes)).toEqual(frames);
    expect(port.isAtEnd).toBe(true);
    expect(port.receive()).toBe(0);
    expect(port.counters().tooLong).toBe(tooLong);
    port.close();
  });

  it('takes as many frames as there is room for, and the others later', async () => {
    writeFileSync(file('in.pcap'), pcapFile(ethernet, 'ethernet'));
    const { memory, port } = await open(`pcap:${file('in.pcap')}`);
    memory.roomCount = 1;
    expect([port.receive(), port.receive(), port.isAtEnd]).toEqual([1, 0, false]);
    memory.roomCount = 9;
    expect([port.receive(), port.isAtEnd]).toEqual([2, true]);
    expect(memory.arrivals(port.number).map(({ bytes }) => bytes)).toEqual(ethernet);
    port.close();
  });
});

describe('pcap: what it writes', () => {
  it('is what is sent, with the link type of what is read', async () => {
    writeFileSync(file('in.pcap'), pcapFile(bare, 'bare'));
    const { memory, port } = await open(`pcap:${file('in.pcap')},out=${file('out.pcap')}`);
    memory.put(port.number, bare[0]);
    memory.put(port.number, bare[0].slice(0, 20));
    port.send();
    expect(port.counters()).toMatchObject({ sent: 2, sendDropped: 0 });
    port.close();
    const written = await open(`pcap:${file('out.pcap')}`);
    expect(written.port.receive()).toBe(2);
    expect(written.memory.arrivals(0).map(({ bytes }) => bytes)).toEqual([bare[0], bare[0].slice(0, 20)]);
    expect(readFileSync(file('out.pcap'))[20]).toBe(101);
    const seconds = readFileSync(file('out.pcap')).readUint32LE(24);
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(100);
  });

  it('without a capture to read, it is Ethernet, and at its end at once', async () => {
    const { port } = await open(`pcap:,out=${file('only.pcap')}`);
    expect([port.isAtEnd, port.receive(), port.descriptor]).toEqual([true, 0, -1]);
    port.close();
    expect(readFileSync(file('only.pcap'))).toHaveLength(24);
    expect(readFileSync(file('only.pcap'))[20]).toBe(1);
  });

  it('without one to write, what is sent is dropped and counted', async () => {
    writeFileSync(file('in.pcap'), pcapFile(ethernet, 'ethernet'));
    const { memory, port } = await open(`pcap:${file('in.pcap')}`);
    memory.put(port.number, ethernet[0]);
    port.send();
    expect(port.counters()).toMatchObject({ sent: 0, sendDropped: 1 });
    port.close();
  });
});

describe('pcap: what it refuses, in one line, with nothing written', () => {
  const good = pcapFile(ethernet, 'ethernet');
  it.each([
    { name: 'no file', capture: undefined, why: 'there is no file IN' },
    { name: 'an empty one', capture: new Uint8Array(0), why: 'IN is no pcap' },
    { name: 'half a header', capture: good.slice(0, 20), why: 'IN is no pcap' },
    { name: 'text', capture: new TextEncoder().encode('{ "fabric": "of some length" }'), why: 'IN is no pcap' },
    { name: 'pcapng', capture: withWord(good, 0, 0x0a0d0d0a), why: 'IN is pcapng: editcap -F pcap IN in.pcap' },
    { name: 'version 1', capture: withWord(good, 4, 1), why: 'IN is pcap of version 1' },
    { name: 'cooked', capture: withWord(good, 20, 113), why: 'IN has link type 113, neither Ethernet nor raw IP' },
  ])('$name', async ({ capture, why }) => {
    const input = file(`refused-${why.length}.pcap`);
    if (capture) writeFileSync(input, capture);
    const message = `pcap:${input}: ${why.replaceAll('IN', input)}`;
    await expect(attach(`pcap:${input},out=${file('never.pcap')}`)).rejects.toMatchObject({
      code: 'ERR_PORT',
      message,
    });
    expect(existsSync(file('never.pcap'))).toBe(false);
  });

  it('a folder, the capture itself to write to, a place that is not there, several queues', async () => {
    writeFileSync(file('in.pcap'), good);
    const input = file('in.pcap');
    await expect(attach(`pcap:${folder}`)).rejects.toThrow(`pcap:${folder}: ${folder} is no file`);
    await expect(attach(`pcap:${input},out=${folder}/./in.pcap`)).rejects.toThrow(
      `pcap:${input}: ${folder}/./in.pcap is the capture that is read: write to another one`,
    );
    await expect(attach(`pcap:${input},out=${folder}/no/out.pcap`)).rejects.toThrow(
      `pcap:${input}: ${folder}/no/out.pcap cannot be written: no such file or directory`,
    );
    await expect(attach(`pcap:${input}`, 2)).rejects.toThrow(`pcap:${input}: a capture is read by one queue`);
    expect(readFileSync(input)).toHaveLength(good.length);
  });
});
