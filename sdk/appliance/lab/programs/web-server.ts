/**
 * What runs in a VM of the lab:
 *
 *   node web-server.js NAME HTTP_PORT[,HTTP_PORT] [ECHO_PORT]
 *
 *   GET /            NAME CLIENT SERVER, the addresses as the server sees them
 *   GET /bytes/N     N bytes of a stream that everybody can make again
 *   POST /           length and SHA-256 of the body
 *   UDP ECHO_PORT    the datagram, and NAME behind it
 *
 * Both families; connections stay open as long as the client likes.
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { byteStream, DOWNLOAD_SEED } from './byte-stream.js';

const [name = '', httpPorts = '', echoPort] = process.argv.slice(2);
const KEEP_ALIVE_MS = 300_000;

for (const port of httpPorts.split(',')) {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = 0;
  server.listen(Number(port), '::');
}

if (echoPort !== undefined) {
  const socket = createSocket('udp6');
  socket.on('message', (datagram, from) => {
    socket.send([datagram, Buffer.from(name)], from.port, from.address, () => {});
  });
  socket.bind(Number(echoPort), '::');
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'POST') return answerText(response, await digestOf(request));
  const byteCount = /^\/bytes\/(\d{1,10})$/.exec(request.url ?? '')?.[1];
  if (byteCount !== undefined) {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': byteCount });
    await pipeline(Readable.from(byteStream(DOWNLOAD_SEED, Number(byteCount))), response);
    return;
  }
  const { socket } = request;
  answerText(response, `${name} ${plain(socket.remoteAddress)} ${plain(socket.localAddress)}\n`);
}

function answerText(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': text.length }).end(text);
}

async function digestOf(request: IncomingMessage): Promise<string> {
  const hash = createHash('sha256');
  let byteCount = 0;
  for await (const chunk of request) {
    hash.update(chunk);
    byteCount += chunk.length;
  }
  return `${byteCount} ${hash.digest('hex')}\n`;
}

/** A socket for both families writes IPv4 addresses as IPv6 ones. */
function plain(address = ''): string {
  return address.replace(/^::ffff:/, '');
}
