/**
 * The host of programs.ts with both families: each VM has an IPv6 address beside its IPv4 one, and so have the VIP and
 * the host. Rows of tests say which family they are about, and the addresses follow.
 */

import type { HostProgram, SnatRule, Translation } from '../../sdk/program/types.js';
import { eth, type Packet } from './packet.js';
import {
  GATEWAY_MAC,
  HOST_A,
  HOST_A_MAC,
  hostProgram,
  MUX,
  VIP,
  VNI,
  WEB_A,
  WEB_A_MAC,
  WEB_B,
  WEB_B_MAC,
} from './programs.js';

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];

export const CLIENT = { 4: '192.0.2.7', 6: '2001:db8:c::7' } as const;
export const VIPS = { 4: VIP, 6: '2001:db8:80::80' } as const;
/** The instance-level public IPs of web-b. */
export const INSTANCE = { 4: '80.80.80.90', 6: '2001:db8:80::90' } as const;
/** Where web-a calls out from. */
export const SNAT_VIP = { 4: '80.80.80.70', 6: '2001:db8:80::70' } as const;
export const DIP_A = { 4: WEB_A, 6: 'fd00:1::4' } as const;
export const DIP_B = { 4: WEB_B, 6: 'fd00:1::5' } as const;
export const HOST_PA = { 4: HOST_A, 6: '2001:db8:ff::21' } as const;
export const MUX_PA = { 4: MUX, 6: '2001:db8:ff::11' } as const;

export const SWITCH_MAC = '02:00:00:00:00:fe';

function translation(nic: number, family: Family, fields: Partial<Translation>): Translation {
  return {
    nic,
    vip: VIPS[family],
    protocol: 0,
    port: 0,
    dip: (nic === 0 ? DIP_A : DIP_B)[family],
    backendPort: 0,
    floatingIp: false,
    idleTimeoutMs: 240_000,
    rule: `/rules/${nic}`,
    ...fields,
  };
}

/** An outbound rule of web-a with ports 1024..1031. */
export function snatRule(family: Family, fields: Partial<SnatRule> = {}): SnatRule {
  return {
    nic: 0,
    dip: DIP_A[family],
    vip: SNAT_VIP[family],
    protocol: 0,
    ranges: [{ firstPort: 1024, portCount: 8 }],
    idleTimeoutMs: 240_000,
    rule: '/outbound/web',
    ...fields,
  };
}

/** web-a: 443 to 8443, 53 as it is, GRE. web-b: a public IP of its own, and port 80 with a floating IP. */
export const dualStackHost: HostProgram = {
  ...hostProgram,
  attachment: { ...hostProgram.attachment, providerAddress: HOST_PA[4], secondProviderAddress: HOST_PA[6] },
  translations: FAMILIES.flatMap((family) => [
    translation(0, family, { protocol: 6, port: 443, backendPort: 8443 }),
    translation(0, family, { protocol: 17, port: 53 }),
    translation(0, family, { protocol: 47 }),
    translation(1, family, { protocol: 6, port: 80, floatingIp: true }),
    translation(1, family, { vip: INSTANCE[family], isInstanceAddress: true }),
  ]),
  snatRules: FAMILIES.map((family) => snatRule(family)),
};

/** A packet with the header of a family, behind whatever comes first. */
export function ip(start: Packet, family: Family, source: string, destination: string, fields: IpFields = {}): Packet {
  const { ecn = 0, protocol } = fields;
  return family === 4
    ? start.ipv4(source, destination, { tos: ecn, ...(protocol === undefined ? {} : { protocol }) })
    : start.ipv6(source, destination, {
        trafficClass: ecn,
        ...(protocol === undefined ? {} : { nextHeader: protocol }),
      });
}

/** Fields both families have. */
export interface IpFields {
  readonly ecn?: number;
  readonly protocol?: number;
}

/** The frame in a VXLAN tunnel from the MUX to a VM. */
export function tunnelTo(mac: string, { outer = 4, ecn = 0 }: { outer?: Family; ecn?: number } = {}): Packet {
  return ip(eth(), outer, MUX_PA[outer], HOST_PA[outer], { ecn }).udp(50000, 4789).vxlan(VNI).eth({ dst: mac });
}

export const toA = tunnelTo(WEB_A_MAC);
export const toB = tunnelTo(WEB_B_MAC);
/** As the VMs get and send frames, and as they leave for the gateway. */
export const atA = eth({ src: HOST_A_MAC, dst: WEB_A_MAC });
export const atB = eth({ src: HOST_A_MAC, dst: WEB_B_MAC });
export const ofA = eth({ src: WEB_A_MAC, dst: SWITCH_MAC });
export const ofB = eth({ src: WEB_B_MAC, dst: SWITCH_MAC });
export const out = eth({ src: HOST_A_MAC, dst: GATEWAY_MAC });
