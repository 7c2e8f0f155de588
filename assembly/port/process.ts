/** One round of a data plane with packet ports: the pipeline over what has arrived, and its frames on their way. */
import { hostProcess } from '../host';
import { muxProcess } from '../mux';
import { arrivals, beginArrivals } from './arrival';
import { dispatch } from './dispatch';

/** Processes what ports have received as a MUX; returns how many frames that were, those included that it produced. */
export function portProcessMux(nowMs: u32): u32 {
  const arrived = arrivals();
  return conclude(arrived, muxProcess(arrived, nowMs), true);
}

/** The same as a host agent. */
export function portProcessHost(nowMs: u32): u32 {
  const arrived = arrivals();
  return conclude(arrived, hostProcess(arrived, nowMs), false);
}

function conclude(arrived: u32, frameCount: u32, goesBack: bool): u32 {
  dispatch(arrived, frameCount, goesBack);
  beginArrivals();
  return frameCount;
}
