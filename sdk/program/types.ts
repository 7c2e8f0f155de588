/**
 * The program: what policy looks like once it is compiled for one MUX or one host.
 *
 * A program is immutable and complete. It holds no positions in anybody's memory: references inside it are indexes
 * into its own lists, and every member has a stable key, so that a data plane that already runs an older program can
 * work out what changed.
 */

/** IP protocol number of TCP. */
export const PROTOCOL_TCP = 6;
/** IP protocol number of UDP. */
export const PROTOCOL_UDP = 17;
/** The protocol of a service that takes both. */
export const ANY_PROTOCOL = 0;
/** The port of a service that takes every port. */
export const ANY_PORT = 0;

/** What the flow hash of a service covers: the 5-tuple, the two addresses, or the two addresses and the protocol. */
export type Distribution = 'Default' | 'SourceIP' | 'SourceIPProtocol';

/** How a machine of ours is attached to the provider network. */
export interface Attachment {
  /** Its own provider address (PA), dotted decimal. */
  readonly providerAddress: string;
  /** Its own MAC address, `02:00:00:00:56:0b`. */
  readonly macAddress: string;
  /** The MAC address of the default gateway of the provider network, where the fabric says it. */
  readonly gatewayMacAddress: string | undefined;
  /** The VLAN of the provider network, 1..4094; 0 leaves the tag of a frame as it came. */
  readonly vlanId: number;
}

/** A place connections can go: one DIP, on one host. */
export interface Backend {
  /** The canonical reference of the NIC's IP configuration: stable when the VM moves. */
  readonly key: string;
  readonly dip: string;
  /** VXLAN network identifier of the tenant network the DIP lives in, 0..16777215. */
  readonly vni: number;
  /** The VM's MAC address: the destination of the inner Ethernet header. */
  readonly macAddress: string;
  /** resourceId of the host the VM is on. */
  readonly host: string;
  /** The host's provider address: the destination of the outer IP header. */
  readonly hostProviderAddress: string;
  /**
   * The destination of the outer Ethernet header: the host's MAC address, or the default gateway's when the host is in
   * another subnet than the MUX.
   */
  readonly nextHopMacAddress: string;
}

/** A Maglev table to be built: which backends share it and by what weight. */
export interface Ring {
  /** Number of slots, one of `RING_SLOT_COUNTS`. */
  readonly slotCount: number;
  /** Sorted by the key of the backend, so that the order of the fabric file cannot change the table. */
  readonly members: readonly RingMember[];
  /**
   * Indexes in `MuxProgram.backends` of members that keep the connections they have and take no new ones; sorted, left
   * out when there are none. A backend in neither list has left: its connections go to the ring.
   */
  readonly drained?: readonly number[];
}

/** A backend's share of a ring. */
export interface RingMember {
  /** Index in `MuxProgram.backends`. */
  readonly backend: number;
  /** 1..65535; twice the weight, twice the slots. */
  readonly weight: number;
}

/** One (VIP, protocol, port) and where its connections go. */
export interface Service {
  /** `80.80.80.80:80/tcp`; `:*` for any port, `/*` for any protocol. Unique in a program. */
  readonly key: string;
  readonly vip: string;
  readonly protocol: typeof PROTOCOL_TCP | typeof PROTOCOL_UDP | typeof ANY_PROTOCOL;
  /** 0..65535; 0 is any port. */
  readonly port: number;
  readonly distribution: Distribution;
  readonly idleTimeoutMs: number;
  /** The port on the backend; 0 keeps the port of the packet. */
  readonly backendPort: number;
  /** The host agent leaves the destination address alone: the VM has the VIP itself. */
  readonly floatingIp: boolean;
  /** Canonical reference of the rule this comes from. */
  readonly rule: string;
  /** A ring for a load balancing rule (index in `MuxProgram.rings`), one backend for an inbound NAT rule. */
  readonly target: { readonly ring: number } | { readonly backend: number };
}

/** Everything one MUX must obey. */
export interface MuxProgram {
  readonly kind: 'mux';
  /** resourceId of the MUX. */
  readonly id: string;
  /** SHA-256 of the encoded sections, hexadecimal: two programs that do the same have the same digest. */
  readonly digest: string;
  readonly attachment: Attachment;
  /** Key of the flow hash, 16 bytes as 32 hexadecimal digits; every MUX of a fabric has the same. */
  readonly flowHashKey: string;
  /** The address of every frontend, also of one without a rule; sorted. */
  readonly vips: readonly string[];
  readonly services: readonly Service[];
  readonly rings: readonly Ring[];
  readonly backends: readonly Backend[];
}

/** A local VM's port on the virtual switch. */
export interface Nic {
  /** Canonical reference of the network interface. */
  readonly key: string;
  readonly macAddress: string;
  readonly vni: number;
}

/** What the host agent does to a connection that arrives for one of its VMs. */
export interface Translation {
  /** Index in `HostProgram.nics`. */
  readonly nic: number;
  readonly vip: string;
  readonly protocol: typeof PROTOCOL_TCP | typeof PROTOCOL_UDP | typeof ANY_PROTOCOL;
  /** Port on the VIP, 0..65535; 0 is any port. */
  readonly port: number;
  readonly dip: string;
  /** Port on the DIP, 0..65535; 0 keeps the port of the packet. */
  readonly backendPort: number;
  readonly floatingIp: boolean;
  readonly idleTimeoutMs: number;
  readonly rule: string;
}

/** Everything one host agent must obey. */
export interface HostProgram {
  readonly kind: 'host';
  /** resourceId of the host. */
  readonly id: string;
  readonly digest: string;
  readonly attachment: Attachment;
  /** As in `MuxProgram`: the host's own tables hash with it too. */
  readonly flowHashKey: string;
  readonly nics: readonly Nic[];
  readonly translations: readonly Translation[];
}

/** A program for either kind of machine; `kind` says which. */
export type Program = MuxProgram | HostProgram;
