/** What changes from one program to the next, by keys: to print, to log, to judge before applying. */
import { EdgemuxError } from '../errors.js';
import type { Program } from './types.js';

/** Keys of one kind of member that come, go, or stay with other contents. */
export interface MemberChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** The difference between two programs of the same kind; empty lists all over when their digests are equal. */
export interface ProgramDiff {
  /** Whether the machine itself changed: its addresses, its VLAN, the hash key. */
  readonly machine: boolean;
  /** `vips`, `services`, `backends` of a MUX; `nics`, `translations` of a host. */
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
  return { machine: machineText(before) !== machineText(after), members };
}

/** The contents of each member as text, by its key. */
type Members = Readonly<Record<string, ReadonlyMap<string, string>>>;

function membersOf(program: Program): Members {
  if (program.kind === 'host') {
    return {
      nics: new Map(program.nics.map((nic) => [nic.key, JSON.stringify(nic)])),
      translations: new Map(
        program.translations.map((translation) => {
          const nic = program.nics[translation.nic].key;
          const { vip, protocol, port } = translation;
          return [`${nic} ${vip}:${port}/${protocol}`, JSON.stringify({ ...translation, nic })];
        }),
      ),
    };
  }
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
  };
}

function machineText({ id, attachment, flowHashKey }: Program): string {
  return JSON.stringify([id, attachment, flowHashKey]);
}

function changeOf(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): MemberChange {
  return {
    added: [...after.keys()].filter((key) => !before.has(key)),
    removed: [...before.keys()].filter((key) => !after.has(key)),
    changed: [...after].filter(([key, text]) => before.has(key) && before.get(key) !== text).map(([key]) => key),
  };
}
