/** A flow given as text, as a host agent would meet it: in a tunnel to each VM it may be for, or out of the VM it is of. */
import type { FramePort } from '../dataplane/index.js';
import { canonicalIp, formatIp } from '../net/address.js';
import { ByteWriter } from '../net/bytes.js';
import { buildIp, buildUdp, withEthernet } from '../packet/index.js';
import type { HostProgram, Nic } from '../program/index.js';

/** A frame for HostAgent.explain, Ethernet. */
export interface HostFrame {
  readonly frame: Uint8Array;
  readonly port: FramePort;
}

const PROTOCOL_GRE = 47;
const VXLAN_PORT = 4789;
/** The first of the ports a MUX sends from. */
const TUNNEL_SOURCE_PORT = 49_152;
const NVGRE_FLAGS_TYPE = 0x2000_6558;
const VXLAN_FLAGS = 0x0800_0000;
/** A MAC address nobody has: whom the frame came from is not looked at. */
const SOMEBODY = '02:00:00:00:00:00';

/**
 * The frames a flow's first packet may be in, one per VM that has to do with it; none when no VM has.
 *
 * @param packet bare IP
 * @param muxAddress provider address of a MUX, of the family of the host's own
 * @param port `shared`: out of a VM when one has the source address, else from the underlay
 */
export function framesOf(packet: Uint8Array, program: HostProgram, muxAddress: string, port: FramePort): HostFrame[] {
  const { source, destination } = addressesOf(packet);
  const senders = nicsWith(program, source, 'dip');
  if (port === 'vm' || (port === 'shared' && senders.length > 0)) {
    return senders.map(({ macAddress }) => ({
      frame: withEthernet(packet, { source: macAddress, destination: program.attachment.macAddress }),
      port: 'vm',
    }));
  }
  return nicsWith(program, destination, 'vip').map((nic) => ({
    frame: tunnelled(packet, program, muxAddress, nic),
    port: 'underlay',
  }));
}

/** The NICs whose translations or outbound rules name an address. */
function nicsWith({ nics, translations, snatRules = [] }: HostProgram, address: string, as: 'vip' | 'dip'): Nic[] {
  const named = [...translations, ...snatRules].filter((each) => canonicalIp(each[as]) === address);
  return nics.filter((_, index) => named.some(({ nic }) => nic === index));
}

function tunnelled(packet: Uint8Array, program: HostProgram, muxAddress: string, nic: Nic): Uint8Array {
  const { providerAddress, macAddress } = program.attachment;
  const inner = withEthernet(packet, { source: SOMEBODY, destination: nic.macAddress });
  const outer =
    program.encapsulation === 'nvgre'
      ? buildIp({
          source: muxAddress,
          destination: providerAddress,
          protocol: PROTOCOL_GRE,
          payload: new ByteWriter()
            .u32be(NVGRE_FLAGS_TYPE)
            .u32be(nic.vni * 0x100)
            .bytes(inner)
            .toBytes(),
        })
      : buildUdp({
          source: { address: muxAddress, port: TUNNEL_SOURCE_PORT },
          destination: { address: providerAddress, port: VXLAN_PORT },
          payload: new ByteWriter()
            .u32be(VXLAN_FLAGS)
            .u32be(nic.vni * 0x100)
            .bytes(inner)
            .toBytes(),
        });
  return withEthernet(outer, { source: SOMEBODY, destination: macAddress });
}

function addressesOf(packet: Uint8Array): { source: string; destination: string } {
  const [start, length] = packet[0] >> 4 === 6 ? [8, 16] : [12, 4];
  const at = (offset: number) => formatIp(packet.slice(offset, offset + length));
  return { source: at(start), destination: at(start + length) };
}
