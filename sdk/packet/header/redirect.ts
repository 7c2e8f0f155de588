/**
 * Fastpath redirect: 88 bytes in UDP port 8571, from a MUX to a host (assembly/wire/redirect.ts).
 *
 *   0       4         5        6          7      8        24    40            42         44    48
 *   | EMRD  | version | family | protocol | side | client | VIP | client port | VIP port | VNI | provider address |
 *   | MAC   | family  | 0      | our MAC  | 0    | tag |
 *   64      70        71       72         78     80    88
 */

import { formatIp, hostText } from '../../net/address.js';
import { hexText } from '../../net/bytes.js';
import { formatMac } from '../../net/mac.js';
import { cutHeader, fits, type Header, layerAt, malformedHeader, type Region } from '../layer.js';

const MESSAGE_BYTES = 88;
const VERSION = 1;
const SIDES = ['caller', 'called'] as const;

/** A message of a MUX; whether its tag is right only machines of the fabric can say. */
export const redirect: Header = {
  decode(region) {
    if (!fits(region, MESSAGE_BYTES)) return cutHeader('redirect', region, MESSAGE_BYTES);
    const { view, offset } = region;
    const version = view.getUint8(offset + 4);
    if (version !== VERSION) return malformedHeader('redirect', region, `version ${version}`);
    const family = view.getUint8(offset + 5);
    const side = view.getUint8(offset + 7);
    const fields = {
      version,
      protocol: view.getUint8(offset + 6),
      side: SIDES[side] ?? String(side),
      client: addressAt(region, 8, family),
      clientPort: view.getUint16(offset + 40),
      vip: addressAt(region, 24, family),
      vipPort: view.getUint16(offset + 42),
      vni: view.getUint32(offset + 44),
      providerAddress: addressAt(region, 48, view.getUint8(offset + 70)),
      macAddress: formatMac(bytesAt(region, 64, 6)),
      ownMacAddress: formatMac(bytesAt(region, 72, 6)),
      tag: hexText(bytesAt(region, 80, 8), ''),
    };
    return { layer: layerAt('redirect', region, MESSAGE_BYTES, fields) };
  },

  describe({ fields }) {
    const connection = `${end(fields.client, fields.clientPort)} > ${end(fields.vip, fields.vipPort)}`;
    const [told, other] = fields.side === 'caller' ? ['caller', 'called VM'] : ['called VM', 'caller'];
    const place = `${fields.macAddress} in vni ${fields.vni} at ${fields.providerAddress}`;
    return `Fastpath redirect of ${connection}: ${told} ${fields.ownMacAddress}, ${other} ${place}`;
  },
};

function addressAt(region: Region, at: number, family: number): string {
  return formatIp(bytesAt(region, at, family === 6 ? 16 : 4));
}

function bytesAt({ view, offset }: Region, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset + at, length).slice();
}

function end(address: unknown, port: unknown): string {
  return `${hostText(String(address))}:${port}`;
}
