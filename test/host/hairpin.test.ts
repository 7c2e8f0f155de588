/** A VM that talks to its own VIP: the packet comes back to it, and so does its answer. */
import { Mux, type MuxProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ACK, bare, FIN, type Packet, RST, SYN } from '../support/packet.js';
import { muxProgram, VNI, WEB_A_MAC, WEB_B_MAC } from '../support/programs.js';
import {
  arrive,
  FAMILIES,
  IDLE_TICKS,
  leave,
  loadHost,
  ofVm,
  program,
  TICK_MS,
  toGateway,
  toVm,
  tunnel,
} from './one-vm.js';

describe.each(FAMILIES)('hairpin, IPv$family', (family) => {
  const { ip, dip, vip, client, publicIp, otherDip } = family;

  it('TCP: the VM sees its VIP on both ends of the connection', async () => {
    const host = await loadHost();
    const request = arrive(host, ip(tunnel(), dip, vip).tcp(5555, 443, SYN, { seq: 9 }));
    expect([request.verdict, toHex(request.bytes!)]).toEqual([
      'deliver',
      toHex(ip(toVm(), vip, dip).tcp(5555, 8443, SYN, { seq: 9 }).bytes()),
    ]);
    const answer = leave(host, ip(ofVm(), dip, vip).tcp(8443, 5555, SYN | ACK, { ack: 10 }));
    expect([answer.verdict, toHex(answer.bytes!)]).toEqual([
      'deliver',
      toHex(
        ip(toVm(), vip, dip)
          .tcp(443, 5555, SYN | ACK, { ack: 10 })
          .bytes(),
      ),
    ]);
    expect(verifyFrame(answer.bytes!, 'ethernet')).toEqual([]);
  });

  it('UDP', async () => {
    const host = await loadHost();
    const request = arrive(host, ip(tunnel(), dip, vip).udp(5555, 53, { payload: 'question' }));
    expect(toHex(request.bytes!)).toBe(toHex(ip(toVm(), vip, dip).udp(5555, 5353, { payload: 'question' }).bytes()));
    const answer = leave(host, ip(ofVm(), dip, vip).udp(5353, 5555, { payload: 'answer' }));
    expect([answer.verdict, toHex(answer.bytes!)]).toEqual([
      'deliver',
      toHex(ip(toVm(), vip, dip).udp(53, 5555, { payload: 'answer' }).bytes()),
    ]);
  });

  it('a protocol without ports', async () => {
    const host = await loadHost();
    const request = arrive(host, ip(tunnel(), dip, vip).nvgre(7).payload('x'));
    expect(toHex(request.bytes!)).toBe(toHex(ip(toVm(), vip, dip).nvgre(7).payload('x').bytes()));
    const answer = leave(host, ip(ofVm(), dip, vip).nvgre(8).payload('y'));
    expect([answer.verdict, toHex(answer.bytes!)]).toEqual([
      'deliver',
      toHex(ip(toVm(), vip, dip).nvgre(8).payload('y').bytes()),
    ]);
  });

  it('through its instance-level public IP', async () => {
    const host = await loadHost();
    const request = arrive(host, ip(tunnel(WEB_B_MAC), otherDip, publicIp).tcp(5555, 22, SYN));
    expect(toHex(request.bytes!)).toBe(toHex(ip(toVm(WEB_B_MAC), publicIp, otherDip).tcp(5555, 22, SYN).bytes()));
    const answer = leave(host, ip(ofVm(WEB_B_MAC), otherDip, publicIp).tcp(22, 5555, SYN | ACK));
    expect([answer.verdict, toHex(answer.bytes!)]).toEqual([
      'deliver',
      toHex(
        ip(toVm(WEB_B_MAC), publicIp, otherDip)
          .tcp(22, 5555, SYN | ACK)
          .bytes(),
      ),
    ]);
  });

  it('a datagram in fragments, there and back', async () => {
    const host = await loadHost();
    const fragment = (start: Packet, from: string, to: string, offset: number) =>
      family.family === 4
        ? start.ipv4(from, to, { id: 5, df: false, mf: offset === 0, fragmentOffset: offset, protocol: 17 })
        : start.ipv6(from, to).fragment({ id: 5, more: offset === 0, offset, nextHeader: 17 });
    /** UDP of 24 bytes, without checksum: 16 of them, then 8. */
    const first = (start: Packet, from: string, to: string, source: number, destination: number) => {
      const header = Uint8Array.of(source >> 8, source & 255, destination >> 8, destination & 255, 0, 24, 0, 0);
      return fragment(start, from, to, 0).payload(header).payload('8 bytes.');
    };
    const second = (start: Packet, from: string, to: string) => fragment(start, from, to, 2).payload('the rest');

    const processed = [
      arrive(host, first(tunnel(), dip, vip, 5555, 53)),
      arrive(host, second(tunnel(), dip, vip)),
      leave(host, first(ofVm(), dip, vip, 5353, 5555)),
      leave(host, second(ofVm(), dip, vip)),
    ];
    const expected = [
      first(toVm(), vip, dip, 5555, 5353),
      second(toVm(), vip, dip),
      first(toVm(), vip, dip, 53, 5555),
      second(toVm(), vip, dip),
    ];
    expect(processed.map(({ verdict, bytes }) => [verdict, bytes && toHex(bytes)])).toEqual(
      expected.map((packet) => ['deliver', toHex(packet.bytes())]),
    );
  });

  it('an error of the VM comes back to it, about what it had sent', async () => {
    const { unreachable } = family;
    const host = await loadHost();
    arrive(host, ip(tunnel(), dip, vip).udp(5555, 53, { payload: 'question' }));
    const received = ip(bare(), vip, dip).udp(5555, 5353, { payload: 'question' }).bytes();
    const sent = ip(bare(), dip, vip).udp(5555, 53, { payload: 'question' }).bytes();
    const { verdict, bytes } = leave(host, unreachable(ip(ofVm(), dip, vip), received));
    expect([verdict, toHex(bytes!)]).toEqual(['deliver', toHex(unreachable(ip(toVm(), vip, dip), sent).bytes())]);
  });

  it('the same port of a client outside is another connection', async () => {
    const host = await loadHost();
    arrive(host, ip(tunnel(), dip, vip).tcp(40000, 443, SYN));
    arrive(host, ip(tunnel(), client, vip).tcp(40000, 443, SYN));
    const outside = leave(host, ip(ofVm(), dip, client).tcp(8443, 40000, SYN | ACK));
    expect([outside.verdict, toHex(outside.bytes!)]).toEqual([
      'reply',
      toHex(
        ip(toGateway, vip, client)
          .tcp(443, 40000, SYN | ACK)
          .bytes(),
      ),
    ]);
  });

  it('another VM behind the VIP is no hairpin', async () => {
    const host = await loadHost();
    const { verdict, bytes } = arrive(host, ip(tunnel(), otherDip, vip).tcp(5555, 443, SYN));
    expect([verdict, toHex(bytes!)]).toEqual([
      'deliver',
      toHex(ip(toVm(), otherDip, dip).tcp(5555, 8443, SYN).bytes()),
    ]);
  });

  it('lasts as long as any connection: idle, FIN, RST', async () => {
    const answer = ip(ofVm(), dip, vip).tcp(8443, 5555, ACK);
    const rows = [
      { flags: ACK, ticks: IDLE_TICKS },
      { flags: FIN | ACK, ticks: 60 },
      { flags: RST, ticks: 4 },
    ];
    for (const { flags, ticks } of rows) {
      for (const [late, verdict] of [
        [0, 'deliver'],
        [1, 'drop'],
      ] as const) {
        const host = await loadHost({
          snatRules: program.snatRules!,
          translations: program.translations.map(({ tcpReset: _, ...rest }) => rest),
        });
        arrive(host, ip(tunnel(), dip, vip).tcp(5555, 443, SYN));
        arrive(host, ip(tunnel(), dip, vip).tcp(5555, 443, flags));
        // What belongs to no connection is one of the VM's own, and opens none: the leased ports refuse it.
        expect([flags, late, leave(host, answer, (ticks + late) * TICK_MS).verdict]).toEqual([flags, late, verdict]);
      }
    }
  });
});

describe.each(FAMILIES)('a handshake from a VM to itself, through the MUX, IPv$family', (family) => {
  const { ip, dip, vip } = family;
  const [backend] = muxProgram.backends;
  const [service] = muxProgram.services;
  const oneMux: MuxProgram = {
    ...muxProgram,
    vips: [vip],
    services: [{ ...service!, vip, target: { ring: 0 } }],
    rings: [{ slotCount: 251, members: [{ backend: 0, weight: 1 }] }],
    backends: [{ ...backend!, dip, vni: VNI, macAddress: WEB_A_MAC }],
  };

  it('SYN, SYN and ACK, ACK, data, and the answer to it', async () => {
    const mux = await Mux.load(muxModule, { flowCountMax: 256 });
    mux.program(oneMux);
    const host = await loadHost({ snatRules: [] });
    /** What the VM sends as a client leaves under its own address and reaches the VIP's MUX. */
    const asClient = (flags: number, fields: object) => {
      const sent = leave(host, ip(ofVm(), dip, vip).tcp(5555, 443, flags, fields));
      expect(sent.verdict).toBe('pass');
      const forwarded = mux.process(sent.bytes!, 0);
      expect(forwarded.verdict).toBe('forward');
      const delivered = host.process(forwarded.bytes!, 0);
      expect([delivered.verdict, toHex(delivered.bytes!)]).toEqual([
        'deliver',
        toHex(ip(toVm(), vip, dip).tcp(5555, 8443, flags, fields).bytes()),
      ]);
    };
    const asServer = (flags: number, fields: object) => {
      const delivered = leave(host, ip(ofVm(), dip, vip).tcp(8443, 5555, flags, fields));
      expect([delivered.verdict, toHex(delivered.bytes!)]).toEqual([
        'deliver',
        toHex(ip(toVm(), vip, dip).tcp(443, 5555, flags, fields).bytes()),
      ]);
    };
    asClient(SYN, { seq: 100 });
    asServer(SYN | ACK, { seq: 300, ack: 101 });
    asClient(ACK, { seq: 101, ack: 301 });
    asClient(ACK, { seq: 101, ack: 301, payload: 'GET /' });
    asServer(ACK, { seq: 301, ack: 106, payload: 'answer' });
    asClient(FIN | ACK, { seq: 106, ack: 307 });
    asServer(FIN | ACK, { seq: 307, ack: 107 });
    asClient(ACK, { seq: 107, ack: 308 });
    expect(host.counters().natFlows.inserts).toBe(1);
  });
});
