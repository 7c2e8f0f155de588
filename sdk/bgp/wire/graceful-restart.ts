/**
 * The value of the graceful restart capability, RFC 4724 section 3.
 *
 *     | R 1 | reserved 3 | restart time 12 |       the sender has restarted; how long its routes are to be kept
 *     | AFI 16 | SAFI 8 | F 1 | reserved 7 |       for each family: its forwarding went on meanwhile
 *
 * The second bit is RFC 8538's, which is not spoken.
 */
import { type ByteReader, ByteWriter } from '../../net/bytes.js';
import { AFI, familyOf, SAFI_UNICAST } from './families.js';
import type { Family, GracefulRestart } from './messages.js';

const RESTARTING = 0x8000;
const RESTART_SECONDS_MAX = 0x0fff;
const FORWARDING_PRESERVED = 0x80;

/**
 * Reads the value to its end; families nobody here knows are left out.
 *
 * @throws EdgemuxError `ERR_OUT_OF_BOUNDS` for a value that is cut off
 */
export function readGracefulRestart(value: ByteReader): GracefulRestart {
  const flagsAndTime = value.u16be();
  const families: { family: Family; isForwardingPreserved: boolean }[] = [];
  while (value.remaining > 0) {
    const family = familyOf(value.u16be(), value.u8());
    const isForwardingPreserved = (value.u8() & FORWARDING_PRESERVED) !== 0;
    if (family !== undefined) families.push({ family, isForwardingPreserved });
  }
  return {
    isRestarting: (flagsAndTime & RESTARTING) !== 0,
    restartTimeSeconds: flagsAndTime & RESTART_SECONDS_MAX,
    families,
  };
}

/**
 * Writes the value.
 *
 * @throws RangeError for a restart time over 4095 s
 */
export function writeGracefulRestart({ isRestarting, restartTimeSeconds, families }: GracefulRestart): ByteWriter {
  if (restartTimeSeconds > RESTART_SECONDS_MAX) {
    throw new RangeError(`a restart time of ${restartTimeSeconds} s, at most ${RESTART_SECONDS_MAX} fit`);
  }
  const value = new ByteWriter().u16be((isRestarting ? RESTARTING : 0) | restartTimeSeconds);
  for (const { family, isForwardingPreserved } of families) {
    value
      .u16be(AFI[family])
      .u8(SAFI_UNICAST)
      .u8(isForwardingPreserved ? FORWARDING_PRESERVED : 0);
  }
  return value;
}
