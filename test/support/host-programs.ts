/**
 * Host agents with everything a host agent can do, for random traffic.
 *
 *   client 192.0.2.x, 2001:db8:c::x ── MUX ── host ── VM a 192.168.1.4, fd00:1::4   load balanced, SNAT
 *                                                  ── VM b 192.168.1.5, fd00:1::5   load balanced, SNAT
 *                                                  ── VM c 192.168.1.4, fd00:1::4   another tenant; its own public IPs
 */

import type { HostProgram, RuleProtocol, SnatRule, Translation } from '../../sdk/program/types.js';
import { GATEWAY_MAC, HOST_A, HOST_A_MAC, VIP, VNI, WEB_A, WEB_A_MAC, WEB_B, WEB_B_MAC } from './programs.js';

export const HOST_A_6 = '2001:db8:a::21';
export const VIP_6 = '2001:db8:80::80';
/** Frontends that take every port or protocol: no port of theirs can be leased. */
export const OPEN_VIP = '80.80.80.82';
export const OPEN_VIP_6 = '2001:db8:80::82';
/** Frontends of outbound rules only. */
export const OUT_VIP = '80.80.80.90';
export const OUT_VIP_6 = '2001:db8:80::90';
/** VM c's own. */
export const PUBLIC_IP = '80.80.81.6';
export const PUBLIC_IP_6 = '2001:db8:81::6';
export const OTHER_VNI = 5002;
const WEB_A_6 = 'fd00:1::4';
const WEB_B_6 = 'fd00:1::5';
const WEB_C_MAC = '02:00:00:00:02:04';

function translation(
  nic: number,
  [vip, protocol, port]: readonly [vip: string, protocol: RuleProtocol, port: number],
  dip: string,
  more: Partial<Translation> = {},
): Translation {
  const rule = `/rules/${nic}/${vip}/${protocol}/${port}`;
  return {
    ...{ nic, vip, protocol, port, dip, rule },
    ...{ backendPort: 0, floatingIp: false, idleTimeoutMs: 240_000 },
    ...more,
  };
}

function snatRule(nic: number, dip: string, vip: string, more: Partial<SnatRule>): SnatRule {
  return { nic, dip, vip, protocol: 0, ranges: [], idleTimeoutMs: 60_000, rule: `/out/${nic}/${vip}`, ...more };
}

/** The rules of one family; both families have the same. */
function rulesOf(vip: string, openVip: string, webA: string, webB: string): Translation[] {
  return [
    translation(0, [vip, 6, 443], webA, { backendPort: 8443 }),
    translation(0, [vip, 6, 8443], webA),
    translation(0, [vip, 17, 53], webA, { idleTimeoutMs: 10_000 }),
    translation(0, [vip, 6, 22], webA, { idleTimeoutMs: 20_000, tcpReset: true }),
    translation(0, [vip, 47, 0], webA, { idleTimeoutMs: 20_000 }),
    translation(0, [openVip, 0, 0], webA),
    translation(1, [vip, 6, 443], webB, { backendPort: 8443 }),
    translation(1, [vip, 6, 80], webB, { floatingIp: true }),
    translation(1, [vip, 6, 25], webB, { floatingIp: true, idleTimeoutMs: 20_000, tcpReset: true }),
    translation(1, [openVip, 17, 0], webB, { floatingIp: true, backendPort: 5353 }),
    translation(1, [openVip, 50, 0], webB, { floatingIp: true }),
  ];
}

/** Dual stack over VXLAN, and everything at once. No outbound rule has more leased ports than one search tries. */
export const fullHost: HostProgram = {
  kind: 'host',
  id: 'host-A',
  digest: '00',
  attachment: {
    providerAddress: HOST_A,
    secondProviderAddress: HOST_A_6,
    macAddress: HOST_A_MAC,
    gatewayMacAddress: GATEWAY_MAC,
    vlanId: 0,
    mtuBytes: 1500,
  },
  flowHashKey: '000102030405060708090a0b0c0d0e0f',
  nics: [
    { key: 'nic-a', macAddress: WEB_A_MAC, vni: VNI },
    { key: 'nic-b', macAddress: WEB_B_MAC, vni: VNI },
    { key: 'nic-c', macAddress: WEB_C_MAC, vni: OTHER_VNI },
  ],
  translations: [
    ...rulesOf(VIP, OPEN_VIP, WEB_A, WEB_B),
    ...rulesOf(VIP_6, OPEN_VIP_6, WEB_A_6, WEB_B_6),
    translation(2, [PUBLIC_IP, 0, 0], WEB_A, { isInstanceAddress: true }),
    translation(2, [PUBLIC_IP_6, 0, 0], WEB_A_6, { isInstanceAddress: true }),
  ],
  snatRules: [
    snatRule(0, WEB_A, OUT_VIP, { protocol: 6, ranges: [{ firstPort: 1024, portCount: 8 }], tcpReset: true }),
    snatRule(0, WEB_A, VIP, {
      ranges: [
        { firstPort: 2048, portCount: 8 },
        { firstPort: 65_528, portCount: 8 },
      ],
      idleTimeoutMs: 20_000,
    }),
    snatRule(1, WEB_B, OUT_VIP, { protocol: 17 }),
    snatRule(1, WEB_B, OUT_VIP, { ranges: [{ firstPort: 1032, portCount: 16 }], idleTimeoutMs: 240_000 }),
    snatRule(0, WEB_A_6, OUT_VIP_6, { protocol: 17, ranges: [{ firstPort: 1024, portCount: 16 }] }),
    snatRule(0, WEB_A_6, VIP_6, {
      ranges: [{ firstPort: 2048, portCount: 64 }],
      idleTimeoutMs: 20_000,
      tcpReset: true,
    }),
    snatRule(1, WEB_B_6, OUT_VIP_6, { ranges: [{ firstPort: 1040, portCount: 8 }], idleTimeoutMs: 240_000 }),
  ],
  exemptions: [
    { prefix: '10.0.0.0/8' },
    { prefix: '198.51.100.128/25' },
    { prefix: '2001:db8:ee00::/39' },
    { prefix: '192.168.1.0/24', vni: VNI },
    { prefix: 'fd00:1::/64', vni: VNI },
    { prefix: '203.0.113.7/32', vni: OTHER_VNI },
  ],
};

/** The same over NVGRE and IPv6, on a VLAN, where nobody said what the gateway's MAC address is and what fits. */
export const nvgreHost: HostProgram = {
  ...fullHost,
  encapsulation: 'nvgre',
  attachment: {
    providerAddress: HOST_A_6,
    macAddress: HOST_A_MAC,
    gatewayMacAddress: undefined,
    vlanId: 7,
  },
};
