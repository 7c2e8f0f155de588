/**
 * The kernel in the places of MUXes and hosts, as a yardstick:
 *
 *   MUX n    a route over several next hops into a vxlan device for each VM, hashed over ports; `edgemux bgp` announces
 *   host n   a vxlan device for each VM, and nftables that translate VIP to DIP and back
 *
 * Service and echo only: no NAT rules, and a VM does not move.
 */
import { ip, runIn } from './namespaces.js';
import {
  ECHO_PORT,
  HTTP_PORT,
  type LabPlaces,
  type MachinePlace,
  VIP4,
  VIP6,
  VM_MTU_BYTES,
  type VmPlace,
} from './places.js';

const VXLAN_PORT = '4789';
/** VM n has this VXLAN network identifier, plus n. */
const VNI_BASE = 100;

/** Sets up both MUXes and both hosts. */
export async function buildStandIn({ muxes, hosts, vms }: LabPlaces): Promise<void> {
  const pairs = vms.map((vm, i) => ({ vm, host: hosts[i] as MachinePlace }));
  await Promise.all(muxes.map((mux) => buildMux(mux, pairs)));
  await Promise.all(pairs.map(({ vm, host }) => buildHost(host, vm)));
}

interface Pair {
  readonly vm: VmPlace;
  readonly host: MachinePlace;
}

async function buildMux({ namespace, ipv4, number }: MachinePlace, pairs: readonly Pair[]): Promise<void> {
  for (const { vm, host } of pairs) {
    const device = deviceOf(vm);
    const tunnel = ['remote', host.ipv4, 'local', ipv4, 'dstport', VXLAN_PORT, 'nolearning'];
    await ip('-n', namespace, 'link', 'add', device, 'type', 'vxlan', 'id', String(VNI_BASE + vm.number), ...tunnel);
    await ip('-n', namespace, 'link', 'set', device, 'address', `02:10:00:00:0${number}:0${vm.number}`);
    await ip('-n', namespace, 'link', 'set', device, 'mtu', String(VM_MTU_BYTES), 'up');
    for (const gateway of gatewaysOf(vm)) {
      await ip('-n', namespace, 'neigh', 'replace', gateway, 'lladdr', macOf(vm), 'dev', device, 'nud', 'permanent');
    }
  }
  for (const [family, vip] of [VIP4, VIP6].entries()) {
    const nextHops = pairs.flatMap(({ vm }) => [
      'nexthop',
      'via',
      gatewaysOf(vm)[family] ?? '',
      'dev',
      deviceOf(vm),
      'onlink',
    ]);
    await ip('-n', namespace, ...(family === 0 ? [] : ['-6']), 'route', 'replace', vip, ...nextHops);
  }
}

async function buildHost({ namespace, ipv4 }: MachinePlace, vm: VmPlace): Promise<void> {
  const device = deviceOf(vm);
  const tunnel = ['local', ipv4, 'dstport', VXLAN_PORT, 'nolearning'];
  await ip('-n', namespace, 'link', 'add', device, 'type', 'vxlan', 'id', String(VNI_BASE + vm.number), ...tunnel);
  await ip('-n', namespace, 'link', 'set', device, 'address', macOf(vm));
  await ip('-n', namespace, 'link', 'set', device, 'mtu', String(VM_MTU_BYTES), 'up');
  await runIn(namespace, 'nft', [
    `table inet lab {
       chain prerouting {
         type nat hook prerouting priority dstnat;
         ip daddr ${VIP4} tcp dport ${HTTP_PORT} dnat ip to ${vm.ipv4}
         ip daddr ${VIP4} udp dport ${ECHO_PORT} dnat ip to ${vm.ipv4}
         ip6 daddr ${VIP6} tcp dport ${HTTP_PORT} dnat ip6 to ${vm.ipv6}
         ip6 daddr ${VIP6} udp dport ${ECHO_PORT} dnat ip6 to ${vm.ipv6}
       }
     }`,
  ]);
}

function deviceOf({ number }: VmPlace): string {
  return `vxlan${number}`;
}

/** Where a route into the device of a VM leads: addresses that nobody has, with the MAC address of the device at the host. */
function gatewaysOf({ number }: VmPlace): readonly [string, string] {
  return [`169.254.${number}.1`, `fe80::${number}:1`];
}

function macOf({ number }: VmPlace): string {
  return `02:20:00:00:00:0${number}`;
}
