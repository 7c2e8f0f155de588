/** Builds the network of a lab, and moves a VM in it from one host to the other. */
import { ip, link, makeNamespace, runIn } from './namespaces.js';
import {
  FABRIC_MTU_BYTES,
  GATEWAY_MAC,
  GATEWAY4,
  GATEWAY6,
  type LabPlaces,
  type MachinePlace,
  VIP4,
  VIP6,
  VM_MTU_BYTES,
  type VmPlace,
} from './places.js';

const IPV4_LENGTH = 24;
const IPV6_LENGTH = 64;

/**
 * Makes every namespace and link; each VM begins behind the host of its number.
 *
 * @param muxesForward whether the kernels of the MUXes forward packets. A MUX without its data plane must not: what is still
 *   sent to it would go back to the router, which sends it again
 */
export async function buildNetwork(places: LabPlaces, muxesForward: boolean): Promise<void> {
  const { client, router, muxes, hosts, vms } = places;
  const isMux = (namespace: string): boolean => muxes.some((mux) => mux.namespace === namespace);
  await Promise.all(places.namespaces.map((one) => makeNamespace(one, muxesForward || !isMux(one))));
  await Promise.all([
    attach(client, router.namespace, VM_MTU_BYTES),
    ...[...muxes, ...hosts].map((machine) => attach(machine, router.namespace, FABRIC_MTU_BYTES)),
    ...vms.map((vm, i) => attachVm(vm, hosts[i] as MachinePlace)),
  ]);
}

type Attached = Pick<MachinePlace, 'namespace' | 'uplink' | 'port' | 'ipv4' | 'ipv6' | 'routerIpv4' | 'routerIpv6'>;

async function attach(place: Attached, router: string, mtuBytes: number): Promise<void> {
  const { namespace, uplink, port, ipv4, ipv6, routerIpv4, routerIpv6 } = place;
  await link(
    { namespace, name: uplink, addresses: [`${ipv4}/${IPV4_LENGTH}`, `${ipv6}/${IPV6_LENGTH}`] },
    { namespace: router, name: port, addresses: [`${routerIpv4}/${IPV4_LENGTH}`, `${routerIpv6}/${IPV6_LENGTH}`] },
    mtuBytes,
  );
  await defaultRoutes(place);
}

/** Has the kernel of a MUX that forwards drop what is for a VIP, unless there is a better route to it. */
export async function dropForVips({ muxes }: LabPlaces): Promise<void> {
  for (const { namespace } of muxes) {
    await ip('-n', namespace, 'route', 'add', 'blackhole', VIP4, 'metric', LAST_METRIC);
    await ip('-n', namespace, '-6', 'route', 'add', 'blackhole', VIP6, 'metric', LAST_METRIC);
  }
}

const LAST_METRIC = '4000000000';

/** The default routes of a machine; a link that was cut has taken them along. */
export async function defaultRoutes({
  namespace,
  routerIpv4,
  routerIpv6,
}: Pick<Attached, 'namespace' | 'routerIpv4' | 'routerIpv6'>): Promise<void> {
  await ip('-n', namespace, 'route', 'replace', 'default', 'via', routerIpv4);
  await ip('-n', namespace, '-6', 'route', 'replace', 'default', 'via', routerIpv6);
}

async function attachVm(vm: VmPlace, host: MachinePlace): Promise<void> {
  const { namespace, uplink, ipv4, ipv6, macAddress } = vm;
  await link(
    { namespace, name: uplink, addresses: [`${ipv4}/${IPV4_LENGTH}`, `${ipv6}/${IPV6_LENGTH}`], macAddress },
    { namespace: host.namespace, name: vm.port, addresses: [], macAddress: GATEWAY_MAC },
    VM_MTU_BYTES,
  );
  await becomeGateway(vm, host);
  await defaultRoutes({ namespace, routerIpv4: GATEWAY4, routerIpv6: GATEWAY6 });
}

/** Gives the host's end of the link to a VM the addresses of the gateway, and the host a route to the VM. */
async function becomeGateway({ port, ipv4, ipv6 }: VmPlace, { namespace }: MachinePlace): Promise<void> {
  // Host prefixes, because the other VM of the subnet may be behind another interface of the same host.
  await ip('-n', namespace, 'addr', 'replace', `${GATEWAY4}/32`, 'dev', port);
  await ip('-n', namespace, 'addr', 'replace', `${GATEWAY6}/128`, 'dev', port, 'nodad');
  await ip('-n', namespace, 'link', 'set', port, 'up');
  await ip('-n', namespace, 'route', 'replace', ipv4, 'dev', port);
  await ip('-n', namespace, '-6', 'route', 'replace', ipv6, 'dev', port);
}

/** Takes the host's end of the link to a VM to another host; the VM keeps its own end, as in a live migration. */
export async function moveVm(vm: VmPlace, from: MachinePlace, to: MachinePlace): Promise<void> {
  await ip('-n', from.namespace, 'link', 'set', vm.port, 'netns', to.namespace);
  await becomeGateway(vm, to);
}

/** Cuts the link of a machine at the router's end, or joins it again. */
export async function setLink({ port }: MachinePlace, { router }: LabPlaces, state: 'up' | 'down'): Promise<void> {
  await ip('-n', router.namespace, 'link', 'set', port, state);
}

/** Packets that a namespace has received and sent by an interface. */
export async function packetCounts(namespace: string, name: string): Promise<{ received: number; sent: number }> {
  const [{ stats64 }] = JSON.parse(await runIn(namespace, 'ip', ['-s', '-json', 'link', 'show', name]));
  return { received: stats64.rx.packets, sent: stats64.tx.packets };
}
