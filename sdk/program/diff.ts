/** What changes from one program to the next, by keys: to print, to log, to judge before applying. */
import { EdgemuxError } from '../errors.js';
import { hostText } from '../net/address.js';
import { serviceName } from '../resources/index.js';
import { PROTOCOL_NAMES } from './protocols.js';
import { ANY_PROTOCOL, type HostProgram, type MuxProgram, type Program } from './types.js';

/** Keys of one kind of member that come, go, or stay with other contents. */
export interface MemberChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** The difference between two programs of the same kind; empty lists all over when their digests are equal. */
export interface ProgramDiff {
  /** What changed of the machine itself: `flowHashKey`, `encapsulation`, `id`, or a member of its attachment. */
  readonly machine: readonly string[];
  /** `vips`, `services`, `backends`, `snat` of a MUX; `nics`, `translations`, `snat`, `exemptions` of a host. */
  readonly members: Readonly<Record<string, MemberChange>>;
}

/**
 * Compares two programs.
 *
 * Indexes inside a program move when members come and go, so members are compared by what they refer to.
 *
 * @throws EdgemuxError `ERR_PROGRAM_INVALID` when one is for a MUX and the other for a host
 */
export function diffPrograms(before: Program, after: Program): ProgramDiff {
  if (before.kind !== after.kind) {
    throw new EdgemuxError('ERR_PROGRAM_INVALID', `a ${before.kind} program cannot become a ${after.kind} program`);
  }
  const [a, b] = [membersOf(before), membersOf(after)];
  const members = Object.fromEntries(Object.keys(a).map((kind) => [kind, changeOf(a[kind], b[kind])] as const));
  return { machine: changedOf(machineOf(before), machineOf(after)), members };
}

/** The contents of each member as text, by its key. */
type Members = Readonly<Record<string, ReadonlyMap<string, string>>>;

function membersOf(program: Program): Members {
  return program.kind === 'mux' ? membersOfMux(program) : membersOfHost(program);
}

function membersOfMux(program: MuxProgram): Members {
  const backendKey = (index: number) => program.backends[index].key;
  const rings = program.rings.map(({ slotCount, members, drained }) => ({
    slotCount,
    members: members.map(({ backend, weight }) => `${backendKey(backend)}*${weight}`),
    drained: drained?.map(backendKey),
  }));
  return {
    vips: new Map(program.vips.map((vip) => [vip, vip])),
    services: new Map(
      program.services.map((service) => {
        const target = 'ring' in service.target ? rings[service.target.ring] : backendKey(service.target.backend);
        return [service.key, JSON.stringify({ ...service, target })];
      }),
    ),
    backends: new Map(program.backends.map((backend) => [backend.key, JSON.stringify(backend)])),
    snat: new Map(
      (program.snatRanges ?? []).map((range) => [`${portsText(range.vip, range)} → ${backendKey(range.backend)}`, '']),
    ),
  };
}

function membersOfHost(program: HostProgram): Members {
  const nicKey = (index: number) => program.nics[index].key;
  return {
    nics: new Map(program.nics.map((nic) => [nic.key, JSON.stringify(nic)])),
    translations: new Map(
      program.translations.map((translation) => {
        const nic = nicKey(translation.nic);
        const { vip, protocol, port } = translation;
        return [`${nic} ${serviceName(vip, PROTOCOL_NAMES[protocol], port)}`, JSON.stringify({ ...translation, nic })];
      }),
    ),
    snat: snatOfHost(program, nicKey),
    exemptions: new Map(
      (program.exemptions ?? []).map(({ prefix, vni }) => [vni === undefined ? prefix : `${prefix} in ${vni}`, '']),
    ),
  };
}

/** A range each, so that a line says which ports; the place of its rule among those of the DIP decides what is tried first. */
function snatOfHost({ snatRules = [] }: HostProgram, nicKey: (index: number) => string): ReadonlyMap<string, string> {
  const places = new Map<string, number>();
  return new Map(
    snatRules.flatMap(({ nic, dip, vip, protocol, ranges, ...rest }) => {
      const member = `${nicKey(nic)} ${dip}`;
      const place = places.get(member) ?? 0;
      places.set(member, place + 1);
      const text = JSON.stringify({ ...rest, place });
      const ports = ranges.length === 0 ? [`${hostText(vip)}:none`] : ranges.map((range) => portsText(vip, range));
      const name = protocol === ANY_PROTOCOL ? '*' : PROTOCOL_NAMES[protocol].toLowerCase();
      return ports.map((portText) => [`${portText}/${name} → ${member}`, text] as const);
    }),
  );
}

/** `80.80.80.80:1024-2047` */
function portsText(vip: string, { firstPort, portCount }: { firstPort: number; portCount: number }): string {
  return `${hostText(vip)}:${firstPort}-${firstPort + portCount - 1}`;
}

function machineOf({ id, attachment, flowHashKey, encapsulation = 'vxlan' }: Program): Record<string, unknown> {
  return { id, ...attachment, flowHashKey, encapsulation };
}

function changedOf(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]);
}

function changeOf(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): MemberChange {
  return {
    added: [...after.keys()].filter((key) => !before.has(key)),
    removed: [...before.keys()].filter((key) => !after.has(key)),
    changed: [...after].filter(([key, text]) => before.has(key) && before.get(key) !== text).map(([key]) => key),
  };
}
