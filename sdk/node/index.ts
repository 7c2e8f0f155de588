/** `edgemux/node`: the SDK's runtime on Node. */
export { nodeRuntime } from '../runtime/node/index.js';
