/** A web server that says who asks, and a client of it: `web.mjs serve`, `web.mjs ask VIP SEND_BYTES WANT_BYTES`. */
import { createHash } from 'node:crypto';
import { createServer, request } from 'node:http';

const [what, ...args] = process.argv.slice(2);
if (what === 'serve') serve();
else ask(args[0], Number(args[1]), Number(args[2]));

/** Bytes that are not all alike. */
function bytes(count) {
  const all = Buffer.alloc(count);
  for (let i = 0; i + 4 <= count; i += 4) all.writeUInt32LE(Math.imul(i, 2_654_435_761) >>> 0, i);
  return all;
}

function digestOf(all) {
  return createHash('sha256').update(all).digest('hex').slice(0, 16);
}

async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function serve() {
  const server = createServer(async (question, answer) => {
    const sent = await read(question);
    const client = question.socket.remoteAddress;
    answer.setHeader('x-seen', JSON.stringify({ client, sentBytes: sent.length, digest: digestOf(sent) }));
    answer.end(bytes(Number(question.headers['x-want'])));
  });
  server.listen(8080, '0.0.0.0', () => console.log('ready'));
}

function ask(vip, sendBytes, wantBytes) {
  const options = { host: vip, port: 80, method: 'POST', headers: { 'x-want': wantBytes }, timeout: 5000 };
  const question = request(options, async (answer) => {
    const received = await read(answer);
    const isIntact = digestOf(received) === digestOf(bytes(wantBytes));
    const seen = JSON.parse(answer.headers['x-seen']);
    const sentBytes = seen.digest === digestOf(bytes(sendBytes)) ? seen.sentBytes : -1;
    const receivedBytes = isIntact ? received.length : -1;
    process.stdout.write(JSON.stringify({ status: answer.statusCode, client: seen.client, receivedBytes, sentBytes }));
    process.exit(0);
  });
  question.on('timeout', () => process.exit(1));
  question.on('error', (error) => {
    process.stderr.write(String(error));
    process.exit(1);
  });
  question.end(bytes(sendBytes));
}
