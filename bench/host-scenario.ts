/** What is measured of a host agent: one program, a frame from a MUX for one of its VMs, and the VM's answer. */
import type { HostProgram } from '../sdk/index.js';
import { buildTcp, buildUdp, TCP_ACK, withEthernet } from '../sdk/packet/index.js';
import { FLOW_COUNT_MAX } from './scenario.js';

/** Into a VM, or out of it. */
export type Direction = 'deliver' | 'reply';

export interface HostWorkload {
  readonly name: `host-${Direction}`;
  readonly direction: Direction;
  /** Connections the packets are drawn from at random. */
  readonly flowCount: number;
}

const FLOW_COUNTS = [1, 10_000, 1_000_000];

export const HOST_WORKLOADS: readonly HostWorkload[] = (['deliver', 'reply'] as const).flatMap((direction) =>
  FLOW_COUNTS.map((flowCount) => ({ name: `host-${direction}` as const, direction, flowCount })),
);

/** The host agent's table has two places for each of them. */
export const HOST_FLOW_COUNT_MAX = FLOW_COUNT_MAX;

/** From the start of a frame in a tunnel to the tenant's Ethernet header. */
export const TUNNEL_BYTES = 50;

const VM_COUNT = 64;
/** The one the packets are for. */
const VM = VM_COUNT / 2;
const VNI = 5001;
const VIP_PORT = 443;
const DIP_PORT = 8443;
const CLIENT = { address: '10.0.0.1', port: 16_384 };

const MUX = { providerAddress: '10.10.56.21', macAddress: '02:00:00:00:56:15' };
const HOST = { providerAddress: '10.10.57.1', macAddress: '02:00:00:00:57:01' };
const GATEWAY_MAC = '02:00:00:00:57:fe';
const VIRTUAL_GATEWAY_MAC = '02:00:00:00:01:fe';
const VXLAN_PORT = 4789;
const UDP_CHECKSUM = 14 + 20 + 6;

/** Sixty-four VMs, each behind a VIP and a port of its own. */
export function hostProgram(): HostProgram {
  const vms = Array.from({ length: VM_COUNT }, (_, at) => at);
  return {
    kind: 'host',
    id: 'host-1',
    digest: '',
    attachment: { ...HOST, gatewayMacAddress: GATEWAY_MAC, vlanId: 0 },
    flowHashKey: '000102030405060708090a0b0c0d0e0f',
    nics: vms.map((at) => ({ key: `vm-${at}`, macAddress: vmMac(at), vni: VNI })),
    translations: vms.map((at) => ({
      nic: at,
      vip: vipAt(at),
      protocol: 6,
      port: VIP_PORT,
      dip: dipAt(at),
      backendPort: DIP_PORT,
      floatingIp: false,
      idleTimeoutMs: 240_000,
      rule: `/rules/${at}`,
    })),
  };
}

/** The frame every packet from a MUX is made from: its client's address and port are overwritten. */
export function tunneledFrame(): Uint8Array {
  const segment = buildTcp({ source: CLIENT, destination: { address: vipAt(VM), port: VIP_PORT }, flags: TCP_ACK });
  const inner = withEthernet(segment, { source: MUX.macAddress, destination: vmMac(VM) });
  const vxlan = new Uint8Array(8 + inner.length);
  const view = new DataView(vxlan.buffer);
  view.setUint8(0, 8);
  view.setUint32(4, VNI << 8);
  vxlan.set(inner, 8);
  const outer = buildUdp({
    source: { address: MUX.providerAddress, port: 50_000 },
    destination: { address: HOST.providerAddress, port: VXLAN_PORT },
    payload: vxlan,
  });
  const frame = withEthernet(outer, { source: GATEWAY_MAC, destination: HOST.macAddress });
  // None, as a MUX sends it.
  frame.fill(0, UDP_CHECKSUM, UDP_CHECKSUM + 2);
  return frame;
}

/** The frame every packet of the VM is made from. */
export function answerFrame(): Uint8Array {
  const segment = buildTcp({ source: { address: dipAt(VM), port: DIP_PORT }, destination: CLIENT, flags: TCP_ACK });
  return withEthernet(segment, { source: vmMac(VM), destination: VIRTUAL_GATEWAY_MAC });
}

function vipAt(at: number): string {
  return `80.80.80.${at + 1}`;
}

/** Clients are in 10.0.0.0/8. */
function dipAt(at: number): string {
  return `192.168.0.${at + 1}`;
}

function vmMac(at: number): string {
  return `02:00:00:00:01:${(at + 1).toString(16).padStart(2, '0')}`;
}
