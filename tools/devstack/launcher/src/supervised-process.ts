import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { lastLines, openLog } from './log-file';
import { launcherFile } from './workspace';

const EXIT_WITH_PARENT = launcherFile('exit-with-parent.cjs');
const PROBE_EVERY_MS = 50;
/** Milliseconds from a death to the next start: doubled with each death, up to the longest. */
const RESTART_PAUSES = { first: 100, longest: 3_000 };
/** A death counts for this long. */
const DEATHS_WINDOW_MS = 60_000;
export const MAX_DEATHS = 10;
export const READY_WITHIN_MS = 60_000;
const RESTART_GRACE_MS = 4_000;
const LOG_LINES_SHOWN = 15;

export interface ProcessSpec {
  readonly name: string;
  /** Arguments of the running Node: its own options, the main file, the program's. */
  readonly nodeArgs: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  /** Asked again and again after each start, until it says yes. */
  readonly isReady: () => Promise<boolean>;
}

export interface ProcessListener {
  ready(name: string, milliseconds: number): void;
  died(name: string, how: string, againInMs: number): void;
  /** It died too often, or could not be started at all; it is not started again. */
  gaveUp(error: Error): void;
}

/** One process of the system, as tests and the command line see it. */
export interface ProcessHandle {
  readonly name: string;
  /** Undefined while it is down. */
  readonly pid: number | undefined;
  /** How often it was started again after it died by itself. */
  readonly restarts: number;
  /** To the process and all that it started. One that dies of it is started again. */
  kill(signal: NodeJS.Signals): void;
  /** Stops it politely and keeps it down until `restart`. */
  takeDown(): Promise<void>;
  /** Stops it politely where it runs, starts it and waits until it is ready. */
  restart(): Promise<void>;
  /** Waits until the process that runs now, or the next one, is ready. */
  ready(timeoutMs?: number): Promise<void>;
}

interface Incarnation {
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
}

/**
 * A Node process that is started again when it dies, with growing pauses, until it died 10 times in a minute. It leads a
 * process group of its own: a Ctrl-C in the terminal reaches the launcher alone, which stops all in order.
 */
export class SupervisedProcess implements ProcessHandle {
  restarts = 0;
  private current: Incarnation | undefined;
  private isUp = false;
  /** Off while it is held down: its end is then no death. */
  private wanted = true;
  private isStopped = false;
  private failure: Error | undefined;
  private deaths: number[] = [];
  private restartTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly spec: ProcessSpec,
    private readonly listener: ProcessListener,
    private readonly pauses = RESTART_PAUSES,
  ) {}

  get name(): string {
    return this.spec.name;
  }

  get pid(): number | undefined {
    return this.current?.child.pid;
  }

  start(): void {
    const log = openLog(this.spec.logFile);
    const child = spawn(process.execPath, ['-r', EXIT_WITH_PARENT, ...this.spec.nodeArgs], {
      env: this.spec.env,
      stdio: ['ignore', log, log, 'ipc'],
      detached: true,
    });
    closeSync(log);
    const exited = new Promise<void>((resolve) => {
      child.once('exit', (code, signal) => {
        this.ended(child, signal ?? `exit code ${code}`);
        resolve();
      });
      child.once('error', (error) => {
        if (child.pid === undefined) resolve(this.ended(child, error.message));
      });
    });
    this.current = { child, exited };
    void this.probe(child, performance.now());
  }

  kill(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) signalGroup(this.pid, signal);
  }

  takeDown(): Promise<void> {
    return this.halt(RESTART_GRACE_MS);
  }

  async restart(): Promise<void> {
    await this.takeDown();
    if (this.isStopped) throw new Error(`${this.name} was stopped.`);
    this.wanted = true;
    this.start();
    await this.ready();
  }

  async ready(timeoutMs = READY_WITHIN_MS): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!this.isUp) {
      if (this.failure) throw this.failure;
      if (this.isStopped) throw new Error(`${this.name} was stopped.`);
      if (performance.now() > deadline) throw this.explained(`was not ready within ${timeoutMs / 1000} s`);
      await pause(PROBE_EVERY_MS / 2);
    }
  }

  /** For good: SIGTERM, then SIGKILL after `graceMs`. Resolves when nothing of it runs. */
  stop(graceMs: number): Promise<void> {
    this.isStopped = true;
    return this.halt(graceMs);
  }

  private async halt(graceMs: number): Promise<void> {
    this.wanted = false;
    clearTimeout(this.restartTimer);
    const { current } = this;
    if (!current) return;
    this.kill('SIGTERM');
    const hard = setTimeout(() => this.kill('SIGKILL'), graceMs);
    await current.exited;
    clearTimeout(hard);
  }

  private async probe(child: ChildProcess, started: number): Promise<void> {
    while (this.current?.child === child) {
      const ready = await this.spec.isReady();
      if (this.current?.child !== child) return;
      if (ready) {
        this.isUp = true;
        this.listener.ready(this.name, performance.now() - started);
        return;
      }
      await pause(PROBE_EVERY_MS);
    }
  }

  private ended(child: ChildProcess, how: string): void {
    if (this.current?.child !== child) return;
    this.current = undefined;
    this.isUp = false;
    // What the process itself started ends with it.
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
    if (this.wanted) this.startAgain(how);
  }

  private startAgain(how: string): void {
    const now = performance.now();
    this.deaths = [...this.deaths.filter((at) => now - at < DEATHS_WINDOW_MS), now];
    if (this.deaths.length >= MAX_DEATHS) {
      this.failure = this.explained(`died ${MAX_DEATHS} times within a minute, the last time by ${how}`);
      this.listener.gaveUp(this.failure);
      return;
    }
    const againInMs = Math.min(this.pauses.longest, this.pauses.first * 2 ** (this.deaths.length - 1));
    this.listener.died(this.name, how, againInMs);
    this.restartTimer = setTimeout(() => {
      this.restarts += 1;
      this.start();
    }, againInMs);
  }

  private explained(what: string): Error {
    const lines = lastLines(this.spec.logFile, LOG_LINES_SHOWN);
    const said = lines.length ? `Its log ends with:\n${lines.map((line) => `    ${line}`).join('\n')}` : 'Its log is empty.';
    return new Error(`${this.name} ${what}. ${said}\n  All of it: ${this.spec.logFile}`);
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
