/** A data plane on a thread of its own, fed by captures: that takes no privilege, and all the rest is as ever. */
import { readFileSync, writeFileSync } from 'node:fs';
import { EdgemuxError } from 'edgemux';
import { attachPort, type DataPlaneEvent, DataPlaneThread, type PortPlan, parsePortSpec } from 'edgemux/node';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { compile, type MuxProgram } from '../../sdk/program/index.js';
import { parseFabric } from '../../sdk/resources/index.js';
import { edgemux, FABRIC, temporaryFolder } from '../appliance/cli.js';
import { example } from '../resources/example.js';
import { eth, SYN } from '../support/packet.js';
import { pcapFile } from '../support/pcap.js';

const VIP = '80.80.80.80';
const at = temporaryFolder();
const FRAMES = Array.from({ length: 600 }, (_, i) =>
  eth()
    .ipv4(`192.0.2.${1 + (i % 200)}`, i % 3 === 2 ? '192.0.2.250' : VIP)
    .tcp(40_000 + i, 80, SYN)
    .bytes(),
);
const program: MuxProgram = compile(parseFabric(example())).forMux('mux-1');

/** Of a capture this machine has written. */
function framesOf(capture: Uint8Array): Uint8Array[] {
  const view = new DataView(capture.buffer, capture.byteOffset, capture.byteLength);
  const frames: Uint8Array[] = [];
  for (let at = 24; at < capture.length; at += 16 + view.getUint32(at + 8, true)) {
    frames.push(capture.subarray(at + 16, at + 16 + view.getUint32(at + 8, true)));
  }
  return frames;
}

const running: DataPlaneThread[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((thread) => thread.stop()));
});

async function start(options: Parameters<typeof DataPlaneThread.start>[0] = { role: 'mux' }) {
  const thread = await DataPlaneThread.start(options);
  running.push(thread);
  const events: DataPlaneEvent[] = [];
  thread.subscribe((event) => events.push(event));
  return { thread, events };
}

async function planOf(text: string): Promise<PortPlan> {
  const options = { side: 'underlay', queueCount: 1, providerAddresses: [], mtuBytesMin: 0 } as const;
  return (await attachPort(parsePortSpec(text), options)).plans[0];
}

/** A rejection as far as it is the same on both sides. */
async function refusal(promise: Promise<void>): Promise<{ code: string; message: string }> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(EdgemuxError);
  return error;
}

test('frames of a capture go to their hosts, and that is counted', async () => {
  writeFileSync(at('in.pcap'), pcapFile(FRAMES, 'ethernet'));
  const { thread, events } = await start();
  await thread.program(program);
  await thread.openPort(await planOf(`pcap:${at('in.pcap')},out=${at('out.pcap')}`));
  await vi.waitFor(() => expect(events.at(-1)).toEqual({ kind: 'end' }), 5000);
  await thread.stop();
  await thread.ended;
  expect(thread.stats).toMatchObject({
    counters: { verdicts: { forward: 400, pass: 200 } },
    ports: [{ received: 600, sent: 400, sendDropped: 0 }],
  });
  const sent = framesOf(readFileSync(at('out.pcap')));
  expect(sent).toHaveLength(400);
  expect(sent.every(({ length }) => length === FRAMES[0].length + 50)).toBe(true);
});

test('the command does the same, and ends with its capture', () => {
  writeFileSync(at('in.pcap'), pcapFile(FRAMES, 'ethernet'));
  const port = `pcap:${at('in.pcap')},out=${at('again.pcap')}`;
  const { status, stdout, stderr } = edgemux(['mux', FABRIC, '--mux', 'mux-1', '--port', port, '--no-bgp', '--json']);
  expect([status, stderr]).toEqual([0, '']);
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).event);
  expect(events).toEqual(['port', 'start', 'stop']);
  expect(framesOf(readFileSync(at('again.pcap')))).toHaveLength(400);
});

describe('what it refuses it still is', () => {
  test('a program that needs more room, as the MUX itself would', async () => {
    const { thread } = await start({ role: 'mux', capacities: { backendCountMax: 1 } });
    const { code, message } = await refusal(thread.program(program));
    expect([code, message]).toEqual(['ERR_CAPACITY', expect.stringContaining('backendCountMax: expected at least 2')]);
  });

  test('a port that cannot be opened, and the next one is', async () => {
    writeFileSync(at('in.pcap'), pcapFile(FRAMES, 'ethernet'));
    const plan = await planOf(`pcap:${at('in.pcap')}`);
    const { thread } = await start({ role: 'mux', capacities: { portCountMax: 1 } });
    expect(await refusal(thread.openPort({ ...plan, inputPath: at('nowhere.pcap') } as PortPlan))).toMatchObject({
      code: 'ERR_PORT',
    });
    await thread.openPort(plan);
    expect(await refusal(thread.openPort(plan))).toMatchObject({ code: 'ERR_CAPACITY' });
    await thread.closePort(plan.name);
    await thread.openPort(plan);
  });

  test('capacities nobody has', async () => {
    expect(
      await refusal(DataPlaneThread.start({ role: 'host', capacities: { chunkCount: 1 } }).then(() => {})),
    ).toMatchObject({ code: 'ERR_CAPACITY' });
  });

  test('calls after the end', async () => {
    const { thread } = await start();
    await thread.stop();
    await thread.stop();
    expect(await refusal(thread.program(program))).toMatchObject({ code: 'ERR_THREAD_LOST' });
  });
});

test('it beats while nothing comes, and obeys at once', async () => {
  const { thread } = await start({ role: 'host' });
  const before = thread.beatCount;
  await vi.waitFor(() => expect(thread.beatCount).toBeGreaterThan(before), 5000);
  await thread.route({ tunnels: 'nobody', vms: { '/networkInterfaces/vm-1-nic': 'nobody' } });
});
