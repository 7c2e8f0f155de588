/**
 * A MUX with VIPs and an underlay of both families. The port of a packet decides which host it goes to:
 *
 *   client 192.0.2.7, 2001:db8:c::7 ── MUX 10.0.0.11, fd00::11 ─┬─ port 443: host 10.0.0.21, VM web-4
 *                                                               └─ port 444: host fd00::21,  VM web-6
 */
import { type Backend, Mux, type MuxProgram, type Service } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { GATEWAY_MAC, HOST_A, HOST_A_MAC, MUX, MUX_MAC, VIP, VNI } from './programs.js';

export const CLIENT = '192.0.2.7';
export const CLIENT6 = '2001:db8:c::7';
export const VIP6 = '2001:db8::80';
export const MUX6 = 'fd00::11';
export const HOST6 = 'fd00::21';
export const HOST6_MAC = '02:00:00:00:56:26';
export const WEB4_MAC = '02:00:00:00:01:04';
export const WEB6_MAC = '02:00:00:00:01:06';
export const WEB4 = 0;
export const WEB6 = 1;
export const KEY = '000102030405060708090a0b0c0d0e0f';

/** A service of a VIP; its key is as text what its fields say. */
export function service(
  vip: string,
  protocol: Service['protocol'],
  port: number,
  target: Service['target'],
  fields: Partial<Service> = {},
): Service {
  const key = `${vip.includes(':') ? `[${vip}]` : vip}:${port || '*'}/${protocol || '*'}`;
  return {
    ...{ key, vip, protocol, port, target, distribution: 'Default', idleTimeoutMs: 240_000 },
    ...{ backendPort: 0, floatingIp: false, rule: `/rules/${key}` },
    ...fields,
  };
}

/** All there is for an instance-level public IP. */
export function instance(vip: string, backend: number): Service {
  return service(vip, 0, 0, { backend }, { isInstanceAddress: true });
}

const backends: Backend[] = [
  {
    ...{ key: 'web-4', dip: '10.1.0.4', vni: VNI, macAddress: WEB4_MAC },
    ...{ host: 'host-4', hostProviderAddress: HOST_A, nextHopMacAddress: HOST_A_MAC },
  },
  {
    ...{ key: 'web-6', dip: 'fd01::6', vni: VNI, macAddress: WEB6_MAC },
    ...{ host: 'host-6', hostProviderAddress: HOST6, nextHopMacAddress: HOST6_MAC },
  },
];

export const bothFamilies: MuxProgram = {
  kind: 'mux',
  id: 'mux-1',
  digest: '00',
  attachment: {
    ...{ providerAddress: MUX, secondProviderAddress: MUX6, macAddress: MUX_MAC },
    ...{ gatewayMacAddress: GATEWAY_MAC, vlanId: 0 },
  },
  flowHashKey: KEY,
  vips: [VIP, VIP6],
  services: [VIP, VIP6].flatMap((vip) => [
    service(vip, 6, 443, { ring: WEB4 }),
    service(vip, 6, 444, { ring: WEB6 }),
    service(vip, 17, 53, { ring: WEB4 }),
  ]),
  rings: [WEB4, WEB6].map((backend) => ({ slotCount: 251, members: [{ backend, weight: 1 }] })),
  backends,
};

/** A MUX of this fabric with other services, or whatever else is to be different. */
export async function muxWith(change: Partial<MuxProgram> = {}, frameBytesMax = 9216): Promise<Mux> {
  const mux = await Mux.load(muxModule, { frameBytesMax, batchFrameCountMax: 4 });
  mux.program({ ...bothFamilies, ...change });
  return mux;
}
