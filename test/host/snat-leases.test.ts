/** Leases come and go with programs; and no VM takes the room of the others. */

import { HostAgent, type HostProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import type { SnatRule } from '../../sdk/program/types.js';
import { be16 } from '../support/bytes.js';
import {
  CLIENT,
  DIP_A,
  DIP_B,
  dualStackHost,
  ip,
  ofA,
  ofB,
  SNAT_VIP,
  snatRule,
  toA,
} from '../support/dual-stack-host.js';
import { ACK, FIN, SYN } from '../support/packet.js';

const both = [
  { firstPort: 1024, portCount: 8 },
  { firstPort: 2048, portCount: 8 },
];

const programOf = (snatRules: readonly SnatRule[], fields: Partial<HostProgram> = {}): HostProgram => ({
  ...dualStackHost,
  translations: [],
  snatRules,
  ...fields,
});

async function hostOf(program: HostProgram, flowCountMax = 4096): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax });
  host.apply(program);
  return host;
}

/** The port a connection of web-a left from. */
function call(
  host: HostAgent,
  localPort: number,
  { remotePort = 80, flags = SYN, nowMs = 0, of = ofA, dip = DIP_A[4] as string } = {},
) {
  const packet = ip(of, 4, dip, CLIENT[4]).tcp(localPort, remotePort, flags);
  const { verdict, reason, bytes } = host.process(packet.bytes(), nowMs, { port: 'vm' });
  return verdict === 'reply' && bytes ? be16(bytes, 34) : (reason ?? verdict);
}

const answer = (host: HostAgent, port: number, nowMs = 0, remotePort = 80) => {
  const { verdict, reason } = host.process(
    ip(toA, 4, CLIENT[4], SNAT_VIP[4]).tcp(remotePort, port, ACK).bytes(),
    nowMs,
  );
  return reason ?? verdict;
};

describe('host agent: leases change', () => {
  const locals = Array.from({ length: 16 }, (_, index) => 50000 + index);

  it('connections on a range that left end, the others go on', async () => {
    const host = await hostOf(programOf([snatRule(4, { ranges: both })]));
    const ports = locals.map((local) => call(host, local) as number);
    host.apply(programOf([snatRule(4, { ranges: both.slice(0, 1) })]));
    for (const [index, local] of locals.entries()) {
      const stays = ports[index] < 2048;
      expect(call(host, local, { flags: ACK })).toBe(stays ? ports[index] : 'snat-unknown');
      expect(answer(host, ports[index])).toBe(stays ? 'deliver' : 'snat-unknown');
    }
    expect(call(host, 60000)).toBe('snat-exhausted');
  });

  it('a range that came is used, and nothing that was there is touched', async () => {
    const host = await hostOf(programOf([snatRule(4, { ranges: both.slice(0, 1) })]));
    const ports = locals.slice(0, 8).map((local) => call(host, local) as number);
    expect(call(host, 60000)).toBe('snat-exhausted');
    host.apply(programOf([snatRule(4, { ranges: both })]));
    expect(locals.slice(0, 8).map((local) => call(host, local, { flags: ACK }))).toEqual(ports);
    expect(call(host, 60000)).toBeGreaterThanOrEqual(2048);
    expect(host.snatDemand()).toMatchObject([{ portCount: 16, allocated: 9, exhausted: 1 }]);
  });

  it('without any rule all end', async () => {
    const host = await hostOf(programOf([snatRule(4)]));
    const port = call(host, 50000) as number;
    host.apply(programOf([]));
    expect(call(host, 50000, { flags: ACK })).toBe('pass');
    expect(answer(host, port)).toBe('pass');
    expect(host.snatDemand()).toEqual([]);
  });

  it('a port that was given to another DIP serves that one', async () => {
    const ofWebB = snatRule(4, { nic: 1, dip: DIP_B[4] });
    const host = await hostOf(programOf([snatRule(4)]));
    expect(call(host, 50000)).toBeTypeOf('number');
    host.apply(programOf([ofWebB]));
    expect(call(host, 50000, { flags: ACK })).toBe('pass');
    expect(call(host, 50000, { of: ofB, dip: DIP_B[4] })).toBeTypeOf('number');
  });

  it('a NIC that left takes its connections with it', async () => {
    const host = await hostOf(programOf([snatRule(4)]));
    const port = call(host, 50000) as number;
    const [, nicB] = dualStackHost.nics;
    host.apply(programOf([], { nics: [nicB] }));
    host.apply(programOf([snatRule(4)]));
    expect(call(host, 50000, { flags: ACK })).toBe('snat-unknown');
    expect(answer(host, port)).toBe('snat-unknown');
  });

  it('the same program again changes nothing', async () => {
    const host = await hostOf(programOf([snatRule(4)]));
    const port = call(host, 50000);
    host.apply(programOf([snatRule(4)]));
    expect(call(host, 50000, { flags: ACK })).toBe(port);
    expect(host.snatDemand()).toMatchObject([{ allocated: 1, exhausted: 0 }]);
  });
});

describe('host agent: the end of an outbound connection', () => {
  const at = (ticks: number) => ticks * 1024;

  it.each([
    { name: 'FIN leaves it a minute', flags: FIN | ACK, ticks: 60 },
    { name: 'RST leaves it four ticks', flags: 0x04, ticks: 4 },
  ])('$name', async ({ flags, ticks }) => {
    for (const [later, expected] of [
      [ticks, 'deliver'],
      [ticks + 1, 'snat-unknown'],
    ] as const) {
      const host = await hostOf(programOf([snatRule(4)]));
      const port = call(host, 50000) as number;
      call(host, 50000, { flags });
      expect(answer(host, port, at(later))).toBe(expected);
    }
  });

  it('the same ports may open it again', async () => {
    const host = await hostOf(programOf([snatRule(4)]));
    const port = call(host, 50000) as number;
    call(host, 50000, { flags: FIN | ACK });
    expect(call(host, 50000)).toBe(port);
    expect(answer(host, port, at(200))).toBe('deliver');
  });
});

describe('host agent: shares of the table', () => {
  /** 16 buckets of four, of which a NIC may have a quarter: eight connections of two entries. */
  const FLOW_COUNT_MAX = 32;
  const SHARE = 8;
  const rules = [
    snatRule(4, { ranges: [{ firstPort: 1024, portCount: 1024 }] }),
    snatRule(4, { nic: 1, dip: DIP_B[4], ranges: [{ firstPort: 4096, portCount: 1024 }] }),
  ];
  const answered = (host: HostAgent, count: number) => {
    const ports: number[] = [];
    for (let index = 0; index < count; index++) {
      const port = call(host, 50000 + index);
      if (typeof port === 'number') ports.push(port);
      if (typeof port === 'number') expect(answer(host, port)).toBe('deliver');
    }
    return ports;
  };

  it('a VM with a quarter of it full of connections that work gets no more; another one does', async () => {
    const host = await hostOf(programOf(rules), FLOW_COUNT_MAX);
    const ports = answered(host, SHARE);
    expect(ports).toHaveLength(SHARE);
    expect(call(host, 60000)).toBe('flow-table-full');
    expect(host.counters().snat).toEqual({ allocated: SHARE, exhausted: 0, overShare: 1 });
    expect(call(host, 60000, { of: ofB, dip: DIP_B[4] })).toBeGreaterThanOrEqual(4096);
    for (const port of ports) expect(answer(host, port)).toBe('deliver');
  });

  it('one that floods gives up its own', async () => {
    const host = await hostOf(programOf(rules), FLOW_COUNT_MAX);
    const mine = call(host, 50000, { of: ofB, dip: DIP_B[4] });
    for (let local = 1; local <= 1000; local++) expect(call(host, local)).toBeTypeOf('number');
    expect(call(host, 50000, { of: ofB, dip: DIP_B[4], flags: ACK })).toBe(mine);
  });

  it('and so does one whose connections are over', async () => {
    const host = await hostOf(programOf(rules), FLOW_COUNT_MAX);
    answered(host, SHARE);
    expect(call(host, 60000, { nowMs: 235 * 1024 })).toBe('flow-table-full');
    expect(call(host, 60000, { nowMs: 236 * 1024 })).toBeTypeOf('number');
  });
});
