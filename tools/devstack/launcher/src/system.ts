import { resolve } from 'node:path';
import { DataFolder, type DevelopmentKey } from './data-folder';
import { choosePorts, type Ports } from './ports';
import { consoleReport, silentReport, type Report } from './report';
import { planServers, type ServerUrls } from './servers';
import { planServices, readyzUrl, SERVICE_NAMES, type ServiceName } from './services';
import type { Setting } from './setting';
import { planSimulator, simulatorUrls, type SimulatorUrls } from './simulator';
import { SupervisedProcess, type ProcessHandle, type ProcessListener, type ProcessSpec } from './supervised-process';
import { withCompileCache } from './workspace';

/** Services first, then what stands behind them; whatever is left after the sum is killed. */
const SERVICES_STOP_WITHIN_MS = 2_500;
const SERVERS_STOP_WITHIN_MS = 1_500;

export interface SystemOptions {
  /** Events, cache, simulator bytes, keys and logs. Made where it is not there; one system at a time uses it. */
  readonly dataDir: string;
  /** Added to this process's environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Ports that must be these. The gateway's is 4000 (GATEWAY_PORT) unless it stands here; 0 draws one. */
  readonly ports?: Partial<Ports>;
  /** Says nothing on stdout. */
  readonly quiet?: boolean;
  /** Which services; default all. */
  readonly services?: readonly ServiceName[];
  /** Breaks the start off; startSystem then rejects with its reason, and nothing is left running. */
  readonly signal?: AbortSignal;
}

export interface System {
  readonly dataDir: string;
  readonly gatewayUrl: string;
  /** Of the owner `dev`, with the admin scope. */
  readonly apiKey: string;
  readonly apiKeyFile: string;
  readonly urls: ServerUrls & {
    readonly simulator: SimulatorUrls;
    /** Of each service: 200, or 503 and why it cannot work now. */
    readonly readyz: Readonly<Record<ServiceName, string>>;
  };
  /** By name: the services, `simulator`, and those of `nats`, `eventstore`, `mongodb` that were started here. */
  readonly processes: Readonly<Record<string, ProcessHandle>>;
  /** Resolves when the system has stopped, with the reason where it stopped by itself: a process died too often. */
  readonly stopped: Promise<Error | undefined>;
  /** Stops all within 4 s: politely, then hard. */
  stop(): Promise<void>;
  /** At once and hard. */
  kill(): Promise<void>;
}

/**
 * Starts servers, simulator and services in one data folder and waits until all are ready.
 * @throws Error that says what to do: folder in use, port taken, a process that does not become ready. Nothing is left running.
 */
export async function startSystem(options: SystemOptions): Promise<System> {
  const folder = await DataFolder.open(resolve(options.dataDir));
  let running: RunningSystem | undefined;
  try {
    const env = withCompileCache({ ...process.env, ...options.env });
    const ports = await choosePorts(folder.path, askedPorts(options.ports, env));
    running = new RunningSystem({ folder, ports, env }, options.quiet ? silentReport : consoleReport);
    await running.start(options.services ?? SERVICE_NAMES, options.signal);
    return running;
  } catch (error) {
    await running?.stop();
    if (!running) folder.close();
    throw error;
  }
}

function askedPorts({ gateway, ...others }: Partial<Ports> = {}, env: NodeJS.ProcessEnv): Partial<Ports> {
  if (gateway === 0) return others;
  const port = gateway ?? Number(env.GATEWAY_PORT || 4000);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`GATEWAY_PORT must be a port from 1 to 65535, not "${env.GATEWAY_PORT}".`);
  return { ...others, gateway: port };
}

class RunningSystem implements System {
  readonly processes: Record<string, SupervisedProcess> = {};
  readonly urls: System['urls'];
  readonly stopped: Promise<Error | undefined>;
  private readonly servers: ReturnType<typeof planServers>;
  private readonly key: DevelopmentKey;
  private readonly startBroken: Promise<Error>;
  private breakStart!: (reason: Error) => void;
  private hasStopped!: (reason: Error | undefined) => void;
  private stopping: Promise<void> | undefined;
  private starting = true;

  constructor(private readonly setting: Setting, private readonly report: Report) {
    this.servers = planServers(setting);
    this.key = setting.folder.developmentKey();
    const readyz = Object.fromEntries(SERVICE_NAMES.map((name) => [name, readyzUrl(name, setting)])) as Record<ServiceName, string>;
    this.urls = { ...this.servers.urls, simulator: simulatorUrls(setting), readyz };
    this.stopped = new Promise((resolve) => (this.hasStopped = resolve));
    this.startBroken = new Promise((resolve) => (this.breakStart = resolve));
  }

  get dataDir(): string {
    return this.setting.folder.path;
  }

  get gatewayUrl(): string {
    return `http://127.0.0.1:${this.setting.ports.gateway}`;
  }

  get apiKey(): string {
    return this.key.key;
  }

  get apiKeyFile(): string {
    return this.key.file;
  }

  async start(services: readonly ServiceName[], signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    signal?.addEventListener('abort', () => this.breakStart(signal.reason as Error), { once: true });
    this.report.banner(this.servers.banner);
    await this.launch([...this.servers.processes, planSimulator(this.setting)]);
    const cacheUrlSecret = this.setting.folder.secret('cache-url-secret');
    await this.launch(planServices(services, this.setting, { servers: this.servers.urls, key: this.key, cacheUrlSecret }));
    this.starting = false;
  }

  stop(): Promise<void> {
    return this.stopBecause(undefined);
  }

  async kill(): Promise<void> {
    const ended = Object.values(this.processes).map((child) => child.stop(0));
    await Promise.all(ended);
  }

  private async launch(specs: readonly ProcessSpec[]): Promise<void> {
    const started = specs.map((spec) => (this.processes[spec.name] = new SupervisedProcess(spec, this.listener)));
    for (const child of started) child.start();
    this.record();
    const allReady = Promise.all(started.map((child) => child.ready())).then(() => undefined);
    const broken = await Promise.race([allReady, this.startBroken]);
    if (broken) throw broken;
  }

  private stopBecause(reason: Error | undefined): Promise<void> {
    this.stopping ??= this.stopAll().then(() => this.hasStopped(reason));
    return this.stopping;
  }

  private async stopAll(): Promise<void> {
    const all = Object.values(this.processes);
    const isService = ({ name }: ProcessHandle) => SERVICE_NAMES.some((service) => service === name);
    await Promise.all(all.filter(isService).map((child) => child.stop(SERVICES_STOP_WITHIN_MS)));
    await Promise.all(all.filter((child) => !isService(child)).map((child) => child.stop(SERVERS_STOP_WITHIN_MS)));
    this.setting.folder.close();
  }

  private record(): void {
    this.setting.folder.recordProcesses(Object.fromEntries(Object.entries(this.processes).map(([name, { pid }]) => [name, pid])));
  }

  private readonly listener: ProcessListener = {
    ready: (name, milliseconds) => {
      this.record();
      this.report.ready(name, milliseconds, this.starting);
    },
    died: (name, how, againInMs) => this.report.died(name, how, againInMs),
    gaveUp: (error) => {
      this.breakStart(error);
      // During the start, startSystem stops what runs.
      if (!this.starting) void this.stopBecause(error);
    },
  };
}
