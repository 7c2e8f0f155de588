/**
 * `edgemux/packet`: captures in and out (`readCapture`, `PcapWriter`), and packets in words (`describe`, `layers`).
 *
 * Works on Uint8Array alone, and so in Node, Deno, browsers and workers alike.
 */

export {
  buildIp,
  buildTcp,
  buildUdp,
  type FlowEnd,
  type IpPacket,
  type PacketEnds,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  type TcpSegment,
  withEthernet,
} from './build.js';
export { type CaptureSource, type ReadCaptureOptions, readCapture } from './capture.js';
export { changedFields, type FieldChange } from './changed-fields.js';
export { describe, describeLayers } from './describe.js';
export { firstPacketOf } from './flow-text.js';
export type { Fields, Layer, LayerName } from './layer.js';
export { type LayersOptions, layers } from './layers.js';
export {
  bareIp,
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
  linkKind,
} from './link-type.js';
export { type PcapFrame, PcapWriter, type PcapWriterOptions, writePcap } from './pcap-writer.js';
export type { CapturedFrame } from './record-reader.js';
