/** Checks of a lab to which something happens while requests run; TCP has to get over all of it. */
import type { Lab } from '../lab.js';
import { setLink } from '../network.js';
import { urlOf, VIP4, VIP6 } from '../places.js';
import type { LoadJob, LoadSummary } from '../programs/jobs.js';
import { sleep } from '../wait.js';
import { type Check, type Finding, judged, reasonsText } from './check.js';
import { startLoad } from './client.js';

/**
 * A request may take this long: a SYN that is lost comes again after 1, 3 and 7 s, and a router without BFD needs more than
 * three seconds to notice that a MUX hangs.
 */
const TIMEOUT_MS = 10_000;
/** Quicker than the first repetition of a SYN, slower than a busy machine. */
const SLOW_MS = 500;
const LOAD: LoadJob = {
  kind: 'load',
  urls: [urlOf(VIP4), urlOf(VIP6)],
  everyMs: 20,
  keptCount: 4,
  keptEveryMs: 100,
  timeoutMs: TIMEOUT_MS,
  slowMs: SLOW_MS,
};
/** Requests run this long before, between and after what happens. */
const QUIET_MS = 1_500;
const ROUTE_MS_MAX = 15_000;

interface Event {
  readonly name: string;
  /** Why the figures are what they are. */
  readonly explanation: (lab: Lab) => string;
  /** Whether the reduced form has it. */
  readonly isShort?: boolean;
  /** Takes host agents of ours. */
  readonly takesHosts?: boolean;
  /**
   * @param forgotten is called when a host has lost what it knew of its connections. Requests that were under way then may
   *   fail: the VM has told the client that it has the request, and its answer is lost. It sends that again, but the agent
   *   does not know the connection until the client speaks, and the client waits
   */
  happen(lab: Lab, forgotten: () => void): Promise<void>;
}

/** A check for each event; `isShort` leaves some out. */
export function chaosChecks(isShort: boolean): readonly Check[] {
  return EVENTS.filter((event) => event.isShort || !isShort).map((event) => ({
    name: event.name,
    run: (lab) => checkEvent(lab, event),
  }));
}

const ANSWER_LOST =
  'A request whose answer was just leaving may fail: the VM repeats it, but the client is silent, and the agent does not know it yet';

const EVENTS: readonly Event[] = [
  {
    name: 'MUX 1 killed, started again',
    isShort: true,
    explanation: () =>
      'the kernel of the MUX closes its BGP session, and the router takes its routes away; what was lost TCP sends again, and the other MUX sends it to the same VM',
    async happen(lab) {
      const [one, other] = lab.places.muxes;
      await lab.endRole(one.id, 'SIGKILL');
      await lab.nextHopsBecome([other], ROUTE_MS_MAX);
      await sleep(QUIET_MS);
      lab.startRole(one.id);
      await bothAgain(lab);
    },
  },
  {
    name: 'MUX 2 frozen (SIGSTOP), let go',
    explanation: (lab) =>
      lab.hasBfd
        ? 'BFD gives it up after 3 × 300 ms; until then the router sends half of all packets into a MUX that takes none'
        : 'without BFD only the hold time of 3 s tells; until then the router sends half of all packets into a MUX that takes none',
    async happen(lab) {
      const [one, other] = lab.places.muxes;
      const frozen = lab.process(other.id);
      frozen.signal('SIGSTOP');
      try {
        await lab.nextHopsBecome([one], ROUTE_MS_MAX);
        await sleep(QUIET_MS);
      } finally {
        frozen.signal('SIGCONT');
      }
      await bothAgain(lab);
    },
  },
  {
    name: 'link of MUX 1 cut, joined again',
    explanation: () => 'the router sees its port go down and takes the other MUX at once; what was on the wire is lost',
    async happen(lab) {
      const [one, other] = lab.places.muxes;
      await setLink(one, lab.places, 'down');
      await lab.nextHopsBecome([other], ROUTE_MS_MAX);
      await sleep(QUIET_MS);
      await setLink(one, lab.places, 'up');
      await bothAgain(lab);
    },
  },
  {
    name: 'host agent 1 killed, started again',
    takesHosts: true,
    isShort: true,
    explanation: () =>
      `nobody translates for VM 1 meanwhile, and TCP waits; the new agent learns the connections from what clients send. ${ANSWER_LOST}`,
    async happen(lab, forgotten) {
      const [one] = lab.places.hosts;
      await lab.endRole(one.id, 'SIGKILL');
      forgotten();
      await sleep(HOST_AWAY_MS);
      lab.startRole(one.id);
      await lab.answers(ROUTE_MS_MAX);
    },
  },
  {
    name: 'VM 1 moved to host 2, and back',
    takesHosts: true,
    isShort: true,
    explanation: () =>
      `packets for the VM go to the host it has left until everybody has read the fabric again (the file is looked at every 500 ms). ${ANSWER_LOST}`,
    async happen(lab, forgotten) {
      for (const host of [2, 1]) {
        await lab.moveVm(1, host, forgotten);
        await lab.answers(ROUTE_MS_MAX);
        await sleep(QUIET_MS);
      }
    },
  },
  {
    name: 'both MUXes restarted, one after the other (SIGTERM)',
    isShort: true,
    explanation: () => 'a MUX withdraws its routes first and forwards for another second: nobody notices',
    async happen(lab) {
      for (const { id } of lab.places.muxes) {
        await lab.endRole(id, 'SIGTERM');
        lab.startRole(id);
        await bothAgain(lab);
      }
    },
  },
];

const HOST_AWAY_MS = 1_000;
/** A request takes no longer than this where nothing happens. */
const UNDER_WAY_MS_MAX = 1_000;

function bothAgain(lab: Lab): Promise<void> {
  return lab.nextHopsBecome(lab.places.muxes);
}

async function checkEvent(lab: Lab, event: Event): Promise<Finding> {
  if (event.takesHosts && lab.options.dataPlane === 'kernel') {
    return { outcome: 'skipped', text: 'the kernel stand-in has no host agents' };
  }
  if (lab.options.isEmpty) return { outcome: 'skipped', text: 'the places were filled by somebody else' };
  const endLoad = startLoad(lab.places.client.namespace, LOAD);
  const forgottenAtMs: number[] = [];
  let trouble: unknown;
  await sleep(QUIET_MS);
  try {
    await event.happen(lab, () => forgottenAtMs.push(Date.now()));
    await sleep(QUIET_MS);
  } catch (error) {
    trouble = error;
  }
  const load = await endLoad();
  const { fresh, kept } = load;
  return judged(
    loadText(load),
    load,
    [
      [trouble === undefined, (trouble as Error | undefined)?.message ?? ''],
      [fresh.made > 0 && kept.made > 0, 'requests have to be made'],
      [isForgiven(fresh, forgottenAtMs), 'every new connection has to be answered'],
      [isForgiven(kept, forgottenAtMs), 'every connection that stays has to go on'],
    ],
    event.explanation(lab),
  );
}

/** Whether nothing failed but what was under way when a host forgot it. */
function isForgiven({ failedAtMs }: LoadSummary['fresh'], forgottenAtMs: readonly number[]): boolean {
  return failedAtMs.every((atMs) =>
    forgottenAtMs.some((eventMs) => atMs <= eventMs && atMs > eventMs - UNDER_WAY_MS_MAX),
  );
}

function loadText({ fresh, kept }: LoadSummary): string {
  const words = ({ made, failed, slow, p99Ms, gapMs, reasons }: LoadSummary['fresh']): string =>
    `${made} made, ${failed} failed${reasonsText(reasons)}, ${slow} slow, p99 ${p99Ms} ms, gap ${gapMs} ms`;
  return `new: ${words(fresh)}; kept: ${words(kept)}`;
}
