/** The fragments of a UDP datagram from a client to a VIP, each made by itself: they need not fit together. */
import { type FamilyKit, fragment, ip, udpBytes } from './families.js';
import { eth, type Packet } from './packet.js';

const UDP = 17;
const CLIENT_PORT = 40000;

interface PartFields {
  more?: boolean;
  id?: number;
  to?: string;
  protocol?: number;
  from?: string;
  /** Bytes behind the header that says it is a fragment. */
  length?: number;
}

interface StartFields {
  id?: number;
  to?: string;
  from?: string;
  start?: Packet;
}

interface FirstFields extends StartFields {
  port?: number;
  length?: number;
  udpLength?: number;
}

/** Makes fragments of one family. */
export function datagramOf(kit: FamilyKit) {
  const { vip, client } = kit;
  /** Eight bytes at an offset of so many units, more to come unless told otherwise. */
  const part = (offset: number, fields: PartFields = {}) => {
    const { more = true, id = 1, to = vip, protocol = UDP, from = client, length = 8 } = fields;
    return fragment(kit, [from, to], { offset, more, id }, protocol, new Uint8Array(length).fill(offset));
  };
  /** The first fragment of a datagram of any protocol. */
  const startOf = (protocol: number, payload: Uint8Array, fields: StartFields = {}) => {
    const { id = 1, to = vip, from = client, start = eth() } = fields;
    return fragment(kit, [from, to], { offset: 0, more: true, id }, protocol, payload, start);
  };
  /** The first fragment of a UDP datagram. */
  const first = ({ port = 53, length = 8, udpLength = 4000, ...rest }: FirstFields = {}) =>
    startOf(UDP, udpBytes(CLIENT_PORT, port, length, udpLength), rest);
  /** A packet of the same flow. */
  const whole = (port = 53) => ip(kit, client, vip).udp(CLIENT_PORT, port);
  return { part, startOf, first, whole };
}
