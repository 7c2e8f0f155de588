/** Checks of a lab to which nothing happens: who answers, who is seen, whether all of it arrives. */
import type { Lab } from '../lab.js';
import { CLIENT_HTTP_PORT, ECHO_PORT, urlOf, VIP4, VIP6 } from '../places.js';
import { type Check, countsText, type Finding, judged, reasonsText } from './check.js';
import { doJob } from './client.js';
import { NEW_CONNECTION, Sniffer } from './sniffer.js';

/** How much of everything. */
export interface Amounts {
  readonly requestCount: number;
  readonly transferBytes: number;
  readonly datagramCount: number;
}

const AT_ONCE = 8;
const TIMEOUT_MS = 10_000;
const TRANSFER_TIMEOUT_MS = 120_000;
const DATAGRAM_TIMEOUT_MS = 3_000;
/** Requests to one VM by its own port. */
const NAT_REQUEST_COUNT = 20;
/** The least that each of two may have of what is spread; with 100 by chance once in ten million times. */
const SHARE_MIN = 0.25;

const FAMILIES = [
  { family: 'IPv4', vip: VIP4, at: 'ipv4' },
  { family: 'IPv6', vip: VIP6, at: 'ipv6' },
] as const;

type Family = (typeof FAMILIES)[number];

/** All of them, for both families. */
export function trafficChecks({ requestCount, transferBytes, datagramCount }: Amounts): readonly Check[] {
  return FAMILIES.flatMap((family): Check[] => [
    { name: `requests, ${family.family}`, run: (lab) => checkRequests(lab, family, requestCount) },
    ...(['download', 'upload'] as const).map((kind) => ({
      name: `${kind} of ${Math.round(transferBytes / 1e6)} MB, ${family.family}`,
      run: (lab: Lab) => checkTransfer(lab, family, kind, transferBytes),
    })),
    { name: `UDP, ${family.family}`, run: (lab) => checkEcho(lab, family, datagramCount) },
    { name: `one VM by its NAT rule, ${family.family}`, run: withNatRules((lab) => checkInbound(lab, family)) },
    { name: `VMs calling out, ${family.family}`, run: withNatRules((lab) => checkOutbound(lab, family)) },
  ]);
}

function withNatRules(run: (lab: Lab) => Promise<Finding>): Check['run'] {
  return async (lab) =>
    lab.options.dataPlane === 'kernel'
      ? { outcome: 'skipped', text: 'the kernel stand-in has no NAT rules' }
      : run(lab);
}

async function checkRequests(lab: Lab, { vip, at }: Family, count: number): Promise<Finding> {
  const { client, router, muxes } = lab.places;
  const sniffers = await Promise.all(muxes.map(({ port }) => Sniffer.start(router.namespace, port, NEW_CONNECTION)));
  const job = { kind: 'requests', url: urlOf(vip), count, atOnce: AT_ONCE, timeoutMs: TIMEOUT_MS } as const;
  const answers = await doJob(client.namespace, job);
  const counts = await Promise.all(sniffers.map((sniffer) => sniffer.end()));
  const byMux = Object.fromEntries(muxes.map(({ id }, i) => [id, counts[i] as number]));
  const { made, failed, byVm, seenAs, reasons } = answers;
  return judged(
    `${made} made, ${failed} failed${reasonsText(reasons)}; ${countsText(byVm)}; ${countsText(byMux)}; client seen as ${seenAs.join(', ')}`,
    { ...answers, byMux },
    [
      [failed === 0, 'none may fail'],
      [isSpread(byVm, made), 'each VM has to have a quarter'],
      [isSpread(byMux, made), 'each MUX has to have a quarter'],
      [seenAs.length === 1 && seenAs[0] === client[at], `the VMs have to see ${client[at]}`],
    ],
  );
}

function isSpread(counts: Readonly<Record<string, number>>, total: number): boolean {
  const shares = Object.values(counts);
  return shares.length === 2 && shares.every((count) => count >= SHARE_MIN * total);
}

async function checkTransfer(
  lab: Lab,
  { vip }: Family,
  kind: 'download' | 'upload',
  byteCount: number,
): Promise<Finding> {
  const job = { kind, url: urlOf(vip), byteCount, timeoutMs: TRANSFER_TIMEOUT_MS };
  const transfer = await doJob(lab.places.client.namespace, job);
  const { isIntact, ms, reason } = transfer;
  return judged(`${ms} ms, SHA-256 ${isIntact ? 'agrees' : 'does not agree'}`, transfer, [[isIntact, reason ?? '']]);
}

async function checkEcho(lab: Lab, { vip }: Family, count: number): Promise<Finding> {
  const job = { kind: 'echo', address: vip, port: ECHO_PORT, count, timeoutMs: DATAGRAM_TIMEOUT_MS } as const;
  const answers = await doJob(lab.places.client.namespace, job);
  const { made, failed, byVm } = answers;
  return judged(`${made} ports, ${failed} without an answer; ${countsText(byVm)}`, answers, [
    [failed === 0, 'all have to be answered, from the VIP'],
    [isSpread(byVm, made), 'each VM has to have a quarter'],
  ]);
}

async function checkInbound(lab: Lab, { vip, at }: Family): Promise<Finding> {
  const { client, vms } = lab.places;
  const all = await Promise.all(
    vms.map(({ natPort }) =>
      doJob(client.namespace, {
        kind: 'requests',
        url: urlOf(vip, '/', natPort),
        count: NAT_REQUEST_COUNT,
        atOnce: 1,
        timeoutMs: TIMEOUT_MS,
      }),
    ),
  );
  const text = vms.map(({ natPort }, i) => `port ${natPort} ${countsText(all[i]?.byVm ?? {})}`).join('; ');
  return judged(text, all, [
    [
      all.every(({ byVm }, i) => byVm[vms[i]?.id ?? ''] === NAT_REQUEST_COUNT),
      'every port leads to its own VM, always',
    ],
    [all.every(({ seenAs }) => seenAs.join() === client[at]), `the VMs have to see ${client[at]}`],
  ]);
}

async function checkOutbound(lab: Lab, { vip, at }: Family): Promise<Finding> {
  const { client, vms } = lab.places;
  const url = urlOf(client[at], '/', CLIENT_HTTP_PORT);
  const job = { kind: 'requests', url, count: NAT_REQUEST_COUNT, atOnce: 2, timeoutMs: TIMEOUT_MS } as const;
  const all = await Promise.all(vms.map(({ namespace }) => doJob(namespace, job)));
  const failed = all.reduce((sum, one) => sum + one.failed, 0);
  const seenAs = [...new Set(all.flatMap((one) => one.seenAs))];
  const reasons = all.map((one) => reasonsText(one.reasons)).join('');
  return judged(`${2 * NAT_REQUEST_COUNT} made, ${failed} failed${reasons}; VMs seen as ${seenAs.join(', ')}`, all, [
    [failed === 0, 'none may fail'],
    [seenAs.join() === vip, `the client has to see ${vip}`],
  ]);
}
