/** What a host agent makes by itself or changes inside: Wireshark reads it, and finds every checksum good. */
import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { LINKTYPE_ETHERNET, writePcap } from '../../sdk/packet/index.js';
import { temporaryFolder } from '../appliance/cli.js';
import {
  arrive,
  attached,
  FAMILIES,
  type Family,
  IDLE_TICKS,
  leave,
  loadHost,
  ofVm,
  TICK_MS,
  tunnel,
} from '../host/one-vm.js';
import { fromHex } from '../support/bytes.js';
import { ACK, bare, SYN } from '../support/packet.js';
import { arePeersMissing, fieldsOf } from './peers.js';

const file = temporaryFolder();
const MSS_1460 = { options: fromHex('010101020405b401') };

/** Name → frame, for one family. */
async function framesOf(family: Family): Promise<[name: string, bytes: Uint8Array][]> {
  const { ip, unreachable, echo, client, router, dip, vip, snatVip, ipBytes } = family;
  const host = await loadHost(attached({ mtuBytes: 1500 }));
  const frames: [string, Uint8Array | undefined][] = [];
  arrive(host, ip(tunnel(), client, vip).tcp(40000, 443, SYN, { seq: 100 }));
  const opening = ip(ofVm(), dip, client).tcp(8443, 40000, SYN | ACK, { ...MSS_1460, seq: 300, ack: 101 });
  frames.push(['SYN with a lower MSS', leave(host, opening).bytes]);
  arrive(host, ip(tunnel(), client, vip).tcp(40000, 443, ACK, { seq: 101, ack: 301 }));

  arrive(host, ip(tunnel(), dip, vip).tcp(5555, 443, SYN));
  frames.push(['hairpin', leave(host, ip(ofVm(), dip, vip).tcp(8443, 5555, SYN | ACK, { payload: 'odd' })).bytes]);

  const sent = ip(bare(), vip, client).tcp(443, 40000, ACK, { payload: 'answer' }).bytes();
  frames.push(['error to the VM', arrive(host, unreachable(ip(tunnel(), router, vip), sent)).bytes]);
  const short = sent.slice(0, ipBytes + 8);
  frames.push(['error to the VM, 8 bytes', arrive(host, unreachable(ip(tunnel(), router, vip), short)).bytes]);
  const received = ip(bare(), client, dip).tcp(40000, 8443, SYN, { payload: 'odd' }).bytes();
  frames.push(['error of the VM', leave(host, unreachable(ip(ofVm(), dip, client), received)).bytes]);

  const ping = leave(host, echo(ip(ofVm(), dip, client), 'request', 77)).bytes;
  frames.push(['ping from a leased identifier', ping]);
  const identifier = ping![14 + ipBytes + 4]! * 256 + ping![14 + ipBytes + 5]!;
  const reply = arrive(host, echo(ip(tunnel(), client, snatVip), 'reply', identifier));
  frames.push(['its reply', reply.bytes]);
  const quotedPing = echo(ip(bare(), snatVip, client), 'request', identifier).bytes();
  frames.push(['error about it', arrive(host, unreachable(ip(tunnel(), router, snatVip), quotedPing)).bytes]);

  host.batch.clear();
  host.processBatch((IDLE_TICKS + 64) * TICK_MS);
  for (let index = 0; index < host.batch.count; index++) frames.push(['reset', host.batch.bytes(index).slice()]);
  return frames.map(([name, bytes]) => {
    if (bytes === undefined) throw new Error(`${name}: dropped`);
    return [name, bytes];
  });
}

describe.skipIf(arePeersMissing).each(FAMILIES)('frames of a host agent, IPv$family', (family) => {
  let names: string[];
  let capture: string;

  beforeAll(async () => {
    const frames = await framesOf(family);
    names = frames.map(([name]) => name);
    capture = file(`${family.family}.pcap`);
    writeFileSync(
      capture,
      writePcap(
        frames.map(([, bytes]) => ({ bytes })),
        LINKTYPE_ETHERNET,
      ),
    );
  });

  test('every checksum is good, those in quotes too', () => {
    const GOOD = /^(1(,1)*)?$/;
    const fields = ['ip', 'icmp', 'icmpv6', 'tcp'].map((protocol) => `${protocol}.checksum.status`);
    const rows = fieldsOf(capture, ['_ws.malformed', ...fields]);
    expect(rows).toHaveLength(names.length);
    rows.forEach(([malformed, ...statuses], index) => {
      // Wireshark does not judge the checksum of a segment that a message quotes: 2, or 3 where it is cut off.
      const judged = statuses.map((status) => status.replace(/,?[23](?=,|$)/g, ''));
      expect([names[index], malformed, judged.filter((status) => !GOOD.test(status))]).toEqual([names[index], '', []]);
      expect([names[index], judged.some((status) => status.startsWith('1'))]).toEqual([names[index], true]);
    });
  });

  test('the resets: flags, numbers, window and time to live', () => {
    const rows = fieldsOf(capture, [
      ...['tcp.flags', 'tcp.seq_raw', 'tcp.ack_raw', 'tcp.window_size_value', 'tcp.len', 'ip.ttl', 'ipv6.hlim'],
    ]).filter((_, index) => names[index] === 'reset');
    const ttl = family.family === 4 ? ['64', ''] : ['', '64'];
    const reset = (seq: string, ack: string) => ['0x0014', seq, ack, '0', '0', ...ttl];
    // The VM that talks to itself has acknowledged nothing.
    const expected = [reset('0', '0'), reset('0', '0'), reset('101', '301'), reset('301', '101')];
    expect(rows.map((row) => row.join()).sort()).toEqual(expected.map((row) => row.join()).sort());
  });

  test('the lower MSS', () => {
    const [[mss]] = fieldsOf(capture, ['tcp.options.mss_val']) as [[string]];
    expect(mss).toBe(family.family === 4 ? '1410' : '1390');
  });
});
