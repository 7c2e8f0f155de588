/** What a running host agent translates: NICs, translations, and which VIPs may reach which NIC. */
import * as abi from '../../assembly/abi.js';
import { idleTicks } from '../dataplane/clock.js';
import type { DataPlane } from '../dataplane/instance.js';
import { macNet, portNet } from '../dataplane/network-order.js';
import {
  ANY_PORT,
  ANY_PROTOCOL,
  type HostProgram,
  PROTOCOL_TCP,
  type SnatRule,
  type Translation,
} from '../program/types.js';
import type { HostAddresses } from './host-addresses.js';
import type { NicIndexes } from './nic-indexes.js';

/** Idle timeouts are 16 bits of ticks in a NAT flow: 18 hours. */
const IDLE_TICKS_MAX = 0xffff;

/** The NIC and translation tables. */
export class TranslationTable {
  readonly #dataPlane: DataPlane;
  readonly #nics: NicIndexes;
  readonly #addresses: HostAddresses;

  constructor(dataPlane: DataPlane, nics: NicIndexes, addresses: HostAddresses) {
    this.#dataPlane = dataPlane;
    this.#nics = nics;
    this.#addresses = addresses;
  }

  /**
   * Brings the tables to a program, whose NICs and addresses are known already; its SNAT rules come after.
   *
   * @param takesOver whether VMs may answer in connections nobody has heard of here
   */
  apply(program: HostProgram, takesOver: boolean): void {
    const { exports } = this.#dataPlane;
    exports.nicClear();
    exports.translationClear();
    for (const nic of program.nics) {
      const { low, high } = macNet(nic.macAddress);
      exports.nicInsert(low, high, nic.vni, this.#nics.of(nic.key));
    }
    this.#insertVips(program);
    for (const translation of program.translations) this.#insert(this.#nicOf(program, translation), translation);
    if (takesOver) for (const translation of loneTranslations(program)) this.#insertAnswer(program, translation);
  }

  #insertVips(program: HostProgram): void {
    const flagsOf = new Map<string, number>();
    const add = (of: Translation | SnatRule, flags: number) => {
      const key = `${this.#nicOf(program, of)} ${of.vip}`;
      flagsOf.set(key, (flagsOf.get(key) ?? 0) | flags);
    };
    for (const each of program.translations) add(each, each.isInstanceAddress ? abi.TRANSLATION_FLAG_INSTANCE : 0);
    for (const each of program.snatRules ?? []) add(each, abi.TRANSLATION_FLAG_SNAT);
    for (const [key, flags] of flagsOf) {
      const [nic, vip] = key.split(' ');
      const { word, family } = this.#addresses.of(vip);
      const kind = family | abi.TRANSLATION_KIND_VIP;
      this.#dataPlane.exports.translationInsert(Number(nic), word, 0, 0, kind, 0, 0, 0, flags);
    }
  }

  #insert(nic: number, translation: Translation): void {
    const { exports } = this.#dataPlane;
    const { vip, dip, port, protocol, backendPort, floatingIp, idleTimeoutMs, isInstanceAddress } = translation;
    const { word, family } = this.#addresses.of(vip);
    const dipWord = floatingIp ? 0 : this.#addresses.of(dip).word;
    const flags =
      (translation.tcpReset ? abi.TRANSLATION_FLAG_TCP_RESET : 0) |
      (isInstanceAddress ? abi.TRANSLATION_FLAG_INSTANCE : 0);
    exports.translationInsert(
      nic,
      word,
      portNet(port),
      protocol,
      family,
      dipWord,
      portNet(backendPort),
      natIdleTicks(idleTimeoutMs),
      flags,
    );
    if (isInstanceAddress) exports.localAddressInstance(nic, dipWord, family, word);
  }

  #insertAnswer(program: HostProgram, translation: Translation): void {
    const local = this.#addresses.of(localAddressOf(translation));
    const vip = this.#addresses.of(translation.vip).word;
    const kind = local.family | abi.TRANSLATION_KIND_ANSWER;
    const nic = this.#nicOf(program, translation);
    const [inside, outside] = [localPortOf(translation), translation.port].map(portNet) as [number, number];
    this.#dataPlane.exports.translationInsert(nic, local.word, inside, PROTOCOL_TCP, kind, vip, outside, 0, 0);
  }

  #nicOf(program: HostProgram, { nic }: { readonly nic: number }): number {
    return this.#nics.of(program.nics[nic].key);
  }
}

/** The address a VM answers from. */
function localAddressOf({ vip, dip, floatingIp }: Translation): string {
  return floatingIp ? vip : dip;
}

/** The port it answers from; a rule without a backend port leaves it alone. */
function localPortOf({ port, backendPort }: Translation): number {
  return backendPort === ANY_PORT ? port : backendPort;
}

/** Translations of TCP from whose backend end it is clear which VIP and port the client has called. */
function loneTranslations({ translations }: HostProgram): Translation[] {
  const byAddress = new Map<string, Translation[]>();
  for (const translation of translations) {
    const { nic, protocol, isInstanceAddress } = translation;
    if (isInstanceAddress || (protocol !== PROTOCOL_TCP && protocol !== ANY_PROTOCOL)) continue;
    const key = `${nic} ${localAddressOf(translation)}`;
    byAddress.set(key, [...(byAddress.get(key) ?? []), translation]);
  }
  return [...byAddress.values()].flatMap((all) => {
    // A rule for every port leads to each of them.
    if (all.some(({ port }) => port === ANY_PORT)) return all.length === 1 ? all : [];
    const countOf = new Map<number, number>();
    for (const port of all.map(localPortOf)) countOf.set(port, (countOf.get(port) ?? 0) + 1);
    return all.filter((each) => countOf.get(localPortOf(each)) === 1);
  });
}

/** An idle timeout as a NAT flow has it. */
export function natIdleTicks(timeoutMs: number): number {
  return Math.min(idleTicks(timeoutMs), IDLE_TICKS_MAX);
}
