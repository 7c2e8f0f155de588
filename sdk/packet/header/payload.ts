/** What is not decoded: its name by the header around it, and its length on the wire. */

import { type Header, layerAt } from '../layer.js';

/** Anything that is not decoded. */
export const payload: Header = {
  decode(region) {
    const fields = { protocol: region.announcedAs, length: region.wireEnd - region.offset };
    return { layer: layerAt('payload', region, region.captureEnd - region.offset, fields) };
  },
  describe: ({ fields }) => `${fields.protocol}, length ${fields.length}`,
};
