/**
 * Clients to VMs and back, each step a process of edgemux and between them captures:
 *
 *   scapy's clients ─► mux-1 ─► host-1, host-2 ─► scapy's VMs ─► host-1, host-2 ─► scapy's clients
 */
import { copyFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { edgemuxJson, FABRIC, temporaryFolder } from '../appliance/cli.js';
import { twoTenants } from './fabrics.js';
import { arePeersMissing, frameCount, headerComplaints, oracle, type Verdict } from './peers.js';

const file = temporaryFolder();
const CLIENTS = '80';
const HOSTS = ['host-1', 'host-2'];

/** Field of the oracle's verdict → what must hold for it in every frame. */
const PROMISES = [
  ['time', 'it leaves at the time it came, in order'],
  ['macs', 'MAC addresses: from the host to the VM, or to the gateway the VM chose'],
  ['from', 'a request comes from the client, an answer from the VIP and port the client talks to'],
  ['to', 'a request goes to DIP and backend port, an answer to the client'],
  ['packet', 'all the rest is as it was sent, with the checksums scapy computes'],
] as const;

const FABRICS = [
  ['the example', (path: string) => copyFileSync(FABRIC, path)],
  ['two tenants with the same DIPs', (path: string) => writeFileSync(path, JSON.stringify(twoTenants()))],
] as const;

describe.skipIf(arePeersMissing).each(FABRICS)('%s', (name, write) => {
  const capture = (stage: string) => file(`${name}.${stage}.pcap`);
  const fabric = file(`${name}.json`);
  const summaries: Record<string, Record<string, number>> = {};
  const verdicts: Record<string, Record<'delivered' | 'replied', Verdict>> = {};
  let forwarded: number;

  beforeAll(() => {
    write(fabric);
    oracle('traffic', fabric, 'mux-1', 'ethernet', CLIENTS, capture('sent'));
    ({ forwarded } = replay('--mux', 'mux-1', 'sent', 'tunnel'));
    for (const host of HOSTS) {
      replay('--host', host, 'tunnel', `${host}.delivered`);
      oracle('answer', capture('tunnel'), capture(`${host}.delivered`), capture(`${host}.both`));
      summaries[host] = replay('--host', host, `${host}.both`, host);
      verdicts[host] = oracle('judge-host', fabric, host, capture(`${host}.both`), capture(host));
    }
  });

  function replay(kind: '--mux' | '--host', id: string, from: string, to: string) {
    return edgemuxJson(['replay', fabric, kind, id, '--in', capture(from), '--out', capture(to)]);
  }

  test('the MUX chooses as the Maglev tables and weights say', () => {
    const { frames, wrong } = oracle('judge-mux', fabric, 'mux-1', 'ethernet', capture('sent'), capture('tunnel'));
    expect(frames).toBe(forwarded);
    expect(Object.values(wrong).flat()).toEqual([]);
  });

  test('every frame that was forwarded is delivered by one host, answered, and passed by the other', () => {
    const [one, two] = HOSTS.map((host) => summaries[host]);
    const [oneDelivered, twoDelivered] = [one?.delivered, two?.delivered] as [number, number];
    const others = { forwarded: 0, dropped: {} };
    expect(one).toMatchObject({ delivered: oneDelivered, replied: oneDelivered, passed: twoDelivered, ...others });
    expect(two).toMatchObject({ delivered: twoDelivered, replied: twoDelivered, passed: oneDelivered, ...others });
    expect(oneDelivered + twoDelivered).toBe(forwarded);
  });

  test.each(HOSTS)('%s: every frame that left was judged', (host) => {
    const { delivered, replied } = verdicts[host]!;
    expect(delivered.frames).toBe(summaries[host]?.delivered);
    expect(replied.frames).toBe(summaries[host]?.replied);
    expect(Object.keys(delivered.wrong)).toEqual(PROMISES.map(([field]) => field));
  });

  test.each(PROMISES)('%s: %s', (field) => {
    for (const host of HOSTS) {
      expect(verdicts[host]?.delivered.wrong[field]).toEqual([]);
      expect(verdicts[host]?.replied.wrong[field]).toEqual([]);
    }
  });

  test('every request has one answer, from the VIP and port it went to, by a VM that serves them', () => {
    expect(oracle('judge-clients', fabric, capture('sent'), ...HOSTS.map(capture))).toEqual({
      frames: forwarded,
      wrong: { server: [], checksums: [] },
      unanswered: 0,
      unasked: 0,
    });
  });

  test.each(HOSTS)('Wireshark finds nothing malformed and no wrong checksum in what leaves %s', (host) => {
    expect(frameCount(capture(host), 'tcp || udp')).toBe(summaries[host]!.delivered! + summaries[host]!.replied!);
    expect(headerComplaints(capture(host))).toEqual([]);
  });
});

describe.skipIf(arePeersMissing)('between two tenants with the same DIPs', () => {
  const fabric = file('tenants.json');
  const replay = (machine: readonly string[], from: string, to: string) =>
    edgemuxJson(['replay', fabric, ...machine, '--in', file(from), '--out', file(to)]);

  beforeAll(() => {
    writeFileSync(fabric, JSON.stringify(twoTenants()));
    oracle('traffic', fabric, 'mux-1', 'ethernet', '20', file('tenants.pcap'));
    replay(['--mux', 'mux-1'], 'tenants.pcap', 'tenants.tunnel.pcap');
  });

  test.each([
    ['80.80.80.80', 5001],
    ['80.80.80.81', 5002],
  ])('what goes to %s goes through VNI %i', (vip, vni) => {
    const tunnel = file('tenants.tunnel.pcap');
    expect(frameCount(tunnel, `vxlan.vni == ${vni} && !(ip.dst == ${vip})`)).toBe(0);
    expect(frameCount(tunnel, `vxlan.vni != ${vni} && ip.dst == ${vip}`)).toBe(0);
    expect(frameCount(tunnel, `vxlan.vni == ${vni}`)).toBeGreaterThan(200);
  });

  test('a frame with the VNI of the other tenant is dropped', () => {
    oracle('swap-vnis', file('tenants.tunnel.pcap'), file('swapped.pcap'), '5001', '5002');
    const { delivered, passed, frames, dropped } = replay(['--host', 'host-1'], 'swapped.pcap', 'none.pcap');
    expect(delivered).toBe(0);
    expect(dropped).toEqual({ 'vni-mismatch': frames - passed });
    expect(frames - passed).toBeGreaterThan(100);
  });
});
