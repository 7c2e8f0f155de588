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
/** The protocol of a service that takes every protocol. */
export const ANY_PROTOCOL = 0;
/** IP protocol number of GRE. */
export const PROTOCOL_GRE = 47;
/** IP protocol number of ESP. */
export const PROTOCOL_ESP = 50;
/** The port of a service that takes every port. */
export const ANY_PORT = 0;

/** What the flow hash of a service covers: the 5-tuple, the two addresses, or the two addresses and the protocol. */
export type Distribution = 'Default' | 'SourceIP' | 'SourceIPProtocol';

/** How a fabric carries tenant packets over its provider network: RFC 7348 or RFC 7637. */
export type Encapsulation = 'vxlan' | 'nvgre';

/** An IP protocol number a rule may name; 0 is any, and then the port is 0 too. GRE and ESP have no ports. */
export type RuleProtocol =
  | typeof ANY_PROTOCOL
  | typeof PROTOCOL_TCP
  | typeof PROTOCOL_UDP
  | typeof PROTOCOL_GRE
  | typeof PROTOCOL_ESP;

/** How a machine of ours is attached to the provider network. */
export interface Attachment {
  /** Its own provider address (PA), IPv4 or IPv6. */
  readonly providerAddress: string;
  /** Its provider address of the other family, when it has both. */
  readonly secondProviderAddress?: string;
  /** Its own MAC address, `02:00:00:00:56:0b`. */
  readonly macAddress: string;
  /** The MAC address of the default gateway of the provider network, where the fabric says it. */
  readonly gatewayMacAddress: string | undefined;
  /** The VLAN of the provider network, 1..4094; 0 leaves the tag of a frame as it came. */
  readonly vlanId: number;
  /** Bytes of the longest IP packet the provider network carries; left out when nobody said. */
  readonly mtuBytes?: number;
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
  /**
   * The host's provider address: the destination of the outer IP header, of a family in which the MUX has a provider
   * address too.
   */
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
  readonly protocol: RuleProtocol;
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
  /**
   * The VIP is an instance-level public IP: all that comes for it goes to the backend, pings and fragments included.
   * Protocol and port are then any.
   */
  readonly isInstanceAddress?: true;
}

/** Ports of a VIP that are leased to one DIP for its outbound connections: what comes back to them goes there. */
export interface SnatRange {
  readonly vip: string;
  /** A multiple of 8. */
  readonly firstPort: number;
  /** A multiple of 8, at least 8. */
  readonly portCount: number;
  /** Index in `MuxProgram.backends`. */
  readonly backend: number;
}

/** Connections between VMs of the fabric leave the MUX out, once it has told the hosts of both. */
export interface MuxFastpath {
  /** Key of the tag of redirects, 16 bytes as 32 hexadecimal digits. */
  readonly key: string;
}

/** The same as a host has it. */
export interface HostFastpath extends MuxFastpath {
  /** Provider addresses of the MUXes, who may send redirects; sorted. */
  readonly muxes: readonly string[];
  /** The other hosts in reach, sorted by address. */
  readonly peers: readonly FastpathPeer[];
}

/** How a host reaches another one. */
export interface FastpathPeer {
  readonly providerAddress: string;
  /** The destination of the outer Ethernet header, as in `Backend`. */
  readonly nextHopMacAddress: string;
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
  /** Default: `vxlan`. */
  readonly encapsulation?: Encapsulation;
  /** The address of every frontend, also of one without a rule, and every instance-level public IP; sorted. */
  readonly vips: readonly string[];
  readonly services: readonly Service[];
  readonly rings: readonly Ring[];
  readonly backends: readonly Backend[];
  /** Sorted by VIP and port; none overlap. Left out when there are none. */
  readonly snatRanges?: readonly SnatRange[];
  /** Left out: no Fastpath. */
  readonly fastpath?: MuxFastpath;
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
  readonly protocol: RuleProtocol;
  /** Port on the VIP, 0..65535; 0 is any port. */
  readonly port: number;
  readonly dip: string;
  /** Port on the DIP, 0..65535; 0 keeps the port of the packet. */
  readonly backendPort: number;
  readonly floatingIp: boolean;
  readonly idleTimeoutMs: number;
  readonly rule: string;
  /** Both ends of a TCP connection that was idle for too long get a RST. */
  readonly tcpReset?: true;
  /** As in `Service`. */
  readonly isInstanceAddress?: true;
}

/** Under which address and ports a local VM reaches out. */
export interface SnatRule {
  /** Index in `HostProgram.nics`. */
  readonly nic: number;
  readonly dip: string;
  readonly vip: string;
  /** 0 is TCP, UDP and pings. */
  readonly protocol: typeof PROTOCOL_TCP | typeof PROTOCOL_UDP | typeof ANY_PROTOCOL;
  /** Leased to this DIP and no other; first port and count are multiples of 8. May be empty: nothing leased yet. */
  readonly ranges: readonly { readonly firstPort: number; readonly portCount: number }[];
  readonly idleTimeoutMs: number;
  readonly tcpReset?: true;
  /** Canonical reference of the outbound rule this comes from. */
  readonly rule: string;
}

/** Destinations that local VMs reach under their own address. */
export interface Exemption {
  /** `10.0.0.0/8`, `2001:db8::/32` */
  readonly prefix: string;
  /** Only for VMs of this tenant network; left out: for all. */
  readonly vni?: number;
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
  /** Default: `vxlan`. */
  readonly encapsulation?: Encapsulation;
  readonly nics: readonly Nic[];
  readonly translations: readonly Translation[];
  /** In the order in which they are tried for a (NIC, DIP): the protocol's own before those for any. */
  readonly snatRules?: readonly SnatRule[];
  readonly exemptions?: readonly Exemption[];
  /** Left out: no Fastpath. */
  readonly fastpath?: HostFastpath;
}

/** A program for either kind of machine; `kind` says which. */
export type Program = MuxProgram | HostProgram;
