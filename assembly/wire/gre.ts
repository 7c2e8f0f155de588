/**
 * GRE header with a key (RFC 2784, RFC 2890) as NVGRE has it, RFC 7637 section 3.2.
 *
 *   0                 2               4         7         8
 *   | flags, version | protocol type | VSID 24 | flow id |
 */

export const PROTOCOL_GRE: u32 = 47;

export const GRE_BYTES: u32 = 8;
export const GRE_FLOW_ID = 7;
