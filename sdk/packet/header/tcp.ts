/**
 * TCP header, RFC 9293 section 3.1: 20 bytes and up to 40 of options (tcp-options.ts).
 *
 *   | source port 16 | destination port 16 |
 *   | sequence 32 |
 *   | acknowledgment 32 |
 *   | data offset 4 | reserved 4 | CWR ECE URG ACK PSH RST SYN FIN | window 16 |
 *   | checksum 16 | urgent pointer 16 |
 *   | options … |
 */

import { cutHeader, type Fields, fits, type Header, layerAt, malformedHeader, type Region } from '../layer.js';
import { checksumNote, transportChecksumFields } from './checksum.js';
import { PROTOCOL_TCP } from './ip-protocol.js';
import { describeTcpOptions, readTcpOptions } from './tcp-options.js';

const HEADER_BYTES_MIN = 20;

/** RFC 792 promises the first eight bytes behind the IP header in a quote: the ports and the sequence number. */
const QUOTED_BYTES_MIN = 8;

/** From the lowest bit of the flags byte up, as tcpdump letters them. */
const FLAG_LETTERS = 'FSRP.UEW';

/** TCP; what it carries is only counted. */
export const tcp: Header = {
  decode(region) {
    if (!fits(region, HEADER_BYTES_MIN)) return decodeBeginning(region);
    const { view, offset } = region;
    const dataOffset = (view.getUint8(offset + 12) >> 4) * 4;
    if (dataOffset < HEADER_BYTES_MIN) return malformedHeader('tcp', region, `data offset ${dataOffset}`);
    const flags = view.getUint8(offset + 13);
    const fields: Fields = {
      ...readPorts(region),
      sequence: view.getUint32(offset + 4),
      acknowledgment: view.getUint32(offset + 8),
      flags: [...FLAG_LETTERS].filter((_, bit) => (flags >> bit) & 1).join(''),
      window: view.getUint16(offset + 14),
      urgentPointer: view.getUint16(offset + 18),
      length: Math.max(0, region.wireEnd - offset - dataOffset),
    };
    if (!fits(region, dataOffset)) {
      return cutHeader('tcp', region, dataOffset, { ...fields, checksum: view.getUint16(offset + 16) });
    }
    return {
      layer: layerAt('tcp', region, dataOffset, {
        ...fields,
        ...transportChecksumFields(region, region.wireEnd, offset + 16, { protocol: PROTOCOL_TCP }),
        ...readTcpOptions(view, offset + HEADER_BYTES_MIN, offset + dataOffset),
      }),
    };
  },

  describe({ fields }) {
    if (fields.flags === undefined) return '';
    const flags = String(fields.flags);
    const first = Number(fields.sequence);
    const length = Number(fields.length);
    const options = describeTcpOptions(fields);
    return [
      `Flags [${flags === '' ? 'none' : flags}]${checksumNote(fields)}`,
      length === 0 ? `seq ${first}` : `seq ${first}:${(first + length) >>> 0}`,
      flags.includes('.') ? `ack ${fields.acknowledgment}` : '',
      `win ${fields.window}`,
      flags.includes('U') ? `urg ${fields.urgentPointer}` : '',
      options === '' ? '' : `options [${options}]`,
      `length ${length}`,
    ]
      .filter(Boolean)
      .join(', ');
  },
};

/** What can be said of a header cut short: its ports, and of a quoted one the sequence number too. */
function decodeBeginning(region: Region) {
  const { view, offset } = region;
  if (region.quoted && fits(region, QUOTED_BYTES_MIN)) {
    const fields = { ...readPorts(region), sequence: view.getUint32(offset + 4) };
    return { layer: layerAt('tcp', region, QUOTED_BYTES_MIN, fields) };
  }
  return cutHeader('tcp', region, HEADER_BYTES_MIN, fits(region, 4) ? readPorts(region) : {});
}

function readPorts({ view, offset }: Region) {
  return { sourcePort: view.getUint16(offset), destinationPort: view.getUint16(offset + 2) };
}
