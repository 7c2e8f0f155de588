/** A client that asks again and again, each time by a new connection: `garbage-load.mjs VIP SECONDS`. Says how often it was answered. */
import { request } from 'node:http';

const TIMEOUT_MS = 5000;
const [, , host, seconds] = process.argv;
const endMs = performance.now() + Number(seconds) * 1000;
let succeeded = 0;
let failed = 0;
while (performance.now() < endMs) {
  if (await ask()) succeeded += 1;
  else failed += 1;
}
console.log(JSON.stringify({ succeeded, failed }));

function ask() {
  return new Promise((resolve) => {
    const options = { host, port: 80, method: 'POST', headers: { 'x-want': 10_000 }, agent: false };
    const question = request(options, (answer) => {
      let count = 0;
      answer.on('data', (data) => {
        count += data.length;
      });
      answer.on('end', () => resolve(answer.statusCode === 200 && count === 10_000));
      answer.on('error', () => resolve(false));
    });
    question.setTimeout(TIMEOUT_MS, () => question.destroy(new Error('timeout')));
    question.on('error', () => resolve(false));
    question.end('');
  });
}
