/**
 * A port is opened in two steps. The main thread attaches to the interface: program, maps, device, whatever there is one of.
 * Then every data plane thread opens its queue by a plan, which is plain data and crosses threads; descriptors in it are
 * those of the process.
 */
import type { FrameSelection, PortInterface, PortSide } from '../../packet-port.js';

/** `xdp:eth0`, `packet:eth0`, `tun:mux0`, `tap:vm0`, `udp`, `pcap:in.pcap`, each with options. */
export interface PortSpec {
  /** As it was given. */
  readonly text: string;
  readonly kind: 'xdp' | 'packet' | 'tun' | 'tap' | 'udp' | 'pcap';
  /** Name of the interface or device, path of the capture; empty for `udp`. */
  readonly target: string;
  /** `mode=native`, … as given; the names each kind takes are in port-spec.ts. */
  readonly options: Readonly<Record<string, string>>;
}

/** What an attachment has to know beside the spec. */
export interface AttachOptions {
  readonly side: PortSide;
  /** Data plane threads that are to share the port; kinds that cannot be shared say so. */
  readonly queueCount: number;
  /** Provider addresses of this machine: what `udp` binds, and what `tun` sends from. */
  readonly providerAddresses: readonly string[];
  /** Bytes of the longest IP packet that must fit the interface; 0 when that does not matter. */
  readonly mtuBytesMin: number;
}

/** What one thread needs to open its port. Plain data. */
export type PortPlan = XdpPlan | PacketPlan | DevicePlan | UdpPlan | PcapPlan;

interface PlanOfAny {
  readonly name: string;
  readonly side: PortSide;
  readonly interface: PortInterface | undefined;
}

export interface XdpPlan extends PlanOfAny {
  readonly kind: 'xdp';
  readonly interface: PortInterface;
  readonly queue: number;
  /** The XSKMAP of the interface, where the socket goes under its queue. */
  readonly socketMap: number;
  readonly isGeneric: boolean;
  /** `undefined`: as the driver can. */
  readonly isZeroCopy: boolean | undefined;
}

export interface PacketPlan extends PlanOfAny {
  readonly kind: 'packet';
  readonly interface: PortInterface;
  /** The AF_PACKET socket, bound, filtered, in its fanout group. */
  readonly descriptor: number;
}

export interface DevicePlan extends PlanOfAny {
  readonly kind: 'tun' | 'tap';
  readonly interface: PortInterface;
  /** The queue of the device. */
  readonly descriptor: number;
  readonly hasVirtioHeader: boolean;
  /** Nothing is received by it: the device that takes what passes a host agent. */
  readonly isWriteOnly: boolean;
}

export interface UdpPlan extends PlanOfAny {
  readonly kind: 'udp';
  readonly interface: undefined;
  readonly descriptor: number;
  readonly localAddress: string;
}

export interface PcapPlan extends PlanOfAny {
  readonly kind: 'pcap';
  readonly interface: undefined;
  readonly inputPath: string | undefined;
  readonly outputPath: string | undefined;
}

/** An interface that ports can be opened on. */
export interface PortAttachment {
  readonly name: string;
  readonly interface: PortInterface | undefined;
  /** One per queue. */
  readonly plans: readonly PortPlan[];
  /** Warnings for whoever started this: `no native XDP in this driver: generic is slower`. */
  readonly notes: readonly string[];
  /** What is taken from the kernel from now on. */
  select(selection: FrameSelection): void;
  /** Gives the interface back; ports of it have been closed before. */
  close(): void;
}
