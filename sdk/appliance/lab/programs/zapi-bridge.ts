/**
 * Lets GoBGP 3.10 speak with zebra 8.4: takes the messages about interfaces out of the stream, and passes all others.
 *
 * The name in those messages has 16 bytes at zebra 8.4. GoBGP reads 20, takes what follows from four bytes too far on, and
 * dies of the loopback's ("slice bounds out of range", zapi.go, interfaceUpdateBody). It has no use for them: routes and
 * the resolution of next hops are other messages, and those agree.
 *
 * ZAPI header, version 6: | length u16 | marker 254 | version u8 | VRF u32 | command u16 |
 */
import { createConnection, createServer, type Socket } from 'node:net';

const HEADER_BYTES = 10;
const COMMAND_OFFSET = 8;
/** ZEBRA_INTERFACE_ADD, _DELETE, _ADDRESS_ADD, _ADDRESS_DELETE, _UP, _DOWN: 0..5. */
const INTERFACE_COMMAND_MAX = 5;

/** `node zapi-bridge.js PATH ZEBRA`: listens at PATH for GoBGP, and connects to the zebra at ZEBRA for each connection. */
const [path = '', zebraPath = ''] = process.argv.slice(2);

createServer((gobgp) => {
  const zebra = createConnection(zebraPath);
  gobgp.pipe(zebra);
  passAllButInterfaces(zebra, gobgp);
  for (const [one, other] of [
    [gobgp, zebra],
    [zebra, gobgp],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
}).listen(path);

function passAllButInterfaces(zebra: Socket, gobgp: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  zebra.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= HEADER_BYTES && rest.length >= rest.readUInt16BE(0)) {
      const message = rest.subarray(0, rest.readUInt16BE(0));
      rest = rest.subarray(message.length);
      if (message.readUInt16BE(COMMAND_OFFSET) > INTERFACE_COMMAND_MAX) gobgp.write(message);
    }
  });
}
