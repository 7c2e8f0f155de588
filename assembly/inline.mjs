/**
 * Makes one piece of code of what every packet goes through: a function whose doc comment says `@inline` is compiled
 * into its callers.
 *
 * In WebAssembly a call costs 2 ns, because no register survives it, and the compiler's own judgement leaves six of
 * them per packet. AssemblyScript's decorator for this is no TypeScript, so that neither tsc nor Biome could read the
 * sources; a doc comment both can.
 */
import { Node, NodeKind } from 'assemblyscript';
import { Transform } from 'assemblyscript/transform';

export default class InlineTagged extends Transform {
  afterParse(parser) {
    for (const source of parser.sources) {
      for (const statement of source.statements) {
        if (statement.kind === NodeKind.FunctionDeclaration && isTagged(source.text, statement)) decorate(statement);
      }
    }
  }
}

function isTagged(text, { range }) {
  const before = text
    .slice(0, range.start)
    .replace(/export\s+$/, '')
    .trimEnd();
  return before.endsWith('*/') && before.slice(before.lastIndexOf('/**')).includes('@inline');
}

function decorate(statement) {
  const name = Node.createIdentifierExpression('inline', statement.range);
  statement.decorators = [...(statement.decorators ?? []), Node.createDecorator(name, null, statement.range)];
}
