/**
 * Packets through the network of the tests. Two roles, each a process:
 *
 *   node traffic.mjs answer NUMBER VIP…       in the namespace of MUX NUMBER: sends every datagram back from the VIP
 *                                             it came to, with the number in its last byte
 *   node traffic.mjs ask VIP FLOWS INTERVAL   in the client's: each flow (a source port) sends a datagram every
 *                                             INTERVAL ms; at the end of standard input it waits for the last answers
 *                                             and prints what became of them as one line of JSON
 *
 * Datagram: | sequence number u32 | number of the MUX that answered u8 |
 */
import { createSocket } from 'node:dgram';

const PORT = 7;
const DATAGRAM_BYTES = 5;
const NUMBER_OFFSET = 4;
const LAST_ANSWERS_MS = 300;

const [role, ...args] = process.argv.slice(2);
if (role === 'answer') answer(...args);
else ask(...args);

function answer(number, ...vips) {
  for (const vip of vips) {
    const socket = createSocket(familyOf(vip));
    socket.on('message', (datagram, from) => {
      datagram[NUMBER_OFFSET] = Number(number);
      socket.send(datagram, from.port, from.address, () => {});
    });
    socket.bind(PORT, vip);
  }
}

function ask(vip, flowCount, intervalMs) {
  const byMux = {};
  const flows = Array.from({ length: Number(flowCount) }, () => {
    const flow = { socket: createSocket(familyOf(vip)), sentAtMs: [], isAnswered: [] };
    flow.socket.on('message', (datagram) => {
      flow.isAnswered[datagram.readUInt32BE(0)] = true;
      const number = datagram[NUMBER_OFFSET];
      byMux[number] = (byMux[number] ?? 0) + 1;
    });
    flow.socket.on('error', () => {});
    return flow;
  });
  const timer = setInterval(() => {
    for (const flow of flows) {
      const datagram = Buffer.alloc(DATAGRAM_BYTES);
      datagram.writeUInt32BE(flow.sentAtMs.push(performance.now()) - 1, 0);
      flow.socket.send(datagram, PORT, vip, () => {});
    }
  }, Number(intervalMs));
  process.stdin.resume().on('end', () => {
    clearInterval(timer);
    setTimeout(() => {
      console.log(JSON.stringify({ ...summary(flows), byMux }));
      process.exit();
    }, LAST_ANSWERS_MS);
  });
}

function summary(flows) {
  let [sentCount, lostCount, outageMs] = [0, 0, 0];
  for (const { sentAtMs, isAnswered } of flows) {
    let lastAnsweredAtMs = sentAtMs[0];
    sentAtMs.forEach((atMs, sequence) => {
      sentCount++;
      if (isAnswered[sequence]) lastAnsweredAtMs = atMs;
      else {
        lostCount++;
        outageMs = Math.max(outageMs, atMs - lastAnsweredAtMs);
      }
    });
  }
  return { sentCount, lostCount, outageMs: Math.round(outageMs) };
}

function familyOf(address) {
  return address.includes(':') ? 'udp6' : 'udp4';
}
