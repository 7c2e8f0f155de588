/** What a MUX sends by itself, judged by others: scapy builds the same messages, Wireshark finds nothing wrong with them. */
import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { LINKTYPE_ETHERNET, writePcap } from '../../sdk/packet/index.js';
import { temporaryFolder } from '../appliance/cli.js';
import { FAMILIES, icmp } from '../support/families.js';
import { MuxRun, withRings } from '../support/mux-run.js';
import { ACK, eth, type Packet } from '../support/packet.js';
import { MUX_MAC } from '../support/programs.js';
import { arePeersMissing, fieldsOf, judgeMessages } from './peers.js';

const file = temporaryFolder();
const MTU = 1500;
const FITTING = MTU - 50;

/** Of every length near those where something is rounded or cut, and with all kinds of bytes. */
const LENGTHS = [0, 1, 2, 3, 7, 8, 500, 547, 548, 549, 1231, 1232, 1233, 1400];
const content = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 151 + length) & 0xff);

const packets = FAMILIES.flatMap((kit) => {
  const start = eth({ src: '02:00:00:00:00:01', dst: MUX_MAC });
  const toVip = (tos = 0) =>
    kit.family === 6
      ? start.ipv6(kit.client, kit.vip, { trafficClass: tos, flowLabel: 0x12345 })
      : start.ipv4(kit.client, kit.vip, { tos, id: 0xbeef });
  const pings = LENGTHS.map((length) =>
    icmp(kit, toVip(0xb8), kit.echoRequest, 0, { rest: 0x12340000 + length }).payload(content(length)),
  );
  const tooBig = LENGTHS.map((length) => toVip(2).tcp(40000, 443, ACK, { payload: content(1420 + length) }));
  return [...pings, ...tooBig];
});

function written(name: string, frames: readonly Uint8Array[]): string {
  writeFileSync(
    file(name),
    writePcap(
      frames.map((bytes) => ({ bytes })),
      LINKTYPE_ETHERNET,
    ),
  );
  return file(name);
}

describe.skipIf(arePeersMissing)('messages of a MUX', () => {
  let sent: string;
  let received: string;

  beforeAll(async () => {
    const run = await MuxRun.of(withRings(['web-a'], { mtuBytes: MTU }));
    const answers = run.batch(packets);
    expect(answers.filter(({ said }) => !said.startsWith('reply'))).toEqual([]);
    sent = written(
      'sent.pcap',
      packets.map((packet: Packet) => packet.bytes()),
    );
    received = written(
      'received.pcap',
      answers.map(({ bytes }) => bytes),
    );
  });

  test('are those of scapy, byte for byte', () => {
    expect(judgeMessages(sent, received, FITTING, FITTING)).toEqual({ frames: packets.length, wrong: [] });
  });

  test('Wireshark reads them, and finds every checksum good', () => {
    const GOOD = '1';
    const rows = fieldsOf(received, [
      ...['_ws.malformed', 'ip.checksum.status', 'icmp.checksum.status', 'icmpv6.checksum.status'],
      ...['icmp.type', 'icmp.code', 'icmp.mtu', 'icmpv6.type', 'icmpv6.mtu'],
    ]);
    const outer = rows.map((row) => row.map((values) => values.split(',')[0]));
    const count = LENGTHS.length;
    expect(outer).toEqual([
      ...Array(count).fill(['', GOOD, GOOD, '', '0', '0', '', '', '']),
      ...Array(count).fill(['', GOOD, GOOD, '', '3', '4', String(FITTING), '', '']),
      ...Array(count).fill(['', '', '', GOOD, '', '', '', '129', '']),
      ...Array(count).fill(['', '', '', GOOD, '', '', '', '2', String(FITTING)]),
    ]);
  });
});
