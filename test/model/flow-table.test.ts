/** The states of a flow and how long each may be idle: a table of packets, one flow. */

import { describe, expect, it } from 'vitest';
import type { Backend, Service } from '../../sdk/program/types.js';
import { muxProgram } from '../support/programs.js';
import { FlowTable } from './flow-table.js';

const [a, b] = muxProgram.backends as readonly [Backend, Backend, ...Backend[]];
/** 240 seconds are 235 ticks. */
const service = muxProgram.services[0] as Service;
const tuple = { source: '192.0.2.7', destination: '80.80.80.80', sourcePort: 1, destinationPort: 443, protocol: 6 };

const SIGNALS = {
  SYN: { opens: true, resets: false, finishes: false },
  ACK: { opens: false, resets: false, finishes: false },
  FIN: { opens: false, resets: false, finishes: true },
  RST: { opens: false, resets: true, finishes: false },
};

/** Sends packets to a table whose ring says `a`; then says at which tick a last one still finds the flow. */
function lastTickOf(packets: readonly (keyof typeof SIGNALS)[], rule: Service = service): number {
  const findsIt = (tick: number): boolean => {
    const table = new FlowTable();
    for (const packet of packets) table.choose(rule, tuple, SIGNALS[packet], a, 0);
    return table.peek(rule, tuple, tick) === a;
  };
  return Array.from({ length: 300 }, (_, tick) => tick).findLast(findsIt) ?? -1;
}

describe('a flow is remembered for', () => {
  const rows: { packets: (keyof typeof SIGNALS)[]; ticks: number }[] = [
    { packets: ['SYN'], ticks: 30 },
    { packets: ['SYN', 'SYN'], ticks: 30 },
    { packets: ['SYN', 'ACK'], ticks: 235 },
    { packets: ['SYN', 'ACK', 'SYN'], ticks: 235 },
    { packets: ['ACK'], ticks: 235 },
    { packets: ['ACK', 'FIN'], ticks: 60 },
    { packets: ['FIN'], ticks: 60 },
    { packets: ['FIN', 'ACK'], ticks: 60 },
    { packets: ['FIN', 'SYN'], ticks: 30 },
    { packets: ['ACK', 'RST'], ticks: 4 },
    { packets: ['FIN', 'RST'], ticks: 4 },
    { packets: ['ACK', 'RST', 'FIN'], ticks: 60 },
    { packets: ['ACK', 'RST', 'ACK'], ticks: 235 },
    { packets: ['ACK', 'RST', 'SYN'], ticks: 30 },
    { packets: ['RST'], ticks: -1 },
  ];
  it.each(rows)('$packets: $ticks ticks', ({ packets, ticks }) => {
    expect(lastTickOf(packets)).toBe(ticks);
  });

  it('no longer than its rule says, but for a reset', () => {
    const short = { ...service, idleTimeoutMs: 2048 };
    expect(lastTickOf(['SYN'], short)).toBe(2);
    expect(lastTickOf(['FIN'], short)).toBe(2);
    expect(lastTickOf(['ACK', 'RST'], short)).toBe(4);
  });
});

describe('a flow and the ring', () => {
  it('only a SYN asks the ring again', () => {
    const table = new FlowTable();
    expect(table.choose(service, tuple, SIGNALS.ACK, a, 0)).toBe(a);
    expect(table.choose(service, tuple, SIGNALS.ACK, b, 1)).toBe(a);
    expect(table.choose(service, tuple, SIGNALS.RST, b, 1)).toBe(a);
    expect(table.choose(service, tuple, SIGNALS.SYN, b, 2)).toBe(b);
    expect(table.choose(service, tuple, SIGNALS.ACK, a, 3)).toBe(b);
  });

  it('an empty ring refuses a SYN and leaves the flow as it was', () => {
    const table = new FlowTable();
    table.choose(service, tuple, SIGNALS.ACK, a, 0);
    expect(table.choose(service, tuple, SIGNALS.SYN, undefined, 1)).toBeUndefined();
    expect(table.choose(service, tuple, SIGNALS.ACK, undefined, 235)).toBe(a);
  });
});
