/**
 * Whether a program makes sense: a digest proves that nobody damaged it, not that whoever made it did so well. What a
 * data plane could not obey is refused here, before any of it is applied.
 */
import { parseIp } from '../net/address.js';
import { isUnicastMac } from '../net/unicast.js';
import { RING_SLOT_COUNTS, SNAT_BLOCK_PORT_COUNT, SNAT_PORT_COUNT } from '../resources/index.js';
import { compareText } from './order.js';
import { invalid } from './record-parts.js';
import type { PortRange } from './snat.js';
import {
  ANY_PORT,
  ANY_PROTOCOL,
  type Attachment,
  type HostProgram,
  type MuxProgram,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  type Program,
  type Ring,
  type RuleProtocol,
  type SnatRange,
  type SnatRule,
} from './types.js';

const VLAN_ID_MAX = 4094;
const VNI_MAX = 0xffffff;
const MTU_BYTES_MIN = 1350;
const MTU_BYTES_MAX = 65_535;
const WEIGHT_MAX = 65_535;
const PORT_COUNT = 65_536;

/** @throws EdgemuxError `ERR_PROGRAM_INVALID` with the first thing that is wrong */
export function checkProgram(program: Program): void {
  checkAttachment(program.attachment);
  if (program.kind === 'host') checkHost(program);
  else checkMux(program);
}

function checkAttachment({ providerAddress, secondProviderAddress, vlanId, mtuBytes }: Attachment): void {
  if (secondProviderAddress !== undefined && familyOf(secondProviderAddress) === familyOf(providerAddress)) {
    throw invalid(`two provider addresses of one family: ${providerAddress}, ${secondProviderAddress}`);
  }
  if (vlanId > VLAN_ID_MAX) throw invalid(`VLAN ${vlanId}`);
  if (mtuBytes !== undefined && (mtuBytes < MTU_BYTES_MIN || mtuBytes > MTU_BYTES_MAX)) {
    throw invalid(`an MTU of ${mtuBytes} bytes`);
  }
}

// MUXes.

function checkMux(program: MuxProgram): void {
  checkUnique('VIP', program.vips);
  checkBackends(program);
  checkRings(program);
  checkServices(program);
  checkSnatRanges(program);
}

function checkBackends({ backends, attachment }: MuxProgram): void {
  checkUnique(
    'backend',
    backends.map(({ key }) => key),
  );
  const { providerAddress, secondProviderAddress } = attachment;
  const families = [providerAddress, secondProviderAddress].flatMap((address) => address ?? []).map(familyOf);
  for (const { vni, macAddress, hostProviderAddress } of backends) {
    checkVni(vni);
    checkMac(macAddress);
    if (!families.includes(familyOf(hostProviderAddress))) {
      throw invalid(`a host at ${hostProviderAddress}, which the MUX has no address to send from to`);
    }
  }
}

function checkRings({ rings, backends }: MuxProgram): void {
  const ringSlotCounts: readonly number[] = RING_SLOT_COUNTS;
  for (const ring of rings) {
    const { slotCount, members, drained = [] } = ring;
    checkUnique('ring member', membersOf(ring));
    if (drained.some((backend) => backend >= backends.length)) throw invalid('a drained member that is no backend');
    if (!ringSlotCounts.includes(slotCount)) throw invalid(`a ring of ${slotCount} slots`);
    if (members.some(({ backend }) => backend >= backends.length)) throw invalid('a ring member that is no backend');
    if (members.some(({ weight }) => weight < 1 || weight > WEIGHT_MAX)) throw invalid('a weight outside 1..65535');
  }
}

function checkServices({ services, vips, rings, backends }: MuxProgram): void {
  checkUnique(
    'service',
    services.map(({ key }) => key),
  );
  checkUnique(
    'VIP, protocol and port',
    services.map(({ vip, protocol, port }) => `${vip} ${protocol} ${port}`),
  );
  const known = new Set(vips);
  for (const service of services) {
    const { key, vip, protocol, port, target, floatingIp, isInstanceAddress } = service;
    if (!known.has(vip)) throw invalid(`service ${key} of no VIP`);
    checkPort(protocol, port);
    const isKnown = 'ring' in target ? target.ring < rings.length : target.backend < backends.length;
    if (!isKnown) throw invalid(`service ${key} leads nowhere`);
    if (isInstanceAddress && (!('backend' in target) || !isWhole(service))) {
      throw invalid(`service ${key} of an instance address that is for a part of it`);
    }
    if (floatingIp) continue;
    const members = 'ring' in target ? membersOf(rings[target.ring]) : [target.backend];
    if (members.some((backend) => familyOf(backends[backend].dip) !== familyOf(vip))) {
      throw invalid(`service ${key} leads to a DIP of the other family`);
    }
  }
}

function membersOf({ members, drained = [] }: Ring): readonly number[] {
  return [...members.map(({ backend }) => backend), ...drained];
}

function checkSnatRanges({ snatRanges = [], vips, backends }: MuxProgram): void {
  const known = new Set(vips);
  let before: SnatRange | undefined;
  for (const range of snatRanges) {
    const { vip, firstPort, portCount, backend } = range;
    if (!known.has(vip)) throw invalid(`leased ports of ${vip}, which is no VIP`);
    checkRange(range);
    if (backend >= backends.length) throw invalid(`leased ports ${firstPort}+${portCount} of no backend`);
    if (familyOf(backends[backend].dip) !== familyOf(vip)) {
      throw invalid(`leased ports of ${vip} for a DIP of the other family`);
    }
    const order = before ? compareText(before.vip, vip) : -1;
    if (order > 0 || (before && order === 0 && before.firstPort + before.portCount > firstPort)) {
      throw invalid(`leased ports of ${vip} that are not in order, or leased twice`);
    }
    before = range;
  }
}

// Hosts.

function checkHost({ nics, translations, snatRules = [], exemptions = [] }: HostProgram): void {
  checkUnique(
    'NIC',
    nics.map(({ key }) => key),
  );
  checkUnique(
    'MAC address',
    nics.map(({ macAddress }) => macAddress),
  );
  for (const { vni, macAddress } of nics) {
    checkVni(vni);
    checkMac(macAddress);
  }
  checkTranslations(translations, nics.length);
  checkSnatRules(snatRules, nics.length);
  for (const { vni } of exemptions) checkVni(vni ?? 0);
}

function checkTranslations(translations: HostProgram['translations'], nicCount: number): void {
  checkUnique(
    'translation',
    translations.map(({ nic, vip, protocol, port }) => `${nic} ${vip} ${protocol} ${port}`),
  );
  for (const translation of translations) {
    const { nic, vip, dip, protocol, port, floatingIp, isInstanceAddress } = translation;
    if (nic >= nicCount) throw invalid('a translation of no NIC');
    checkPort(protocol, port);
    if (isInstanceAddress && !isWhole(translation)) {
      throw invalid(`a translation of the instance address ${vip} that is for a part of it`);
    }
    if (!floatingIp && familyOf(dip) !== familyOf(vip)) throw invalid(`a translation of ${vip} to ${dip}`);
  }
}

function checkSnatRules(rules: readonly SnatRule[], nicCount: number): void {
  const forAny = new Set<string>();
  for (const { nic, dip, vip, protocol, ranges } of rules) {
    if (nic >= nicCount) throw invalid('an outbound rule of no NIC');
    if (familyOf(dip) !== familyOf(vip)) throw invalid(`an outbound rule from ${dip} to ${vip}`);
    for (const [at, range] of ranges.entries()) {
      checkRange(range);
      const before = ranges[at - 1];
      if (before && before.firstPort + before.portCount > range.firstPort) {
        throw invalid(`leased ports of ${vip} that are not in order, or leased twice`);
      }
    }
    const key = `${nic} ${dip}`;
    if (protocol === ANY_PROTOCOL) forAny.add(key);
    else if (forAny.has(key)) throw invalid(`an outbound rule for one protocol behind one for any: ${dip} to ${vip}`);
  }
}

// Both.

function checkPort(protocol: RuleProtocol, port: number): void {
  const hasPorts = protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP;
  if (!hasPorts && port !== ANY_PORT) throw invalid(`port ${port} of protocol ${protocol}`);
}

/** An instance address is all of an address: every protocol, every port, as it came. */
function isWhole(part: { protocol: number; backendPort: number; floatingIp: boolean }): boolean {
  return part.protocol === ANY_PROTOCOL && part.backendPort === ANY_PORT && !part.floatingIp;
}

function checkRange({ firstPort, portCount }: PortRange): void {
  const isWholeBlocks = firstPort % SNAT_BLOCK_PORT_COUNT === 0 && portCount % SNAT_BLOCK_PORT_COUNT === 0;
  const isInside = firstPort >= PORT_COUNT - SNAT_PORT_COUNT && firstPort + portCount <= PORT_COUNT;
  if (!isWholeBlocks || portCount === 0 || !isInside) throw invalid(`leased ports ${firstPort}+${portCount}`);
}

function checkMac(macAddress: string): void {
  if (!isUnicastMac(macAddress)) throw invalid(`a VM with the MAC address ${macAddress}`);
}

function checkVni(vni: number): void {
  if (vni > VNI_MAX) throw invalid(`VNI ${vni}`);
}

function checkUnique(what: string, keys: readonly (string | number)[]): void {
  if (new Set(keys).size !== keys.length) throw invalid(`the same ${what} twice`);
}

function familyOf(address: string): 4 | 6 {
  return parseIp(address).family;
}
