/**
 * A MUX with everything a MUX can be asked for: VIPs and an underlay of both families, rules for protocols without ports,
 * instance-level addresses, leased ports, and an MTU.
 *
 *   clients 192.0.2.x, 2001:db8:c::x ── MUX 10.0.0.11, fd00::11 ── host A 10.0.0.21 (VMs a, b)
 *                                                              ├─ host B 10.0.0.22 (VM c)
 *                                                              └─ host C fd00::23  (VMs d, e)
 */

import type { Backend, MuxProgram, RuleProtocol, Service } from '../../sdk/program/types.js';
import { GATEWAY_MAC, HOST_A, HOST_A_MAC, HOST_B, HOST_B_MAC, MUX, MUX_MAC, VIP, VNI } from './programs.js';

export const VIP6 = '2001:db8:80::80';
/** Takes every protocol. */
export const VIP_ANY = '80.80.80.82';
export const VIP6_ANY = '2001:db8:80::82';
/** Of one VM alone. */
export const VIP_INSTANCE = '80.80.80.83';
export const VIP6_INSTANCE = '2001:db8:80::83';
/** Nothing but leased ports. */
export const VIP_LEASED = '80.80.80.84';
export const VIP6_LEASED = '2001:db8:80::84';
export const MUX6 = 'fd00::11';
export const HOST_C = 'fd00::23';
export const HOST_C_MAC = '02:00:00:00:56:17';

const HOSTS = {
  A: { host: 'host-A', hostProviderAddress: HOST_A, nextHopMacAddress: HOST_A_MAC },
  B: { host: 'host-B', hostProviderAddress: HOST_B, nextHopMacAddress: HOST_B_MAC },
  C: { host: 'host-C', hostProviderAddress: HOST_C, nextHopMacAddress: HOST_C_MAC },
};

function backend(name: string, number: number, host: keyof typeof HOSTS): Backend {
  const macAddress = `02:00:00:00:01:0${number}`;
  return { key: `web-${name}`, dip: `192.168.1.${number}`, vni: VNI + number, macAddress, ...HOSTS[host] };
}

const A = 0;
const B = 1;
const C = 2;
const D = 3;
const backends = [backend('a', 4, 'A'), backend('b', 5, 'A'), backend('c', 6, 'B'), backend('d', 7, 'C')];

const RING_EMPTY = 1;
const rings = [
  { slotCount: 251, members: [A, B, C, D].map((member) => ({ backend: member, weight: member + 1 })) },
  { slotCount: 251, members: [] },
  { slotCount: 251, members: [B, D].map((member) => ({ backend: member, weight: 1 })) },
];

function service(
  vip: string,
  protocol: RuleProtocol,
  port: number,
  target: Service['target'],
  rest: Partial<Service> = {},
): Service {
  const key = `${vip}|${port}/${protocol}`;
  return {
    ...{ key, vip, protocol, port, target, distribution: 'Default', idleTimeoutMs: 240_000 },
    ...{ backendPort: 0, floatingIp: false, rule: `/rules/${key}` },
    ...rest,
  };
}

/** The rules of a VIP of either family. */
function rulesOf(vip: string): Service[] {
  return [
    service(vip, 6, 443, { ring: 0 }, { backendPort: 8443 }),
    service(vip, 6, 80, { ring: 2 }, { distribution: 'SourceIP', idleTimeoutMs: 20_000 }),
    service(vip, 6, 2201, { backend: B }),
    service(vip, 6, 9, { ring: RING_EMPTY }),
    service(vip, 17, 53, { ring: 0 }, { distribution: 'SourceIPProtocol', idleTimeoutMs: 10_000 }),
    service(vip, 17, 9, { ring: RING_EMPTY }),
    service(vip, 17, 0, { ring: 2 }),
    service(vip, 47, 0, { ring: 0 }),
    service(vip, 50, 0, { backend: D }),
  ];
}

function instance(vip: string, of: number): Service {
  return service(vip, 0, 0, { backend: of }, { isInstanceAddress: true });
}

/** Leases of a VIP: right behind each other, with a gap, and at the end of all ports. */
function leasesOf(vip: string) {
  return [
    { vip, firstPort: 1024, portCount: 64, backend: A },
    { vip, firstPort: 1088, portCount: 8, backend: C },
    { vip, firstPort: 2048, portCount: 1024, backend: D },
    { vip, firstPort: 65_528, portCount: 8, backend: B },
  ];
}

export const dualStackMuxProgram: MuxProgram = {
  kind: 'mux',
  id: 'mux-1',
  digest: '00',
  attachment: {
    providerAddress: MUX,
    secondProviderAddress: MUX6,
    macAddress: MUX_MAC,
    gatewayMacAddress: GATEWAY_MAC,
    vlanId: 0,
    mtuBytes: 1600,
  },
  flowHashKey: '000102030405060708090a0b0c0d0e0f',
  encapsulation: 'vxlan',
  vips: [VIP, VIP_ANY, VIP_INSTANCE, VIP_LEASED, VIP6, VIP6_ANY, VIP6_INSTANCE, VIP6_LEASED],
  services: [
    ...rulesOf(VIP),
    ...rulesOf(VIP6),
    service(VIP_ANY, 0, 0, { ring: 0 }, { distribution: 'SourceIPProtocol', idleTimeoutMs: 60_000 }),
    service(VIP_ANY, 17, 0, { ring: 2 }),
    service(VIP6_ANY, 0, 0, { ring: 2 }),
    service(VIP6_ANY, 6, 443, { ring: 0 }),
    instance(VIP_INSTANCE, C),
    instance(VIP6_INSTANCE, D),
  ],
  rings,
  backends,
  snatRanges: [VIP, VIP_LEASED, VIP6, VIP6_LEASED].flatMap(leasesOf),
};

/** The same fabric with the other encapsulation, on a provider network with a VLAN. */
export const nvgreMuxProgram: MuxProgram = {
  ...dualStackMuxProgram,
  encapsulation: 'nvgre',
  attachment: { ...dualStackMuxProgram.attachment, vlanId: 42 },
};
