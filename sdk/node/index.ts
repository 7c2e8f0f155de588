/** `edgemux/node`: the SDK's runtime on Node, and a speaker on a thread of its own. */
export { nodeRuntime } from '../runtime/node/index.js';
export { SpeakerThread } from './speaker-thread.js';
