/** The protocols of rules, as policy names them and as packets do. */
import { ANY_PROTOCOL, PROTOCOL_ESP, PROTOCOL_GRE, PROTOCOL_TCP, PROTOCOL_UDP, type RuleProtocol } from './types.js';

/** IP protocol numbers by the names rules have for them. */
export const PROTOCOLS = {
  Tcp: PROTOCOL_TCP,
  Udp: PROTOCOL_UDP,
  All: ANY_PROTOCOL,
  GRE: PROTOCOL_GRE,
  ESP: PROTOCOL_ESP,
} as const;

/** The same the other way round. */
export const PROTOCOL_NAMES: Readonly<Record<RuleProtocol, keyof typeof PROTOCOLS>> = {
  [PROTOCOL_TCP]: 'Tcp',
  [PROTOCOL_UDP]: 'Udp',
  [ANY_PROTOCOL]: 'All',
  [PROTOCOL_GRE]: 'GRE',
  [PROTOCOL_ESP]: 'ESP',
};
