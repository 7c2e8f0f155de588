/**
 * A small fabric, seen by one MUX and by one of its hosts: the programs of the tests of models and generators.
 *
 *   client 192.0.2.x ── MUX 10.0.0.11 ── host A 10.0.0.21 (VM web-a 192.168.1.4, VM web-b 192.168.1.5)
 *                                     └─ host B 10.0.0.22 (VM web-c 192.168.1.6)
 */

import type { Attachment, Backend, HostProgram, MuxProgram, Service, Translation } from '../../sdk/program/types.js';

export const VIP = '80.80.80.80';
export const VIP_WITHOUT_SERVICE = '80.80.80.81';
export const MUX = '10.0.0.11';
export const HOST_A = '10.0.0.21';
export const HOST_B = '10.0.0.22';
export const MUX_MAC = '02:00:00:00:56:0b';
export const HOST_A_MAC = '02:00:00:00:56:15';
export const HOST_B_MAC = '02:00:00:00:56:16';
export const GATEWAY_MAC = '02:00:00:00:56:01';
export const WEB_A = '192.168.1.4';
export const WEB_A_MAC = '02:00:00:00:01:04';
export const WEB_B = '192.168.1.5';
export const WEB_B_MAC = '02:00:00:00:01:05';
export const VNI = 5001;

function attachment(providerAddress: string, macAddress: string): Attachment {
  return { providerAddress, macAddress, gatewayMacAddress: GATEWAY_MAC, vlanId: 0 };
}

function backend(key: string, dip: string, macAddress: string, host: 'A' | 'B'): Backend {
  const [hostProviderAddress, nextHopMacAddress] = host === 'A' ? [HOST_A, HOST_A_MAC] : [HOST_B, HOST_B_MAC];
  return { key, dip, vni: VNI, macAddress, host: `host-${host}`, hostProviderAddress, nextHopMacAddress };
}

function service(key: string, protocol: 6 | 17 | 0, port: number, target: Service['target']): Service {
  return {
    key,
    vip: VIP,
    protocol,
    port,
    distribution: 'Default',
    idleTimeoutMs: 240_000,
    backendPort: 0,
    floatingIp: false,
    rule: `/rules/${key}`,
    target,
  };
}

export const muxProgram: MuxProgram = {
  kind: 'mux',
  id: 'mux-1',
  digest: '00',
  attachment: attachment(MUX, MUX_MAC),
  flowHashKey: '000102030405060708090a0b0c0d0e0f',
  vips: [VIP, VIP_WITHOUT_SERVICE],
  services: [
    { ...service('80.80.80.80:443/tcp', 6, 443, { ring: 0 }), backendPort: 8443 },
    { ...service('80.80.80.80:53/udp', 17, 53, { ring: 0 }), distribution: 'SourceIPProtocol', idleTimeoutMs: 10_000 },
    { ...service('80.80.80.80:80/tcp', 6, 80, { ring: 0 }), distribution: 'SourceIP' },
    service('80.80.80.80:2201/tcp', 6, 2201, { backend: 1 }),
    service('80.80.80.80:9/udp', 17, 9, { ring: 1 }),
    service('80.80.80.80:*/udp', 17, 0, { ring: 0 }),
  ],
  rings: [
    {
      slotCount: 251,
      members: [
        { backend: 0, weight: 1 },
        { backend: 1, weight: 1 },
        { backend: 2, weight: 2 },
      ],
    },
    { slotCount: 251, members: [] },
  ],
  backends: [
    backend('web-a', WEB_A, WEB_A_MAC, 'A'),
    backend('web-b', WEB_B, WEB_B_MAC, 'A'),
    backend('web-c', '192.168.1.6', '02:00:00:00:01:06', 'B'),
  ],
};

function translation(nic: number, protocol: 6 | 17 | 0, port: number, dip: string, backendPort: number): Translation {
  return {
    nic,
    vip: VIP,
    protocol,
    port,
    dip,
    backendPort,
    floatingIp: false,
    idleTimeoutMs: 240_000,
    rule: `/rules/${nic}/${protocol}/${port}`,
  };
}

export const hostProgram: HostProgram = {
  kind: 'host',
  id: 'host-A',
  digest: '00',
  attachment: attachment(HOST_A, HOST_A_MAC),
  flowHashKey: '000102030405060708090a0b0c0d0e0f',
  nics: [
    { key: 'nic-a', macAddress: WEB_A_MAC, vni: VNI },
    { key: 'nic-b', macAddress: WEB_B_MAC, vni: VNI },
  ],
  translations: [
    translation(0, 6, 443, WEB_A, 8443),
    translation(0, 6, 8443, WEB_A, 0),
    { ...translation(0, 17, 53, WEB_A, 0), idleTimeoutMs: 10_000 },
    translation(1, 6, 443, WEB_B, 8443),
    { ...translation(1, 6, 80, WEB_B, 0), floatingIp: true },
    { ...translation(1, 17, 0, WEB_B, 5353), floatingIp: true },
    translation(0, 0, 0, WEB_A, 0),
  ],
};
