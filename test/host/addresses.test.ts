/** IPv6 addresses of programs that come and go: a connection lives as long as its addresses are known. */

import { HostAgent, type HostProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { atA, CLIENT, DIP_A, dualStackHost, ip, ofA, out, toA, VIPS } from '../support/dual-stack-host.js';
import { ACK, type Packet, SYN } from '../support/packet.js';

const [https] = dualStackHost.translations.filter(({ vip }) => vip === VIPS[6]);

/** Ten services of web-a on VIPs nobody else has. */
const generation = (number: number): HostProgram => ({
  ...dualStackHost,
  snatRules: [],
  translations: Array.from({ length: 10 }, (_, index) => ({ ...https, vip: `2001:db8:${number}::${index + 1}` })),
});
const ROOM = { batchFrameCountMax: 1, flowCountMax: 64, translationCountMax: 10, snatRuleCountMax: 1 };

async function hostOf(program: HostProgram): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, ROOM);
  host.apply(program);
  return host;
}

const call = (host: HostAgent, vip: string, port: number, flags = SYN) =>
  host.process(toA.ipv6(CLIENT[6], vip).tcp(port, 443, flags).bytes(), 0);
const answer = (host: HostAgent, port: number) =>
  host.process(ofA.ipv6(DIP_A[6], CLIENT[6]).tcp(8443, port, ACK).bytes(), 0, { port: 'vm' });
const repliedFrom = (vip: string, port: number): string => toHex(out.ipv6(vip, CLIENT[6]).tcp(443, port, ACK).bytes());
const hexOf = (packet: { bytes: Uint8Array | undefined }) => packet.bytes && toHex(packet.bytes);

describe('host agent: IPv6 addresses', () => {
  it('a connection outlives the rule of its VIP', async () => {
    const host = await hostOf(generation(1));
    call(host, '2001:db8:1::1', 40000);
    host.apply(generation(2));
    expect(hexOf(answer(host, 40000))).toBe(repliedFrom('2001:db8:1::1', 40000));
    expect(call(host, '2001:db8:1::1', 40000, ACK).verdict).toBe('pass');
  });

  it('when there is no room for new addresses, those nobody names go, and their connections', async () => {
    const host = await hostOf(generation(1));
    call(host, '2001:db8:1::1', 40000);
    for (let number = 2; number <= 50; number++) {
      host.apply(generation(number));
      for (let index = 1; index <= 10; index++) {
        const port = 40000 + number * 10 + index;
        const vip = `2001:db8:${number}::${index}`;
        expect(call(host, vip, port).verdict).toBe('deliver');
        expect(hexOf(answer(host, port))).toBe(repliedFrom(vip, port));
      }
    }
    expect(answer(host, 40000).verdict).toBe('pass');
  });

  it('those that are named stay, with their connections', async () => {
    const stays = { ...https, vip: '2001:db8::ffff' };
    const withIt = (program: HostProgram) => ({ ...program, translations: [...program.translations.slice(1), stays] });
    const host = await hostOf(withIt(generation(1)));
    call(host, stays.vip, 40000);
    for (let number = 2; number <= 50; number++) {
      host.apply(withIt(generation(number)));
      expect(hexOf(answer(host, 40000))).toBe(repliedFrom(stays.vip, 40000));
    }
  });

  it('the checksum is right whatever the addresses are', async () => {
    for (let step = 0; step < 200; step++) {
      const hex = (factor: number) => ((step * factor) & 0xffff).toString(16);
      const dip = `fd00:${hex(977)}:${hex(31)}::${hex(7)}`;
      const vip = `2001:db8:${hex(409)}:${hex(13)}::1`;
      const host = await hostOf({ ...dualStackHost, snatRules: [], translations: [{ ...https, vip, dip }] });
      const packet = (start: Packet, to: string, port: number) =>
        ip(start, 6, CLIENT[6], to).tcp(40000, port, SYN, { seq: step });
      const { bytes } = host.process(packet(toA, vip, 443).bytes(), 0);
      expect(bytes && toHex(bytes)).toBe(toHex(packet(atA, dip, 8443).bytes()));
    }
  });
});
