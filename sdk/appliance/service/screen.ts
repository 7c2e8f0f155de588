/** Some lines at the bottom of a terminal that are drawn again in place. */

const CURSOR_HIDE = '\x1b[?25l';
const CURSOR_SHOW = '\x1b[?25h';
const ERASE_BELOW = '\r\x1b[0J';

/** What a screen needs of a terminal. */
export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  /** Characters that it has not taken yet. */
  readonly writableLength?: number;
  write(text: string): unknown;
}

const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;

/** Lines that replace each other. */
export class Screen {
  readonly #terminal: Terminal;
  #drawnCount = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** How many characters a line may have. */
  get columnCount(): number {
    // Some terminals begin a new line when the last column is written, and some with the character after it.
    return (this.#terminal.columns || COLUMNS_DEFAULT) - 1;
  }

  /**
   * Draws lines of at most `columnCount` characters over those drawn before; those that do not fit are counted. Draws
   * nothing while the terminal has not taken what was drawn last: it is stopped, and what is new can wait.
   */
  draw(lines: readonly string[]): void {
    if ((this.#terminal.writableLength ?? 0) > 0) return;
    const room = (this.#terminal.rows || ROWS_DEFAULT) - 1;
    const fitting = lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more`];
    const up = this.#drawnCount > 0 ? `\x1b[${this.#drawnCount}A` : CURSOR_HIDE;
    this.#terminal.write(`${up}${ERASE_BELOW}${fitting.map((line) => `${line}\n`).join('')}`);
    this.#drawnCount = fitting.length;
  }

  /** Leaves what is drawn and gives the cursor back. */
  end(): void {
    if (this.#drawnCount > 0) this.#terminal.write(CURSOR_SHOW);
    this.#drawnCount = 0;
  }
}
