/** The processes of a lab, the latest of each name, kept in its run folder. */
import { join } from 'node:path';
import { DetachedProcess } from './detached-process.js';
import { LabError } from './lab-error.js';
import { type LabState, runFolder, writeState } from './run-folder.js';
import { GiveUp } from './wait.js';

const LINES_OF_THE_DEAD = 5;

/** The processes of the lab of a state, which it changes. */
export class ProcessList {
  readonly #state: LabState;

  constructor(state: LabState) {
    this.#state = state;
  }

  /** All of them. */
  get all(): readonly DetachedProcess[] {
    return this.#state.processes.map((record) => new DetachedProcess(record));
  }

  /**
   * The process of this name: `mux-1`, `host-2`, `web-1`.
   *
   * @throws LabError when there is none
   */
  find(name: string): DetachedProcess {
    const found = this.all.find(({ record }) => record.name === name);
    if (found === undefined) throw new LabError(`the lab ${this.#state.options.name} has no process ${name}`);
    return found;
  }

  /** Starts a command in a namespace. */
  start(name: string, namespace: string, command: readonly string[]): DetachedProcess {
    const log = join(runFolder(this.#state.options.name), `${name}.log`);
    const started = DetachedProcess.start(name, namespace, command, log);
    this.forget(name);
    this.#state.processes.push(started.record);
    writeState(this.#state);
    return started;
  }

  /** Takes a process out of the list. */
  forget(name: string): void {
    this.#state.processes = this.#state.processes.filter((one) => one.name !== name);
    writeState(this.#state);
  }

  /**
   * Who waits for a process that has ended waits in vain.
   *
   * @throws GiveUp with the name of one, and the last it has said
   */
  check(): void {
    const dead = this.all.find((one) => !one.isRunning);
    if (dead === undefined) return;
    const lines = dead.lastLines(LINES_OF_THE_DEAD).map((line) => `\n  ${line}`);
    throw new GiveUp(`${dead.record.name} has ended${lines.join('')}`);
  }
}
