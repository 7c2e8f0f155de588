/**
 * Who is where in a lab: namespaces, interfaces, addresses. Pure: the same name gives the same.
 *
 *   client ───────── router ──┬─ 10.10.1.0/24 ─── MUX 1
 *   198.51.100.10     .1      ├─ 10.10.2.0/24 ─── MUX 2
 *   2001:db8:c::10    ::1     ├─ 10.10.11.0/24 ── host 1 ── VM 1  10.0.0.11, 2001:db8:a:1::11
 *                             └─ 10.10.12.0/24 ── host 2 ── VM 2  10.0.0.12, 2001:db8:a:1::12
 *
 * The link of 10.10.n.0/24 is 2001:db8:10:n::/64 too, .1 the router and .2 the machine. Every VM has 10.0.0.1 and
 * 2001:db8:a:1::1 for a gateway, which is its own host under the same MAC address everywhere: a VM that moves notices nothing.
 */

/** The VIPs of the lab, one of each family. */
export const VIP4 = '203.0.113.7';
export const VIP6 = '2001:db8:7::7';

/** Longest IP packet of the provider network, and of client and VMs. */
export const FABRIC_MTU_BYTES = 1600;
export const VM_MTU_BYTES = 1500;

export const GATEWAY4 = '10.0.0.1';
export const GATEWAY6 = '2001:db8:a:1::1';
export const GATEWAY_MAC = '02:00:0a:00:00:01';

/**
 * Frontend ports: the service, its echo over UDP, and one VM past the balancing (8001, 8002). These lead to another port of
 * the VM than the service: what comes from a port that two lead to, nobody can tell when the VM has moved.
 */
export const HTTP_PORT = 80;
export const ECHO_PORT = 7;
export const NAT_PORT_BASE = 8000;
export const NAT_BACKEND_PORT = 8088;
/** Where the client itself serves, so that VMs have somebody to call. */
export const CLIENT_HTTP_PORT = 8080;

/** A machine on a link of its own to the router. */
export interface MachinePlace {
  /** 1 or 2. */
  readonly number: number;
  /** resourceId in the fabric: `mux-1`, `host-2`. */
  readonly id: string;
  readonly namespace: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly routerIpv4: string;
  readonly routerIpv6: string;
  /** Name of its interface to the router, in its own namespace. */
  readonly uplink: string;
  /** Name of the interface to it, in the namespace of the router. */
  readonly port: string;
}

/** A VM behind a host. */
export interface VmPlace {
  readonly number: number;
  /** `vm-1`; its network interface in the fabric is `vm-1-nic`. */
  readonly id: string;
  readonly nicId: string;
  readonly namespace: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly macAddress: string;
  /** Name of its interface. */
  readonly uplink: string;
  /** Name of the interface to it, in the namespace of its host. */
  readonly port: string;
  /** Port of the VIPs that leads to this VM alone. */
  readonly natPort: number;
}

/** A lab. */
export interface LabPlaces {
  readonly client: {
    readonly namespace: string;
    readonly ipv4: string;
    readonly ipv6: string;
    readonly routerIpv4: string;
    readonly routerIpv6: string;
    readonly uplink: string;
    readonly port: string;
  };
  readonly router: { readonly namespace: string };
  readonly muxes: readonly [MachinePlace, MachinePlace];
  readonly hosts: readonly [MachinePlace, MachinePlace];
  readonly vms: readonly [VmPlace, VmPlace];
  /** Every namespace there is. */
  readonly namespaces: readonly string[];
}

/** The places of the lab of this name. */
export function placesOf(name: string): LabPlaces {
  const machine = (kind: 'mux' | 'host', number: number, subnet: number): MachinePlace => ({
    number,
    id: `${kind}-${number}`,
    namespace: `${name}-${kind}-${number}`,
    ipv4: `10.10.${subnet}.2`,
    ipv6: `2001:db8:10:${subnet}::2`,
    routerIpv4: `10.10.${subnet}.1`,
    routerIpv6: `2001:db8:10:${subnet}::1`,
    uplink: 'uplink',
    port: `${kind}${number}`,
  });
  const vm = (number: number): VmPlace => ({
    number,
    id: `vm-${number}`,
    nicId: `vm-${number}-nic`,
    namespace: `${name}-vm-${number}`,
    ipv4: `10.0.0.1${number}`,
    ipv6: `2001:db8:a:1::1${number}`,
    macAddress: `02:00:0a:00:00:1${number}`,
    uplink: 'uplink',
    port: `vm-${number}`,
    natPort: NAT_PORT_BASE + number,
  });
  const client = {
    namespace: `${name}-client`,
    ipv4: '198.51.100.10',
    ipv6: '2001:db8:c::10',
    routerIpv4: '198.51.100.1',
    routerIpv6: '2001:db8:c::1',
    uplink: 'uplink',
    port: 'client',
  };
  const router = { namespace: `${name}-router` };
  const muxes = [machine('mux', 1, 1), machine('mux', 2, 2)] as const;
  const hosts = [machine('host', 1, 11), machine('host', 2, 12)] as const;
  const vms = [vm(1), vm(2)] as const;
  const namespaces = [client, router, ...muxes, ...hosts, ...vms].map(({ namespace }) => namespace);
  return { client, router, muxes, hosts, vms, namespaces };
}

/** `http://203.0.113.7/…`, `http://[2001:db8:7::7]:8001/…`. */
export function urlOf(address: string, path = '/', port = HTTP_PORT): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return `http://${host}${port === HTTP_PORT ? '' : `:${port}`}${path}`;
}
