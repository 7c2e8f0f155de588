/**
 * The boundary between the data plane and the SDK: every number both sides share.
 *
 * asc and tsc both compile this file, so it holds one kind of statement only: `export const NAME = <integer>`.
 * `layout.ts` proves the record layouts at compile time, `sdk/dataplane/instance.ts` compares the version at load, and
 * `test/dataplane/abi.test.ts` writes each field on one side and reads it on the other.
 *
 * All records are little-endian and naturally aligned. Fields marked `net` hold the bytes of the wire as they are,
 * so an IPv4 address or a port is compared and copied without being turned around.
 */

/** Raised with every change of this file that an older counterpart would misread. */
export const ABI_VERSION = 4;

// ---------------------------------------------------------------------------------------------------------------
// Verdicts: what is to happen with a frame.

/** Not ours: give it to whoever handles the rest (the kernel). */
export const VERDICT_PASS = 0;
/** Ours, and thrown away; the descriptor has the reason. */
export const VERDICT_DROP = 1;
/** MUX: encapsulated, send it to the host. */
export const VERDICT_FORWARD = 2;
/** Host: decapsulated and translated, give it to the VM. */
export const VERDICT_DELIVER = 3;
/**
 * Host: a VM's answer, now from the VIP, send it to the default gateway. MUX: its own answer to an echo request, send it
 * back where the request came from.
 */
export const VERDICT_REPLY = 4;
/**
 * A fragment that came before the first one of its datagram: kept inside the data plane, and put behind the frames of a
 * later batch (or the same) once the first one is here.
 */
export const VERDICT_HOLD = 5;
/** Host: a Fastpath redirect of a MUX, obeyed: nobody else is to see it. */
export const VERDICT_CONSUME = 6;
export const VERDICT_COUNT = 7;

// ---------------------------------------------------------------------------------------------------------------
// Drop reasons. Names as printed: sdk/dataplane/reasons.ts.

export const REASON_NONE = 0;
/** Longer than a slot, or too long once encapsulated (IPv4 total length is 16 bits). */
export const REASON_OVERSIZE = 1;
/** The frame ends inside its Ethernet header or VLAN tag. */
export const REASON_ETHERNET_TRUNCATED = 2;
/** The frame ends before the IPv4 packet it announces does. */
export const REASON_IPV4_TRUNCATED = 3;
/** Ethertype IPv4, but the version nibble is not 4. */
export const REASON_IPV4_VERSION = 4;
/** IHL below 5. */
export const REASON_IPV4_HEADER_LENGTH = 5;
/** Total length smaller than the header. */
export const REASON_IPV4_TOTAL_LENGTH = 6;
export const REASON_IPV4_CHECKSUM = 7;
export const REASON_FRAGMENT = 8;
/** No rule takes this IP protocol, or this type of ICMP message. */
export const REASON_PROTOCOL = 9;
export const REASON_TCP_TRUNCATED = 10;
/** TCP data offset below 5, or past the end of the segment. */
export const REASON_TCP_HEADER_LENGTH = 11;
export const REASON_UDP_TRUNCATED = 12;
/** UDP length below 8, or past the end of the packet. */
export const REASON_UDP_LENGTH = 13;
/** The VIP is ours, but nothing listens on this protocol and port. */
export const REASON_NO_RULE = 14;
/** The rule has no backend that may take new connections. */
export const REASON_NO_BACKEND = 15;
/** The UDP datagram ends inside its VXLAN header. */
export const REASON_VXLAN_TRUNCATED = 16;
/** The I flag of the VXLAN header is not set. */
export const REASON_VXLAN_FLAGS = 17;
/** The VXLAN payload ends inside its Ethernet header. */
export const REASON_INNER_TRUNCATED = 18;
/** The inner frame carries a VLAN tag (RFC 7348 section 6.1: discard). */
export const REASON_INNER_VLAN = 19;
/** No VM with the inner destination MAC address lives on this host. */
export const REASON_NIC_UNKNOWN = 20;
/** The VM is here, but lives in another tenant network than the VNI says. */
export const REASON_VNI_MISMATCH = 21;
/** Another live connection of the same client already has this reverse translation. */
export const REASON_NAT_CONFLICT = 22;
/** Nothing could be evicted to remember this connection. */
export const REASON_FLOW_TABLE_FULL = 23;
/** The packet ends inside its ICMP header. */
export const REASON_ICMP_TRUNCATED = 24;
export const REASON_ICMP_CHECKSUM = 25;
/** The frame ends before the IPv6 packet it announces does. */
export const REASON_IPV6_TRUNCATED = 26;
/** Ethertype IPv6, but the version nibble is not 6. */
export const REASON_IPV6_VERSION = 27;
/** Extension headers that run past the packet, are too many, repeat a fragment header, or route the packet on. */
export const REASON_IPV6_EXTENSION = 28;
/** Time to live or hop limit 0. */
export const REASON_TTL = 29;
/** No host may have this source address (multicast, broadcast, loopback, unspecified), or it is the destination too. */
export const REASON_SOURCE = 30;
/** The packet an ICMP error quotes is cut off before its ports, malformed, or none that went through here. */
export const REASON_ICMP_QUOTE = 31;
/** RFC 5722: the fragment overlaps another one of its datagram, or follows one that did. */
export const REASON_FRAGMENT_OVERLAP = 32;
/** No room to remember the datagram or to keep the fragment. */
export const REASON_FRAGMENT_LIMIT = 33;
/** A kept fragment whose first one never came (counted only: its verdict was `hold`). */
export const REASON_FRAGMENT_EXPIRED = 34;
/** Too big for the provider network once encapsulated, and no ICMP message may be sent about it (again). */
export const REASON_MTU = 35;
/** The VIP is above its fair share of an overloaded MUX. */
export const REASON_FAIR_SHARE = 36;
/** The packet ends inside its GRE header. */
export const REASON_GRE_TRUNCATED = 37;
/** A GRE header RFC 7637 does not allow: no key, a checksum, a sequence number, a version. */
export const REASON_GRE_FLAGS = 38;
/** RFC 6040 section 4.2: congestion was marked on the way, and the sender cannot be told. */
export const REASON_ECN = 39;
/** No leased port is free towards this remote address and port. */
export const REASON_SNAT_EXHAUSTED = 40;
/** For or from a leased port without a connection. */
export const REASON_SNAT_UNKNOWN = 41;
/** A Fastpath redirect that no MUX of the fabric can have sent, or that is about no connection of ours. */
export const REASON_REDIRECT = 42;
export const REASON_COUNT = 43;

// ---------------------------------------------------------------------------------------------------------------
// Descriptor: one per slot of the batch.
//
//   0        4        8       9        10      11      12       16                       32
//   | offset | length | link  | port   |verdict| reason| service| backend | reserved     |

/** u32: absolute address of the first byte of the frame; moved by encapsulation and decapsulation. */
export const DESCRIPTOR_OFFSET = 0;
/** u32: bytes in the frame; changed likewise. */
export const DESCRIPTOR_LENGTH = 4;
/** u8: LINK_… */
export const DESCRIPTOR_LINK = 8;
/** u8: PORT_… (host agent only) */
export const DESCRIPTOR_PORT = 9;
/** u8: VERDICT_…, written by process */
export const DESCRIPTOR_VERDICT = 10;
/** u8: REASON_…, written by process */
export const DESCRIPTOR_REASON = 11;
/** u32: index of the service that took the frame, or NO_INDEX; written by the MUX */
export const DESCRIPTOR_SERVICE = 12;
/** u32: index of the backend that was chosen, or NO_INDEX; written by the MUX */
export const DESCRIPTOR_BACKEND = 16;
/** u32: of a frame that came by a packet port, the chunk it lies in; plus CHUNK_IS_WHOLE */
export const DESCRIPTOR_CHUNK = 24;
/** u32: and the record of that port */
export const DESCRIPTOR_ORIGIN = 28;
export const DESCRIPTOR_BYTES = 32;

/**
 * Beside the address of a chunk: the frame is as a VM has sent it, unfinished or larger than the MTU, with its virtio header
 * at the start of the chunk.
 */
export const CHUNK_IS_WHOLE = 1;

export const NO_INDEX = 0xffffffff;

/** Frames start with an Ethernet header. */
export const LINK_ETHERNET = 0;
/** Frames start with the IP header (TUN devices, LINKTYPE_RAW captures). */
export const LINK_BARE = 1;

/** The frame came from the provider network. */
export const PORT_UNDERLAY = 0;
/** The frame came from a VM. */
export const PORT_VM = 1;
/** Not known (a capture of both): a frame whose source MAC is a local VM's came from that VM. */
export const PORT_SHARED = 2;

/** Bytes in front of every frame in its slot: 50 for VXLAN over IPv4, 70 over IPv6, two VLAN tags, and room to align. */
export const HEADROOM_BYTES = 128;

// ---------------------------------------------------------------------------------------------------------------
// Fixed block: at a constant address, so that its fields are immediates of loads and stores. The compiler's own
// statics lie below it; load refuses a module whose heap base says otherwise.

export const FIXED_BASE = 65536;
/** 32 pairs of u32 {base address, count}, indexed by REGION_…; written before init(). */
export const FIXED_REGIONS = 65536;
export const REGION_COUNT_MAX = 32;
export const REGION_PAIR_BYTES = 8;
/** Configuration, 256 bytes, CONFIG_… */
export const FIXED_CONFIG = 65792;
/** u64 frames per verdict. */
export const FIXED_VERDICT_COUNTERS = 66048;
/** u64 frames per drop reason, room for 64. */
export const FIXED_REASON_COUNTERS = 66176;
/** u64 per COUNTER_…, room for 64. */
export const FIXED_COUNTERS = 66688;
/** One parsed record per frame of a stage; muxExplain leaves its answer in the first. */
export const FIXED_PARSED = 67200;
/** 64 bytes that stand in for the flow bucket of a frame that has none. */
export const FIXED_NO_BUCKET = 71296;
/** Where the touch stage puts the sum of what it read, so that no compiler may drop the reads. */
export const FIXED_TOUCH_SINK = 71360;
/** u32 per verdict, during dispatch: the record of the packet port frames of that verdict leave by, or ROUTE_… */
export const FIXED_ROUTES = 71392;
/** What lasts from one call to the next, 512 bytes, STATE_…; zero at load. */
export const FIXED_STATE = 71424;
export const FIXED_END = 72000;

/** Nowhere: given up. */
export const ROUTE_NONE = 0;
/** By the port the frame came in by. */
export const ROUTE_BACK = 1;
/** By the port of the VM whose NIC it is for. */
export const ROUTE_NIC = 2;

/** Frames that are parsed, then looked up, then rewritten together, so that their cache misses overlap. */
export const STAGE_FRAME_COUNT = 64;

// Regions: their bases are chosen by sdk/dataplane/plan.ts from the capacities the embedder asked for.

/** count descriptors */
export const REGION_DESCRIPTORS = 0;
/** count slots: headroom, then a frame of at most CONFIG_FRAME_BYTES_MAX */
export const REGION_SLOTS = 1;
/** count endpoint entries, a power of two */
export const REGION_ENDPOINTS = 2;
export const REGION_SERVICES = 3;
export const REGION_BACKENDS = 4;
/** count ring slots of u16 */
export const REGION_RINGS = 5;
/** count flow buckets, a power of two */
export const REGION_FLOWS = 6;
/** count members: the working memory of ringBuild */
export const REGION_RING_MEMBERS = 7;
/** count NIC entries, a power of two */
export const REGION_NICS = 8;
/** count translation entries, a power of two */
export const REGION_TRANSLATIONS = 9;
/** count NAT flow buckets, a power of two */
export const REGION_NAT_FLOWS = 10;
/** count IPv6 address entries, a power of two */
export const REGION_ADDRESSES = 11;
/** count leased port blocks of a MUX, a power of two */
export const REGION_SNAT_BLOCKS = 12;
/** count fragment sets, a power of two */
export const REGION_FRAGMENTS = 13;
/** count kept fragments */
export const REGION_HELD = 14;
/** count places of other machines on a host agent, a power of two */
export const REGION_PEERS = 15;
/** count outbound rules of a host agent */
export const REGION_SNAT_RULES = 16;
/** count leased port ranges of a host agent */
export const REGION_SNAT_RANGES = 17;
/** count prefixes that are not translated on the way out */
export const REGION_EXEMPTIONS = 18;
/** count sets of Fastpath entries, a power of two */
export const REGION_FASTPATHS = 19;
/** count IPv6 addresses of a host agent, indexed by the word that stands for each */
export const REGION_ADDRESS_VALUES = 20;
/** count u32, indexed by NIC: outbound flows it has in the table */
export const REGION_SNAT_SHARES = 21;
/** count chunks of CONFIG_CHUNK_BYTES: frames of packet ports; begins at a multiple of 64 KiB, as the UMEM of AF_XDP */
export const REGION_CHUNKS = 22;
/** count u32: the stack of chunks that nobody has */
export const REGION_FREE_CHUNKS = 23;
/** count u8, indexed by chunk: 1 + the port with rings that gave it to the kernel last; only where chunks are powers of two */
export const REGION_CHUNK_OWNERS = 24;
/** count packet ports */
export const REGION_PACKET_PORTS = 25;
/** count rooms of packet ports, at a multiple of 64 KiB */
export const REGION_PORT_ROOMS = 26;
/** count u8, indexed by NIC: the packet port of that VM, or NO_PACKET_PORT */
export const REGION_NIC_PORTS = 27;
export const REGION_COUNT = 28;

// ---------------------------------------------------------------------------------------------------------------
// Configuration: offsets from FIXED_CONFIG.

/** u64 u64: SipHash key of the flow hash */
export const CONFIG_HASH_KEY_0 = 0;
export const CONFIG_HASH_KEY_1 = 8;
/** net u32: our own provider address */
export const CONFIG_PROVIDER_ADDRESS = 16;
/** net u16: TCI written into outgoing Ethernet frames; 0 keeps the tag the frame came with */
export const CONFIG_VLAN_TCI = 20;
/** u8: 1 when CONFIG_GATEWAY_MAC is known */
export const CONFIG_GATEWAY_KNOWN = 22;
/** 6 bytes */
export const CONFIG_LOCAL_MAC = 24;
/** 6 bytes */
export const CONFIG_GATEWAY_MAC = 32;
/** u32: longest frame a slot can hold behind its headroom; a longer length in a descriptor is dropped unread */
export const CONFIG_FRAME_BYTES_MAX = 40;
/** u32: bytes from the start of one slot to the next; produced frames are put into slots behind the batch */
export const CONFIG_SLOT_BYTES = 44;
/** u32: IP packets of the provider network are no longer than this; 0 when nobody said */
export const CONFIG_MTU_BYTES = 48;
/** u32: MUX: IP packets that are no longer fit the provider network whatever their backend; longer ones may not */
export const CONFIG_FITTING_BYTES = 56;
/** u8: ENCAPSULATION_… of the fabric */
export const CONFIG_ENCAPSULATION = 52;
/** u8: 4, 6, or 0 while no program is in force: the family of our provider address */
export const CONFIG_PROVIDER_FAMILY = 53;
/** u8: 1 when there is a second provider address, of the other family */
export const CONFIG_SECOND_PROVIDER_KNOWN = 54;
/** u8: 1 when the program has Fastpath */
export const CONFIG_FASTPATH = 55;
/** net 16 bytes: our provider IPv6 address, zero without one; the IPv4 one is at CONFIG_PROVIDER_ADDRESS */
export const CONFIG_PROVIDER_ADDRESS_6 = 64;
/** u32: trusted flows a MUX keeps at most */
export const CONFIG_FLOW_TRUSTED_MAX = 80;
/** u32: untrusted ones */
export const CONFIG_FLOW_UNTRUSTED_MAX = 84;
/** u32: bytes from the start of one chunk to the next, a multiple of 64 */
export const CONFIG_CHUNK_BYTES = 88;
/** u32: chunks one port may have for what it receives, and as many for what it sends */
export const CONFIG_CHUNK_SHARE = 92;
/** u64: where linear memory begins in the address space of the process; 0 as long as nobody said */
export const CONFIG_NATIVE_ADDRESS = 96;
/** u64 u64: key of the tag of Fastpath redirects */
export const CONFIG_REDIRECT_KEY_0 = 104;
export const CONFIG_REDIRECT_KEY_1 = 112;
/** u8: the packet port of what is forwarded; NO_PACKET_PORT: the one it came in by. The other routes likewise: */
export const CONFIG_ROUTE_TUNNELS = 120;
/** u8: of replies */
export const CONFIG_ROUTE_REPLIES = 121;
/** u8: of what passes; NO_PACKET_PORT: it is dropped */
export const CONFIG_ROUTE_PASS = 122;
/** u8: of what is delivered to VMs when none has a port of its own; NO_PACKET_PORT: it is dropped */
export const CONFIG_ROUTE_VM = 123;
/** u8: of frames that would go back to where they came from, but came from nowhere */
export const CONFIG_ROUTE_UNDERLAY = 124;
/** u8: 1 when VMs have ports of their own */
export const CONFIG_ROUTES_BY_NIC = 125;

export const ENCAPSULATION_VXLAN = 0;
export const ENCAPSULATION_NVGRE = 1;

// ---------------------------------------------------------------------------------------------------------------
// State: offsets from FIXED_STATE.

/** u32: the random numbers that decide which packets above the fair share are dropped; 0 starts them anew */
export const STATE_RANDOM = 508;

// ---------------------------------------------------------------------------------------------------------------
// Further counters: offsets are index × 8 from FIXED_COUNTERS. Names as printed: sdk/dataplane/counters.ts.

export const COUNTER_FLOW_HITS = 0;
export const COUNTER_FLOW_MISSES = 1;
export const COUNTER_FLOW_INSERTS = 2;
/** A flow that was idle too long, or whose backend is gone, lost its place: to a new one, or to the sweep. */
export const COUNTER_FLOW_EXPIRED = 3;
/** A live flow that was not trusted gave its place to a new one. */
export const COUNTER_FLOW_EVICTED = 4;
/** No place for a new flow: served from the ring alone. */
export const COUNTER_FLOW_REFUSED = 5;
export const COUNTER_NAT_FLOW_INSERTS = 6;
/** A flow that was idle too long lost its place: to a new one, or to the sweep. */
export const COUNTER_NAT_FLOW_EXPIRED = 7;
export const COUNTER_NAT_FLOW_EVICTED = 8;
/** Gauge: trusted flows in the table. */
export const COUNTER_FLOW_TRUSTED = 9;
/** Gauge: flows in the table that are not trusted. */
export const COUNTER_FLOW_UNTRUSTED = 10;
/** A flow earned trust. */
export const COUNTER_FLOW_PROMOTED = 11;
/** A flow would have earned trust, but there are too many trusted ones. */
export const COUNTER_FLOW_PROMOTION_REFUSED = 12;
/** Kept fragments that were processed, as their first one had come. */
export const COUNTER_FRAGMENT_RELEASED = 13;
/** Frag-needed and packet-too-big messages sent. */
export const COUNTER_MTU_TOLD = 14;
/** Outbound connections that were given a leased port. */
export const COUNTER_SNAT_ALLOCATED = 15;
/** Outbound connections for which no leased port was free. */
export const COUNTER_SNAT_EXHAUSTED = 16;
/** RST segments sent because a connection was idle for too long. */
export const COUNTER_RESETS_SENT = 17;
/** Maximum segment sizes lowered. */
export const COUNTER_MSS_CLAMPED = 18;
/** Fastpath redirects sent (MUX) and obeyed (host agent). */
export const COUNTER_REDIRECTS_SENT = 19;
export const COUNTER_REDIRECTS_OBEYED = 20;
/** Packets sent straight to the host of the other VM. */
export const COUNTER_FASTPATH_PACKETS = 21;
/** Outbound connections refused because the VM has its share of the NAT flow table. */
export const COUNTER_SNAT_OVER_SHARE = 22;
/** Frames of packet ports that had no port to leave by. */
export const COUNTER_UNROUTED = 23;
export const COUNTER_COUNT = 24;

// ---------------------------------------------------------------------------------------------------------------
// Packet port: an interface of the machine.
//
//   0      1      2      3       4      8                16              20              24              28
//   | kind | link | side | flags | room | native address | message count | waiting first | waiting count | pending count |
//   | hand | lent | lent max | in flight | in flight max | batch | budget | transmit room |
//   32     36     40         44          48              52      56       60              64
//   | received | sent | send dropped | too long | finished | segmented | reserved |
//   64         72     80             88         96         104         112        128
//   | receive ring | transmit ring | fill ring | completion ring |
//   128            160             192         224               256

/** u8: PACKET_PORT_FREE, …; link and kind are compared in one load */
export const PACKET_PORT_KIND = 0;
/** u8: LINK_… */
export const PACKET_PORT_LINK = 1;
/** u8: PORT_UNDERLAY or PORT_VM */
export const PACKET_PORT_SIDE = 2;
/** u8: PACKET_PORT_FLAG_… */
export const PACKET_PORT_FLAGS = 3;
/** u32: where its room begins */
export const PACKET_PORT_ROOM = 4;
/** u64: CONFIG_NATIVE_ADDRESS when it was opened */
export const PACKET_PORT_NATIVE_ADDRESS = 8;
/** u32: messages that may be received at once */
export const PACKET_PORT_MESSAGE_COUNT = 16;
/** u32 u32: received messages that have not been taken yet */
export const PACKET_PORT_WAITING_FIRST = 20;
export const PACKET_PORT_WAITING_COUNT = 24;
/** u32: messages or frames that wait to be sent */
export const PACKET_PORT_PENDING_COUNT = 28;
/** u32: the chunk the next frame is to be put into, or 0 */
export const PACKET_PORT_HAND = 32;
/** u32: chunks the kernel has to receive into, in the fill ring and beyond */
export const PACKET_PORT_LENT = 36;
export const PACKET_PORT_LENT_MAX = 40;
/** u32: chunks in the transmit ring and beyond, that have not come back */
export const PACKET_PORT_IN_FLIGHT = 44;
/** u32: those, or pending messages, at most */
export const PACKET_PORT_IN_FLIGHT_MAX = 48;
/** u32 u32: how many frames it may still put into which batch */
export const PACKET_PORT_BATCH = 52;
export const PACKET_PORT_BUDGET = 56;
/** u32: entries of the transmit ring that are free, during dispatch */
export const PACKET_PORT_TRANSMIT_ROOM = 60;
/** u64 each */
export const PACKET_PORT_RECEIVED = 64;
export const PACKET_PORT_SENT = 72;
export const PACKET_PORT_SEND_DROPPED = 80;
export const PACKET_PORT_TOO_LONG = 88;
export const PACKET_PORT_FINISHED = 96;
export const PACKET_PORT_SEGMENTED = 104;
/** XSK_RING_BYTES each */
export const PACKET_PORT_RECEIVE_RING = 128;
export const PACKET_PORT_TRANSMIT_RING = 160;
export const PACKET_PORT_FILL_RING = 192;
export const PACKET_PORT_COMPLETION_RING = 224;
export const PACKET_PORT_BYTES = 256;
/** Ports are known by one byte. */
export const NO_PACKET_PORT = 255;

export const PACKET_PORT_FREE = 0;
export const PACKET_PORT_RINGS = 1;
export const PACKET_PORT_MESSAGES = 2;
export const PACKET_PORT_DATAGRAMS = 3;
export const PACKET_PORT_FRAMES = 4;

/** Every frame has a virtio header in front. */
export const PACKET_PORT_FLAG_VIRTIO = 1;
/** Nothing says whether a checksum is finished. */
export const PACKET_PORT_FLAG_UNFINISHED = 2;
/** Frames may stay as their sender left them. */
export const PACKET_PORT_FLAG_WHOLE = 4;

/** Received frames begin here in their chunk: XDP_PACKET_HEADROOM. In front of it is room for headers. */
export const CHUNK_HEADROOM_BYTES = 256;

// ---------------------------------------------------------------------------------------------------------------
// A ring of an AF_XDP socket, in the record of its port.
//
//   0          4          8         12      16     20      24          32
//   | producer | consumer | entries | flags | mask | index | published | reserved

/** u32 each: addresses of what the kernel reads and writes */
export const XSK_RING_PRODUCER = 0;
export const XSK_RING_CONSUMER = 4;
export const XSK_RING_ENTRIES = 8;
export const XSK_RING_FLAGS = 12;
/** u32: entries − 1 */
export const XSK_RING_MASK = 16;
/** u32: our own end of it, and how much of that the kernel has been shown */
export const XSK_RING_INDEX = 20;
export const XSK_RING_PUBLISHED = 24;
export const XSK_RING_BYTES = 32;

/** An entry of the receive and transmit rings: u64 address in the UMEM, u32 bytes, u32 options; the others have the address. */
export const XSK_ENTRY_LENGTH = 8;
export const XSK_ENTRY_SHIFT = 4;
export const XSK_ADDRESS_SHIFT = 3;
/** In the flags: the kernel wants to be woken. */
export const XSK_FLAG_NEED_WAKEUP = 1;

// ---------------------------------------------------------------------------------------------------------------
// Room of a packet port: four rings of 64 KiB, or two arrays of messages with what they point at. Of a port with frames only
// vectors and chunks are used.
//
//   0                64 KiB          128 KiB     192 KiB           256 KiB
//   | receive ring   | transmit ring | fill ring | completion ring |
//
//   0                   32 KiB              64 KiB
//   | messages received | messages to send  |
//   | vectors received | vectors to send | names received | names to send | chunks received | chunks to send |
//   64 KiB             72                80               96              112               114               116 KiB

export const ROOM_RING_BYTES = 65536;
export const ROOM_RECEIVE_RING = 0;
export const ROOM_TRANSMIT_RING = 65536;
export const ROOM_FILL_RING = 131072;
export const ROOM_COMPLETION_RING = 196608;
export const ROOM_RECEIVE_MESSAGES = 0;
export const ROOM_TRANSMIT_MESSAGES = 32768;
export const ROOM_RECEIVE_VECTORS = 65536;
export const ROOM_TRANSMIT_VECTORS = 73728;
export const ROOM_RECEIVE_NAMES = 81920;
export const ROOM_TRANSMIT_NAMES = 98304;
export const ROOM_RECEIVE_CHUNKS = 114688;
export const ROOM_TRANSMIT_CHUNKS = 116736;
export const ROOM_BYTES = 262144;
/** Messages in each of the two arrays, at most. */
export const ROOM_MESSAGE_COUNT_MAX = 512;

// ---------------------------------------------------------------------------------------------------------------
// Message: `struct mmsghdr` of 64-bit Linux, for recvmmsg and sendmmsg, and the `struct iovec` and address it points at.
//
//   0      8             16       24             32        40              48      56       64
//   | name | name length | vector | vector count | control | control length | flags | length |
//
//   0      8       16
//   | base | bytes |

/** u64 address */
export const MESSAGE_NAME = 0;
/** u32: room before, length after recvmmsg */
export const MESSAGE_NAME_LENGTH = 8;
/** u64 address */
export const MESSAGE_VECTOR = 16;
/** u64 */
export const MESSAGE_VECTOR_COUNT = 24;
/** i32: MSG_…, written by the kernel */
export const MESSAGE_FLAGS = 48;
/** u32: bytes received, written by the kernel */
export const MESSAGE_LENGTH = 56;
export const MESSAGE_BYTES = 64;
/** The message was longer than its vector. */
export const MESSAGE_FLAG_TRUNCATED = 32;
/** u64 address, u64 bytes */
export const VECTOR_BASE = 0;
export const VECTOR_LENGTH = 8;
export const VECTOR_BYTES = 16;
/** Room of an address. */
export const NAME_BYTES = 32;

// ---------------------------------------------------------------------------------------------------------------
// Endpoint entry: (address, protocol, port) → service. Open addressing, linear probing.
//
//   0              4          6          7        8         12      16
//   | address word | port net | protocol | family | service | spare |

/** u32: an IPv4 address as it lies in memory, or the word of an IPv6 address */
export const ENDPOINT_ADDRESS = 0;
export const ENDPOINT_PORT = 4;
export const ENDPOINT_PROTOCOL = 6;
/** u8: 4 or 6, 0 for an empty entry */
export const ENDPOINT_FAMILY = 7;
/** u32: index; in the entry of a VIP that of the instance address it is, else NO_INDEX */
export const ENDPOINT_SERVICE = 8;
export const ENDPOINT_BYTES = 16;
/** The protocol of the entry that says "this address is ours". */
export const ENDPOINT_PROTOCOL_VIP = 255;

// ---------------------------------------------------------------------------------------------------------------
// SNAT block: (VIP, eight ports) → backend. Open addressing, linear probing.
//
//   0              4       6        7  8         12      16
//   | address word | block | family | 0 | backend | spare |

export const SNAT_BLOCK_ADDRESS = 0;
/** u16: the first port of the block / 8 */
export const SNAT_BLOCK_NUMBER = 4;
/** u8: 4 or 6, 0 for an empty entry */
export const SNAT_BLOCK_FAMILY = 6;
/** u32: index */
export const SNAT_BLOCK_BACKEND = 8;
export const SNAT_BLOCK_BYTES = 16;
export const SNAT_BLOCK_PORT_SHIFT = 3;

// ---------------------------------------------------------------------------------------------------------------
// Address entry: IPv6 address → the word that stands for it in keys. Open addressing, linear probing.
//
//   0             16     20      32
//   | address net | word | spare |

/** net 16 bytes */
export const ADDRESS_IP = 0;
/** u32: never 0 in an entry that is taken */
export const ADDRESS_WORD = 16;
export const ADDRESS_BYTES = 32;

// ---------------------------------------------------------------------------------------------------------------
// Service.
//
//   0           4            8              9       12           16        24      32        36           40
//   | ring base | slot count | distribution | state | idle ticks | packets | bytes | backend | drop share |
//   | dropped packets | dropped bytes | reserved |
//   40                48              56         64

/** u32: absolute address of the ring; 0 for a service with one fixed backend or none */
export const SERVICE_RING_BASE = 0;
/** u32: slots of the ring; 0 for a service with one fixed backend or none */
export const SERVICE_RING_SLOT_COUNT = 4;
/** u8: DISTRIBUTION_… */
export const SERVICE_DISTRIBUTION = 8;
/** u8: 0 free, 1 in use */
export const SERVICE_STATE = 9;
/** u32: idle timeout in ticks of 1024 ms */
export const SERVICE_IDLE_TICKS = 12;
/** u64 */
export const SERVICE_PACKETS = 16;
/** u64, of the inner IP packets */
export const SERVICE_BYTES_TOTAL = 24;
/** u32: the fixed backend of a service without a ring, or NO_INDEX */
export const SERVICE_BACKEND = 32;
/** u32: how many of 65,536 packets are to be dropped, because the VIP takes more than its fair share; 0 for none */
export const SERVICE_DROP_SHARE = 36;
/** u64: packets dropped for that */
export const SERVICE_DROPPED_PACKETS = 40;
/** u64: their bytes */
export const SERVICE_DROPPED_BYTES = 48;
export const SERVICE_BYTES = 64;
/** A flow names its service in 16 bits. */
export const SERVICE_COUNT_MAX = 65536;

/** 5-tuple */
export const DISTRIBUTION_DEFAULT = 0;
/** source and destination address */
export const DISTRIBUTION_SOURCE_IP = 1;
/** source and destination address and protocol */
export const DISTRIBUTION_SOURCE_IP_PROTOCOL = 2;

// ---------------------------------------------------------------------------------------------------------------
// Backend: the headers in front of every packet to it, ready to copy, and who it is.
//
//   0          96           97      98     99      100          104       112     120        128
//   | template | generation | state | kind | spare | header sum | packets | bytes | reserved |
//
//   template, by kind:
//   0        14      34    42      50             64
//   | Eth 14 | IPv4 20 | UDP 8 | VXLAN 8 | inner Eth 14 |
//   | Eth 14 | IPv4 20 | GRE 8 | inner Eth 14 |                   56
//   | Eth 14 | IPv6 40 | UDP 8 | VXLAN 8 | inner Eth 14 |         84
//   | Eth 14 | IPv6 40 | GRE 8 | inner Eth 14 |                   76

/**
 * 56..84 bytes; what belongs to the packet is zero and filled in for each: lengths, DSCP and ECN, flow label, IPv4
 * checksum, UDP source port, the flow id in the GRE key; the inner EtherType is that of IPv4
 */
export const BACKEND_TEMPLATE = 0;
/** u8: changes when the index passes to another DIP, so that an old flow entry cannot reach a stranger */
export const BACKEND_GENERATION = 96;
/** u8: 0 free, 1 in use */
export const BACKEND_STATE = 97;
/** u8: KIND_… of the template */
export const BACKEND_KIND = 98;
/** u32: one's complement sum of the template's IPv4 header, in the byte order of the memory; 0 without one */
export const BACKEND_HEADER_SUM = 100;
/** u64 */
export const BACKEND_PACKETS = 104;
/** u64, of the inner IP packets */
export const BACKEND_BYTES_TOTAL = 112;
export const BACKEND_BYTES = 128;
export const BACKEND_COUNT_MAX = 65535;

/** Bit 0: GRE in place of UDP and VXLAN. Bit 1: IPv6 in place of IPv4. */
export const KIND_VXLAN_4 = 0;
export const KIND_NVGRE_4 = 1;
export const KIND_VXLAN_6 = 2;
export const KIND_NVGRE_6 = 3;

/** The template of VXLAN over IPv4. */
export const TEMPLATE_BYTES = 64;
/** Bytes in front of the inner IP packet when the link is bare: the same less its outer Ethernet header. */
export const TEMPLATE_BARE_BYTES = 50;
/** The longest template: VXLAN over IPv6. */
export const TEMPLATE_BYTES_MAX = 84;

// ---------------------------------------------------------------------------------------------------------------
// Ring member: what ringBuild needs of one backend.
//
//   0        4      8        12     16        20
//   | offset | skip | weight | turn | backend |

/** u32: the member's first choice of slot, below the slot count; ringBuild advances it along the permutation */
export const RING_MEMBER_OFFSET = 0;
/** u32: 1..slot count - 1 */
export const RING_MEMBER_SKIP = 4;
/** u32: 1..65535 */
export const RING_MEMBER_WEIGHT = 8;
/** u32: weight saved up towards the next turn; must be 0 when ringBuild is called */
export const RING_MEMBER_TURN = 12;
/** u32: index of the backend */
export const RING_MEMBER_BACKEND = 16;
export const RING_MEMBER_BYTES = 20;
/** A slot that no member may own: the ring is empty. */
export const RING_SLOT_EMPTY = 0xffff;

// ---------------------------------------------------------------------------------------------------------------
// Flow bucket: four flows in one cache line, keys in front, so that one compare finds the way.
//
//   0       8       16      24      32        40        48        56        64
//   | key 0 | key 1 | key 2 | key 3 | value 0 | value 1 | value 2 | value 3 |
//
//   key   IPv4 { source address net u32, source port net u16, destination port net u16 }; class 3 has the protocol number
//         (u32) in place of the ports. IPv6: the flow hash.
//   value { service:16 | backend:16 | generation:8 | class:2 | state:3 | ticks:19 }, low bits first; 0 is an empty way

export const FLOW_WAYS = 4;
export const FLOW_BUCKET_BYTES = 64;
export const FLOW_VALUES = 32;
/** Bits of a value: where each field but the service (0) begins. */
export const FLOW_BACKEND_SHIFT = 16;
export const FLOW_GENERATION_SHIFT = 32;
export const FLOW_CLASS_SHIFT = 40;
export const FLOW_STATE_SHIFT = 42;
export const FLOW_TICKS_SHIFT = 45;
export const FLOW_TICKS_MASK = 0x7ffff;

/** Classes: services may take several protocols, and a key does not name them all. Never 0 in a value that is in use. */
export const FLOW_CLASS_TCP = 1;
export const FLOW_CLASS_UDP = 2;
export const FLOW_CLASS_OTHER = 3;

/** A SYN was seen, and nothing else. */
export const FLOW_HALF_OPEN = 0;
/** A packet that is no SYN was seen. */
export const FLOW_SEEN_ONCE = 1;
/** Another one, in another tick. */
export const FLOW_SEEN_TWICE = 2;
/** A third one, in a third tick: not evicted for a new flow as long as it lives. */
export const FLOW_TRUSTED = 3;
/** A FIN was seen. */
export const FLOW_CLOSING = 4;
/** A RST was seen. */
export const FLOW_RESET = 5;

/** Ticks a flow may be idle in these states, where its rule allows as much. */
export const FLOW_HALF_OPEN_TICKS = 30;
export const FLOW_CLOSING_TICKS = 60;
export const FLOW_RESET_TICKS = 4;
/** No rule of a MUX allows more: 19 bits of ticks must tell young from old between two visits of the sweep. */
export const FLOW_IDLE_TICKS_MAX = 0xffff;
/** In so many ticks the sweep visits every bucket: dead flows that nobody asks for count against their quota until then. */
export const FLOW_SWEEP_TICKS = 64;

// A flow on its way out of a table: the flow's key, and its value with its age in place of ticks and no generation.

export const FLOW_EXPORT_KEY = 0;
export const FLOW_EXPORT_VALUE = 8;
export const FLOW_EXPORT_BYTES = 16;

// A flow on its way into one: as it came out of the other, but with the numbers this one has for service and backend.

export const FLOW_IMPORT_KEY = 0;
export const FLOW_IMPORT_VALUE = 8;
/** net u32: the VIP, which key and value lack and the bucket depends on; 0 for IPv6, whose key is the hash */
export const FLOW_IMPORT_VIP = 16;
export const FLOW_IMPORT_BYTES = 24;

// ---------------------------------------------------------------------------------------------------------------
// NIC entry: MAC address → local VM. Open addressing, linear probing.
//
//   0     6       8     12      16
//   | MAC | state | VNI | index |

export const NIC_MAC = 0;
/** u16: 0 empty, 1 taken */
export const NIC_STATE = 6;
export const NIC_VNI = 8;
export const NIC_INDEX = 12;
export const NIC_BYTES = 16;

// ---------------------------------------------------------------------------------------------------------------
// Translation table: four kinds of entries of a NIC. Open addressing, linear probing.
//
//   0         4      6          7      8           12             14      15      16    20           24           28     32
//   | address | port | protocol | kind | address 2 | backend port | flags | spare | NIC | idle ticks | first rule | rules |
//
//   kind         address, port and protocol   address 2
//   translation  VIP, port, protocol          DIP
//   VIP          VIP, 0, 0                    0
//   local        DIP, 0, 0                    VIP of its instance-level public IP
//   answer       DIP, backend port, TCP       VIP; "backend port" is that of the VIP
//
// "address": an IPv4 address as it lies in memory, or the word that stands for an IPv6 address.

export const TRANSLATION_VIP = 0;
export const TRANSLATION_PORT = 4;
export const TRANSLATION_PROTOCOL = 6;
/** u8: the family, 4 or 6, plus TRANSLATION_KIND_…; 0 is an empty entry */
export const TRANSLATION_KIND = 7;
/** address: 0 leaves the address alone (floating IP) */
export const TRANSLATION_DIP = 8;
/** net u16: 0 keeps the port of the packet */
export const TRANSLATION_BACKEND_PORT = 12;
/** u8: TRANSLATION_FLAG_… */
export const TRANSLATION_FLAGS = 14;
export const TRANSLATION_NIC = 16;
export const TRANSLATION_IDLE_TICKS = 20;
/** u32: index of the first SNAT rule of a local address */
export const TRANSLATION_RULE_FIRST = 24;
/** u32: how many of them follow each other */
export const TRANSLATION_RULE_COUNT = 28;
export const TRANSLATION_BYTES = 32;
export const TRANSLATION_KIND_TRANSLATION = 0;
/** Says that a VIP may reach the NIC. */
export const TRANSLATION_KIND_VIP = 0x40;
/** An address of the VM, and what it is outside. */
export const TRANSLATION_KIND_LOCAL = 0x80;
/** A port of the VM that only one VIP and port lead to: what it answers with is known without the connection. */
export const TRANSLATION_KIND_ANSWER = 0xc0;
/** Both ends of a TCP connection that was idle for too long get a RST. */
export const TRANSLATION_FLAG_TCP_RESET = 1;
/** The VIP is an instance-level public IP; of a local address: it has one. */
export const TRANSLATION_FLAG_INSTANCE = 2;
/** Of a VIP: outbound connections of the NIC leave from it. */
export const TRANSLATION_FLAG_SNAT = 4;

// ---------------------------------------------------------------------------------------------------------------
// SNAT rule: under which address and ports connections of a local address leave.
//
//   0     4             8             12           16           18         19      20      24          32          40         48
//   | VIP | first range | range count | port count | idle ticks | protocol | flags | spare | allocated | exhausted | reserved |

/** address */
export const SNAT_RULE_VIP = 0;
/** u32: index of its first range */
export const SNAT_RULE_RANGE_FIRST = 4;
export const SNAT_RULE_RANGE_COUNT = 8;
/** u32: ports of all its ranges */
export const SNAT_RULE_PORT_COUNT = 12;
export const SNAT_RULE_IDLE_TICKS = 16;
/** u8: IP protocol, 0 for TCP, UDP and pings */
export const SNAT_RULE_PROTOCOL = 18;
/** u8: TRANSLATION_FLAG_TCP_RESET or 0 */
export const SNAT_RULE_FLAGS = 19;
/** u64: connections that were given a port of this rule */
export const SNAT_RULE_ALLOCATED = 24;
/** u64: connections for which this rule had no port */
export const SNAT_RULE_EXHAUSTED = 32;
export const SNAT_RULE_BYTES = 48;

/** u32 u32 in the byte order of the machine: first port, port count */
export const SNAT_RANGE_BYTES = 8;

// ---------------------------------------------------------------------------------------------------------------
// Exemption: destinations local VMs reach under their own address. The list ends at the first one of family 0.
//
//   0         16     32    36       40
//   | address | mask | VNI | family |

/** net 16 bytes: an IPv4 address has 4, and 12 zeros behind it; so has its mask */
export const EXEMPTION_ADDRESS = 0;
export const EXEMPTION_MASK = 16;
/** u32: NO_INDEX for every tenant network */
export const EXEMPTION_VNI = 32;
/** u32: 4 or 6; 0 ends the list */
export const EXEMPTION_FAMILY = 36;
export const EXEMPTION_BYTES = 40;

/** An IPv6 address in REGION_ADDRESS_VALUES, as it lies on the wire. */
export const ADDRESS_VALUE_BYTES = 16;

// ---------------------------------------------------------------------------------------------------------------
// NAT flow bucket: four flows of 64 bytes. The key is what a packet shows that belongs to the flow.
//
//   0            16      20            22           24    26         27     28
//   | remote net | local | remote port | local port | NIC | protocol | kind |                          key
//   | VIP | VIP port | state | flags | idle ticks | spare | ticks | remote ack | local ack | twin | fastpath | | value
//   28    32         34      35      36           38      40      44           48          52     56         60 64
//
// An outbound connection has two entries. The one of the VM's side holds the flow; the outside one (its local end is
// the VIP and the leased port, its value the DIP and the VM's port) only leads to it.

/** net 16 bytes: an IPv4 address has 4, and 12 zeros behind it */
export const NAT_FLOW_REMOTE_ADDRESS = 0;
/** address: of the VM, or with a floating IP the VIP */
export const NAT_FLOW_LOCAL_ADDRESS = 16;
/** net u16 */
export const NAT_FLOW_REMOTE_PORT = 20;
/** net u16: the identifier of a ping */
export const NAT_FLOW_LOCAL_PORT = 22;
export const NAT_FLOW_NIC = 24;
/** u8: IP protocol */
export const NAT_FLOW_PROTOCOL = 26;
/** u8: the family, 4 or 6, plus NAT_FLOW_KIND_…; 0 is a free place */
export const NAT_FLOW_KIND = 27;
/** address: what takes the place of the local one */
export const NAT_FLOW_VIP = 28;
/** net u16 */
export const NAT_FLOW_VIP_PORT = 32;
/** u8: NAT_FLOW_NEW … NAT_FLOW_RESET */
export const NAT_FLOW_STATE = 34;
/** u8: NAT_FLOW_FLAG_… */
export const NAT_FLOW_FLAGS = 35;
/** u16: idle timeout of the rule */
export const NAT_FLOW_IDLE_TICKS = 36;
/** u32: when the last packet came, either way */
export const NAT_FLOW_TICKS = 40;
/** net u32: the last acknowledgment number seen from the remote end; kept when the rule resets idle connections */
export const NAT_FLOW_REMOTE_ACK = 44;
/** net u32: the last one seen from the VM */
export const NAT_FLOW_LOCAL_ACK = 48;
/** u32: address of the other entry of an outbound connection; 0 for an inbound one */
export const NAT_FLOW_TWIN = 52;
/** u32: address of its Fastpath entry, to be believed when that names this flow; 0 without one */
export const NAT_FLOW_FASTPATH = 56;
export const NAT_FLOW_BYTES = 64;
export const NAT_FLOW_WAYS = 4;
export const NAT_FLOW_BUCKET_BYTES = 256;
/** Looked up with packets of the VM. */
export const NAT_FLOW_KIND_VM = 0;
/** Looked up with packets for a leased port. */
export const NAT_FLOW_KIND_OUTSIDE = 0x80;
/** Who was called has not answered yet: such a flow may be evicted. */
export const NAT_FLOW_NEW = 1;
export const NAT_FLOW_REPLIED = 2;
/** One end has sent FIN. */
export const NAT_FLOW_CLOSING = 3;
/** One end has sent RST. */
export const NAT_FLOW_RESET = 4;
/** Both ends get a RST when a TCP connection was idle for too long. */
export const NAT_FLOW_FLAG_TCP_RESET = 1;
/** The VM talks to its own VIP: the remote end is the VIP and the VM's own port. */
export const NAT_FLOW_FLAG_HAIRPIN = 2;
/** The VM has got its RST, and the other end is still to get one. */
export const NAT_FLOW_FLAG_TOLD = 4;

// ---------------------------------------------------------------------------------------------------------------
// Peer: another machine of ours as a host agent knows it for Fastpath, found by its provider address: a backend record
// (drawn there) whose template has the place of VNI and VM MAC address zero. Open addressing, linear probing.

/** u8: PEER_… ; it takes the place of the state: 0 is an empty place */
export const PEER_ROLES = 97;
/** Its VMs are reached in tunnels to it: the template is there. */
export const PEER_HOST = 1;
/** It may send redirects. */
export const PEER_MUX = 2;

// ---------------------------------------------------------------------------------------------------------------
// Fastpath entry: where packets of a NAT flow go straight to. Four in a set of REGION_FASTPATHS.
//
//   0        6       8     12     16      20     24      28        29      32
//   | VM MAC | spare | VNI | peer | flow | ticks | asked | is asked | spare |

/** 6 bytes */
export const FASTPATH_MAC = 0;
export const FASTPATH_VNI = 8;
/** u32: address of the peer the VM is on */
export const FASTPATH_PEER = 12;
/** u32: address of the flow it is of; 0 is an empty entry */
export const FASTPATH_FLOW = 16;
/** u32: when the redirect came */
export const FASTPATH_TICKS = 20;
/** u32: when the first data was sent that nothing has answered yet */
export const FASTPATH_ASKED_TICKS = 24;
/** u8: 1 when there is such data */
export const FASTPATH_IS_ASKED = 28;
export const FASTPATH_BYTES = 32;
export const FASTPATH_WAYS = 4;
export const FASTPATH_SET_BYTES = 128;
/** So long it is obeyed; then the MUX sees a packet again, and tells both hosts anew. */
export const FASTPATH_TICKS_MAX = 30;
/** So long data may stay without an answer: the VM may have moved away. */
export const FASTPATH_ASKED_TICKS_MAX = 3;

// ---------------------------------------------------------------------------------------------------------------
// Decision: what a host agent is to do with the packet in hand. hostExplain leaves it, completed, as its answer.
//
//   0        1       2      4         8      12     16     20              24    28         32
//   | action | flags | port | address | flow | rule | peer | local address | VNI | outer IP |
//   | verdict | reason | family | protocol | from VM | spare | NIC | spare | IP | L4 | age | fastpath | spare |
//   32        33       34       35         36        37      40    42      44   48   52    56         60      64

/** Where it lies: one, as a host agent decides about a packet when its turn comes. */
export const FIXED_DECISION = 71936;

/** u8: ACTION_… */
export const DECISION_ACTION = 0;
/** u8: DECISION_FLAG_… */
export const DECISION_FLAGS = 1;
/** net u16: the port or identifier that our end gets; without meaning where it keeps its own */
export const DECISION_PORT = 2;
/** address: what our end gets: the DIP on the way in, the VIP on the way out */
export const DECISION_ADDRESS = 4;
/** u32: address of the flow the packet belongs to, 0 when the table has none; not alive with ACTION_LEASE */
export const DECISION_FLOW = 8;
/** u32: address of the translation or the SNAT rule that decided; 0 without one */
export const DECISION_RULE = 12;
/** address: with ACTION_TRANSLATE the VIP, which the other end gets in a hairpin; else what it gets, 0 to leave it alone */
export const DECISION_PEER = 16;
/** u32: address of the entry of the local address that calls out or has a public IP of its own; else 0 */
export const DECISION_LOCAL = 20;
/** u32: of the tunnel the packet came in; explain finds NO_INDEX without one */
export const DECISION_VNI = 24;
/** u32: address of the outer IP header, 0 without one */
export const DECISION_OUTER_IP = 28;
/** u8: VERDICT_…; this and all that follows is written by hostExplain only */
export const DECISION_VERDICT = 32;
/** u8: REASON_… */
export const DECISION_REASON = 33;
/** u8: 4 or 6: of the packet, once its header has been checked; 0 before */
export const DECISION_FAMILY = 34;
/** u8: IP protocol */
export const DECISION_PROTOCOL = 35;
/** u8: 1 for a packet of a VM */
export const DECISION_FROM_VM = 36;
/** u16: index of the NIC */
export const DECISION_NIC = 40;
/** u32: address of the IP header of the packet */
export const DECISION_IP = 44;
/** u32: address of its ports or its ICMP message, 0 where they are not there */
export const DECISION_L4 = 48;
/** u32: ticks since the last packet of the flow */
export const DECISION_AGE = 52;
/** u32: address of the Fastpath entry by which the packet leaves, 0 for one that takes the way by the gateway */
export const DECISION_FASTPATH = 56;
export const DECISION_BYTES = 64;

/** Nothing but the verdict. */
export const ACTION_NONE = 0;
/** In: a translation takes it; the connection is remembered. */
export const ACTION_TRANSLATE = 1;
/** In: it comes back for a connection from a leased port. */
export const ACTION_RETURN = 2;
/** In: only the address is new, of an instance-level public IP or of a later fragment. */
export const ACTION_READDRESS_IN = 3;
/** In: an ICMP error. */
export const ACTION_ERROR_IN = 4;
/** Out: a connection of the table. */
export const ACTION_FLOW = 5;
/** Out: a new connection, from a leased port; without a rule none was free. */
export const ACTION_LEASE = 6;
/** Out: only the address is new. */
export const ACTION_READDRESS_OUT = 7;
/** Out: an ICMP error. */
export const ACTION_ERROR_OUT = 8;
/** In: a Fastpath redirect, which lies at DECISION_ADDRESS, about the flow, to the peer that is DECISION_RULE. */
export const ACTION_REDIRECT = 9;
/** Out: of a connection that began at another host; nothing is remembered. */
export const ACTION_ANSWER = 10;

/** Both ends are the same VM: the packet goes to it, whichever way it came. */
export const DECISION_FLAG_HAIRPIN = 1;
/** The flow has the packet's connection, and is alive. */
export const DECISION_FLAG_KNOWN = 2;

/** 32 bytes of FIXED_STATE: the key of an outside entry while a leased port is looked for. */
export const STATE_SNAT_KEY = 448;
/** 32 bytes of FIXED_STATE: the key of the flow that the packet an ICMP error quotes is of. */
export const STATE_QUOTED_KEY = 480;

// ---------------------------------------------------------------------------------------------------------------
// Parsed record: what the stages of a pipeline hand each other about one frame.
//
//   0    4    8        12         16     24    32       36        40        44        48          52    56     60         64
//   | IP | L4 | length | VLAN tag | hash | key | bucket | service | outcome | backend | ring slot | how | flow | inner tag |
//
//   outcome { verdict u8, reason u8, protocol u8, TCP flags u8 }
//   how     { source u8, family u8, leased port net u16 }

/** u32: address of the IP header */
export const PARSED_IP = 0;
/** u32: address of the header behind IP's, once that header has been checked; 0 before */
export const PARSED_L4 = 4;
/** u32: total length of the IP packet */
export const PARSED_IP_LENGTH = 8;
/** u32: VLAN tag (TPID and TCI as they came), the outer one of two; 0 without one */
export const PARSED_VLAN_TAG = 12;
/** u64: flow hash of the 5-tuple */
export const PARSED_HASH = 16;
/** u64: key in the flow table */
export const PARSED_KEY = 24;
/** u32: address of the flow bucket; a harmless address for a frame that has none */
export const PARSED_BUCKET = 32;
/** u32: index of the service, or NO_INDEX */
export const PARSED_SERVICE = 36;
/** u8: VERDICT_… known so far */
export const PARSED_VERDICT = 40;
/** u8: REASON_… */
export const PARSED_REASON = 41;
/** u8: IP protocol, of IPv6 the one behind the extension headers; 0 when not known */
export const PARSED_PROTOCOL = 42;
/** u8: TCP flags, 0 for other protocols */
export const PARSED_TCP_FLAGS = 43;
/** u32: index of the backend, or NO_INDEX */
export const PARSED_BACKEND = 44;
/** u32: slot of the ring that was read, or NO_INDEX */
export const PARSED_RING_SLOT = 48;
/** u8: SOURCE_… : how the backend was found */
export const PARSED_SOURCE = 52;
/** u8: 4 or 6 */
export const PARSED_FAMILY = 53;
/** net u16: the port of the VIP that names the backend, with SOURCE_SNAT */
export const PARSED_LEASED_PORT = 54;
/** u32: address of the flow's value in its bucket, 0 when the table does not know the flow */
export const PARSED_FLOW = 56;
/** u32: the inner one of two VLAN tags, else 0 */
export const PARSED_VLAN_TAG_INNER = 60;
export const PARSED_BYTES = 64;

/** No backend was looked for. */
export const SOURCE_NONE = 0;
/** The service has one fixed backend. */
export const SOURCE_FIXED = 1;
/** The ring chose. */
export const SOURCE_RING = 2;
/** The flow table remembered. */
export const SOURCE_FLOW = 3;
/** The destination port is leased to a DIP for its outbound connections. */
export const SOURCE_SNAT = 4;
/** The first fragment of the datagram went there. */
export const SOURCE_FRAGMENT = 5;
/** As SOURCE_FLOW and SOURCE_RING, of the connection an ICMP error is about: nothing is remembered. */
export const SOURCE_QUOTED_FLOW = 6;
export const SOURCE_QUOTED_RING = 7;
/** muxExplain only: as SOURCE_FLOW, and both hosts are told to send to each other. */
export const SOURCE_FLOW_REDIRECTED = 8;

// ---------------------------------------------------------------------------------------------------------------
// State: offsets from FIXED_STATE.

/** 32 bytes: the quote that was read last, QUOTE_…; muxExplain leaves that of the packet it was asked about */
export const STATE_QUOTE = 256;
/** 48 bytes: key of the datagram of the fragment at hand, DATAGRAM_… */
export const STATE_DATAGRAM_KEY = 288;
/** u32: kept fragments */
export const STATE_HELD_COUNT = 336;
/** u32: milliseconds of the call, as its caller has them */
export const STATE_NOW_MS = 340;
/** 64 × u8: which records they are in, in order of arrival */
export const STATE_HELD_ORDER = 352;
/** 40 bytes: an IP header of which only the addresses mean anything: from a client to a VIP */
export const STATE_REVERSED_IP = 432;
/** u32: 1 when a kept fragment may go on: its datagram was pinned, or there was no slot for it */
export const STATE_HELD_IS_DUE = 424;
/** u32: tick of the last call that looked for kept fragments to be given up */
export const STATE_HELD_TICKS = 428;
/** u32: thousandths of a token spent on telling senders about the MTU, at STATE_TOLD_MS */
export const STATE_TOLD_SPENT = 416;
/** u32: milliseconds */
export const STATE_TOLD_MS = 420;

// ---------------------------------------------------------------------------------------------------------------
// Quote: the packet an ICMP error is about.
//
//   0    4    8     12            14                 16       17         18         19      32
//   | IP | L4 | end | source port | destination port | family | protocol | is later | spare |

/** u32: address of the quoted IP header */
export const QUOTE_IP = 0;
/** u32: address of what is behind it and its extension headers */
export const QUOTE_L4 = 4;
/** u32: address of the first byte that is not quoted any more */
export const QUOTE_END = 8;
/** net u16: 0 without ports; the identifier of an echo request */
export const QUOTE_SOURCE_PORT = 12;
/** net u16: 0 without ports */
export const QUOTE_DESTINATION_PORT = 14;
/** u8: 4 or 6, 0 when no quote has been read */
export const QUOTE_FAMILY = 16;
/** u8: IP protocol */
export const QUOTE_PROTOCOL = 17;
/** u8: 1 for a fragment that is not the first one of its datagram */
export const QUOTE_IS_LATER = 18;
export const QUOTE_BYTES = 32;

// ---------------------------------------------------------------------------------------------------------------
// Datagram: what its fragments share. Four in a set of REGION_FRAGMENTS.
//
//   0      8        24            40   44    46         47       48      52         53            64      96       128
//   | hash | source | destination | id | NIC | protocol | family | ticks | poisoned | range count | value | ranges |
//
//   key { hash … family }; an IPv4 address has 12 bytes of zeros behind it

/** u64: keyed hash of the rest of the key */
export const DATAGRAM_HASH = 0;
/** net 16 bytes */
export const DATAGRAM_SOURCE = 8;
/** net 16 bytes */
export const DATAGRAM_DESTINATION = 24;
/** net u16 or u32: identification */
export const DATAGRAM_ID = 40;
/** u16: index of the local VM on a host agent, 0 on a MUX */
export const DATAGRAM_NIC = 44;
/** u8 */
export const DATAGRAM_PROTOCOL = 46;
/** u8: 4 or 6; 0 is an empty record */
export const DATAGRAM_FAMILY = 47;
export const DATAGRAM_KEY_BYTES = 48;
/** u32: when its first fragment came */
export const DATAGRAM_TICKS = 48;
/** u8: 1 when two of its fragments overlapped */
export const DATAGRAM_IS_POISONED = 52;
/** u8: 0..8 */
export const DATAGRAM_RANGE_COUNT = 53;
/** 32 bytes: PIN_… on a MUX, the new address on a host agent */
export const DATAGRAM_VALUE = 64;
/** 8 × { first u16, end u16 } in units of 8 bytes */
export const DATAGRAM_RANGES = 96;
export const DATAGRAM_BYTES = 128;
export const DATAGRAM_RANGE_COUNT_MAX = 8;

// Pin: the value of a datagram on a MUX.
//
//   0      8         12        16           17      32
//   | hash | service | backend | generation | spare |

/** u64: flow hash of its first fragment */
export const PIN_HASH = 0;
/** u32: index of the service, or NO_INDEX */
export const PIN_SERVICE = 8;
/** u32: index of the backend */
export const PIN_BACKEND = 12;
/** u8: which the backend had */
export const PIN_GENERATION = 16;
export const PIN_BYTES = 32;

/** A record, and a kept fragment, is given up once it is so old. */
export const DATAGRAM_TICKS_MAX = 30;
export const DATAGRAM_WAYS = 4;
export const FRAGMENT_SET_BYTES = 512;

// ---------------------------------------------------------------------------------------------------------------
// Kept fragment: a frame as it came, until the first fragment of its datagram is here.
//
//   0     48       52      56     57      64      2112
//   | key | length | ticks | link | spare | frame |

/** 48 bytes: DATAGRAM_… of its datagram */
export const HELD_KEY = 0;
/** u32: bytes of the frame, 0 in an empty record */
export const HELD_LENGTH = 48;
/** u32: when it came */
export const HELD_TICKS = 52;
/** u8: LINK_… */
export const HELD_LINK = 56;
export const HELD_FRAME = 64;
export const HELD_FRAME_BYTES_MAX = 2048;
export const HELD_BYTES = 2112;
export const HELD_COUNT_MAX = 64;
