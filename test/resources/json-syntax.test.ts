import { describe, expect, it } from 'vitest';
import { readFabric } from '../../sdk/resources/index.js';

describe('a text that is not JSON', () => {
  const rows: [string, string][] = [
    ['', 'unexpected end at line 1, column 1'],
    ['{', 'unexpected end at line 1, column 2'],
    ['{}}', 'unexpected "}" at line 1, column 3'],
    ['{"a" 1}', 'unexpected "1" at line 1, column 6'],
    ['{"a": 1,}', 'unexpected "}" at line 1, column 9'],
    ['{\n  "a": 1\n  "b": 2\n}', 'unexpected "\\"" at line 3, column 3'],
    ['{\r\n  "a": [1, 2,\r\n  ]\r\n}', 'unexpected "]" at line 3, column 3'],
    ['[1 2]', 'unexpected "2" at line 1, column 4'],
    ['[01]', 'unexpected "1" at line 1, column 3'],
    ['[tru]', 'unexpected "t" at line 1, column 2'],
    ["{'a': 1}", 'unexpected "\'" at line 1, column 2'],
    ['["a\nb"]', 'unexpected "\\"" at line 1, column 2'],
    ['["\\x"]', 'unexpected "\\"" at line 1, column 2'],
    ['["open', 'unexpected "\\"" at line 1, column 2'],
    ['{"a": 1} // why', 'unexpected "/" at line 1, column 10'],
    ['\uFEFF[}', 'unexpected "}" at line 1, column 2'],
    [`${'['.repeat(100_000)}!`, 'unexpected "!" at line 1, column 100001'],
    [`["${'x'.repeat(10_000_000)}"`, 'unexpected end at line 1, column 10000004'],
  ];
  it.each(rows)('%.20j', (text, message) => {
    expect(() => readFabric(text)).toThrow(
      expect.objectContaining({ code: 'ERR_FABRIC_SYNTAX', message: `not JSON: ${message}` }),
    );
  });
});
