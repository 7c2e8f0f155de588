/** Programs: policy compiled for one MUX or one host. */

export { FLOW_HASH_KEY_DEFAULT } from '../resources/index.js';
export { decodeProgram, encodeProgram, PROGRAM_VERSION } from './artifact.js';
export { type CompiledFabric, type CompileOptions, compile } from './compile.js';
export { diffPrograms, type MemberChange, type ProgramDiff } from './diff.js';
export type { Health } from './policy.js';
export type {
  Attachment,
  Backend,
  Distribution,
  Encapsulation,
  Exemption,
  FastpathPeer,
  HostFastpath,
  HostProgram,
  MuxFastpath,
  MuxProgram,
  Nic,
  Program,
  Ring,
  RingMember,
  RuleProtocol,
  Service,
  SnatRange,
  SnatRule,
  Translation,
} from './types.js';
