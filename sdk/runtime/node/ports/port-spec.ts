/**
 * The text of a packet port, as the command line takes it: `KIND:TARGET[,option=value]…`.
 *
 * | kind | target | options |
 * |---|---|---|
 * | `xdp` (`af_xdp`) | interface | `mode=native`, `mode=generic`; `zerocopy=yes`, `zerocopy=no`; `queues=0`, `queues=0-3` |
 * | `packet` (`af_packet`) | interface | |
 * | `tun` | device to make | `mtu=1500` |
 * | `tap` | device to make | `mtu=1500` |
 * | `udp` | | `port=4789` |
 * | `pcap` | capture to read; empty to read none | `out=FILE`: capture to write |
 */
import type { EdgemuxError } from '../../../errors.js';
import { portError } from './port-error.js';
import type { PortSpec } from './types.js';

type Kind = PortSpec['kind'];

/** Says why a value is none, as the end of a sentence: `is yes or no`; `undefined` when it is one. */
type Objection = (value: string) => string | undefined;

interface KindRule {
  /** Says why a target is none; as `Objection`, of the text. */
  readonly target: Objection;
  readonly options: Readonly<Record<string, Objection>>;
}

/** IFNAMSIZ without the zero byte at the end. */
const INTERFACE_NAME_BYTES_MAX = 15;
const QUEUES = /^(\d{1,4})(?:-(\d{1,4}))?$/;

const RULES: Readonly<Record<Kind, KindRule>> = {
  xdp: {
    target: interfaceName,
    options: { mode: oneOf('native', 'generic'), zerocopy: oneOf('yes', 'no'), queues: queueRange },
  },
  packet: { target: interfaceName, options: {} },
  tun: { target: interfaceName, options: { mtu: integer(68, 65_521) } },
  tap: { target: interfaceName, options: { mtu: integer(68, 65_521) } },
  udp: {
    target: (target) => (target === '' ? undefined : 'it names no interface: udp or udp,port=4789'),
    options: { port: integer(1, 65_535) },
  },
  pcap: { target: () => undefined, options: { out: (path) => (path === '' ? 'is a file to write' : undefined) } },
};

const ALIASES: Readonly<Record<string, Kind>> = { af_xdp: 'xdp', af_packet: 'packet' };

/**
 * Reads the text of a port.
 *
 * @throws EdgemuxError `ERR_PORT` with one line that says what would be right
 * @example
 * ```ts
 * parsePortSpec('xdp:up0,mode=generic'); // { kind: 'xdp', target: 'up0', options: { mode: 'generic' }, … }
 * ```
 */
export function parsePortSpec(text: string): PortSpec {
  const [head = '', ...settings] = text.split(',');
  const colon = head.indexOf(':');
  const kind = kindOf(text, colon < 0 ? head : head.slice(0, colon));
  const target = colon < 0 ? '' : head.slice(colon + 1);
  const objection = RULES[kind].target(target);
  if (objection !== undefined) throw portError(text, objection);
  if (kind === 'pcap' && colon < 0) throw portError(text, 'it names no capture: pcap:in.pcap');
  const options = optionsOf(text, kind, settings);
  if (kind === 'pcap' && target === '' && options.out === undefined) {
    throw portError(text, 'it neither reads a capture nor writes one: pcap:in.pcap,out=out.pcap');
  }
  return { text, kind, target, options };
}

/** What a port is called in errors and events: `xdp:up0`, `udp`. */
export function portName({ kind, target }: PortSpec): string {
  return target === '' ? kind : `${kind}:${target}`;
}

/** The receive queues an `xdp` port names, in order; `undefined` when it leaves that open. */
export function queuesOf(spec: PortSpec): readonly number[] | undefined {
  const range = QUEUES.exec(spec.options.queues ?? '');
  if (range === null) return undefined;
  const first = Number(range[1]);
  const last = Number(range[2] ?? first);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function kindOf(text: string, name: string): Kind {
  const kind = ALIASES[name] ?? name;
  if (Object.hasOwn(RULES, kind)) return kind as Kind;
  throw unknownKind(text, name);
}

function unknownKind(text: string, name: string): EdgemuxError {
  const kinds = Object.keys(RULES).join(', ');
  return portError(text, name === '' ? `it has no kind: one of ${kinds}` : `${name} is no kind of port: ${kinds}`);
}

function optionsOf(text: string, kind: Kind, settings: readonly string[]): Record<string, string> {
  const rules = RULES[kind].options;
  const options: Record<string, string> = {};
  for (const setting of settings) {
    const equals = setting.indexOf('=');
    const name = equals < 0 ? setting : setting.slice(0, equals);
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) throw portError(text, `${kind} has no option ${name}: ${optionNames(kind)}`);
    if (equals < 0) throw portError(text, `option ${name} has no value: ${name}=…`);
    if (Object.hasOwn(options, name)) throw portError(text, `option ${name} is there twice`);
    const value = setting.slice(equals + 1);
    const objection = rule(value);
    if (objection !== undefined) throw portError(text, `${name} ${objection}, not ${value || 'nothing'}`);
    options[name] = value;
  }
  return options;
}

function optionNames(kind: Kind): string {
  const names = Object.keys(RULES[kind].options);
  return names.length === 0 ? 'it takes none' : `it takes ${names.join(', ')}`;
}

function interfaceName(name: string): string | undefined {
  if (name === '') return 'it names no interface: KIND:eth0';
  const isName = new TextEncoder().encode(name).length <= INTERFACE_NAME_BYTES_MAX && /^[^\s/:%]+$/.test(name);
  if (isName && name !== '.' && name !== '..') return undefined;
  return `${name} is no name of an interface: 1..${INTERFACE_NAME_BYTES_MAX} characters without blanks, / : %`;
}

function oneOf(...values: readonly string[]): Objection {
  return (value) => (values.includes(value) ? undefined : `is ${values.join(' or ')}`);
}

function integer(min: number, max: number): Objection {
  return (value) => {
    const isInRange = /^\d{1,6}$/.test(value) && Number(value) >= min && Number(value) <= max;
    return isInRange ? undefined : `is ${min}..${max}`;
  };
}

function queueRange(value: string): string | undefined {
  const [, first, last = first] = QUEUES.exec(value) ?? [];
  return first !== undefined && Number(first) <= Number(last) ? undefined : 'is one queue or a range of them, 0 or 0-3';
}
