/** Programs that follow one another on a running data plane: what an operator does to a fabric in a day. */
import type { HostProgram, MuxProgram } from '../../sdk/program/types.js';

/** A member that takes no new connections in any ring and keeps those it has. */
export function withDrainedMember(program: MuxProgram, backend: number): MuxProgram {
  return {
    ...program,
    rings: program.rings.map((ring) => ({
      ...ring,
      members: ring.members.filter((member) => member.backend !== backend),
      drained: [backend],
    })),
  };
}

/** A member that leaves every ring, its backend still there: a VM taken out of the pool. */
export function withoutMember(program: MuxProgram, backend: number): MuxProgram {
  return {
    ...program,
    rings: program.rings.map((ring) => ({
      ...ring,
      members: ring.members.filter((member) => member.backend !== backend),
    })),
  };
}

/** The last backend gone altogether, and all that is its own: a VM that was deleted. */
export function withoutLastBackend(program: MuxProgram): MuxProgram {
  const last = program.backends.length - 1;
  return {
    ...withoutMember(program, last),
    services: program.services.filter(({ target }) => !('backend' in target && target.backend === last)),
    backends: program.backends.slice(0, last),
    snatRanges: (program.snatRanges ?? []).filter(({ backend }) => backend !== last),
  };
}

/** Every backend on the host of the first one: VMs that moved. */
export function allOnOneHost(program: MuxProgram): MuxProgram {
  const [{ host, hostProviderAddress, nextHopMacAddress }] = program.backends;
  return {
    ...program,
    backends: program.backends.map((backend) => ({ ...backend, host, hostProviderAddress, nextHopMacAddress })),
  };
}

/** The first backend with another DIP: a VM that was given a new address. */
export function withNewAddress(program: MuxProgram): MuxProgram {
  const [first, ...rest] = program.backends;
  return { ...program, backends: [{ ...first, dip: '192.168.1.99' }, ...rest] };
}

/** A rule less. */
export function withoutFirstService(program: MuxProgram): MuxProgram {
  return { ...program, services: program.services.slice(1) };
}

/** The instance-level addresses given up: their VIPs are still there, with nothing behind them. */
export function withoutInstances(program: MuxProgram): MuxProgram {
  return { ...program, services: program.services.filter(({ isInstanceAddress }) => !isInstanceAddress) };
}

/** Every lease with another backend: the ports were given back and leased again. */
export function withLeasesMoved(program: MuxProgram): MuxProgram {
  const { snatRanges = [], backends } = program;
  return {
    ...program,
    snatRanges: snatRanges.map((range) => ({ ...range, backend: (range.backend + 1) % backends.length })),
  };
}

/** Every host reached over the other family of the underlay, as far as `addresses` names its address there. */
export function overOtherUnderlay(program: MuxProgram, addresses: Readonly<Record<string, string>>): MuxProgram {
  return {
    ...program,
    backends: program.backends.map((backend) => ({
      ...backend,
      hostProviderAddress: addresses[backend.hostProviderAddress] ?? backend.hostProviderAddress,
    })),
  };
}

/** A provider network with another MTU, 0 for one that nobody knows, and another VLAN. */
export function withOtherNetwork<P extends MuxProgram | HostProgram>(program: P, mtuBytes: number, vlanId: number): P {
  const { mtuBytes: _, ...attachment } = program.attachment;
  return { ...program, attachment: { ...attachment, vlanId, ...(mtuBytes > 0 && { mtuBytes }) } };
}

/** Nobody says what the MAC address of the default gateway is. */
export function withoutGateway(program: HostProgram): HostProgram {
  return { ...program, attachment: { ...program.attachment, gatewayMacAddress: undefined } };
}

/** Nothing is reached under a VM's own address but what never leaves a link. */
export function withoutExemptions(program: HostProgram): HostProgram {
  return { ...program, exemptions: [] };
}

/** A translation less. */
export function withoutFirstTranslation(program: HostProgram): HostProgram {
  return { ...program, translations: program.translations.slice(1) };
}

/** The ports of the first outbound rule that has some are leased to nobody here any more. */
export function withoutFirstLease(program: HostProgram): HostProgram {
  const { snatRules = [] } = program;
  const first = snatRules.findIndex(({ ranges }) => ranges.length > 0);
  return { ...program, snatRules: snatRules.map((rule, index) => (index === first ? { ...rule, ranges: [] } : rule)) };
}

/** No outbound rule at all. */
export function withoutSnat(program: HostProgram): HostProgram {
  const { snatRules: _, ...rest } = program;
  return rest;
}

/** The last NIC gone: a VM that moved away. */
export function withoutLastNic(program: HostProgram): HostProgram {
  const last = program.nics.length - 1;
  return {
    ...program,
    nics: program.nics.slice(0, last),
    translations: program.translations.filter(({ nic }) => nic !== last),
    ...(program.snatRules && { snatRules: program.snatRules.filter(({ nic }) => nic !== last) }),
  };
}
